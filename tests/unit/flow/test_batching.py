"""Rolling steps at planning: whose rules hold, which batches follow, what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from core.domain.access import EnvironmentSpec
from core.domain.job import JobSpec
from core.domain.rolling import Mode
from core.domain.targets import HostView, Inventory
from core.errors import Invalid, NotFound
from core.flow.batching import Rolled, roll
from core.flow.definition import FrozenHost, RunRequest
from core.flow.graph import chain
from core.flow.works import Work


@dataclass
class Documents:
    """Documents of one moment, written down by hand."""

    environments: dict[str, EnvironmentSpec] = field(default_factory=dict)
    jobs: dict[str, JobSpec] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def inventory(self) -> Inventory:
        return Inventory(hosts={name: HostView(name, own) for name, own in self.labels.items()})

    def job(self, name: str, revision: int | None = None) -> tuple[JobSpec, int]:
        if name not in self.jobs:
            raise NotFound("job", name, list(self.jobs))
        return self.jobs[name], 7


def job(*steps: dict[str, Any], **more: Any) -> JobSpec:
    return JobSpec.model_validate({"steps": list(steps), **more})


def step(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"kind": "command", "name": name, "command": "x", **more}


PROD = EnvironmentSpec(batch="2")
DOCUMENTS = Documents(
    environments={"prod": PROD, "dev": EnvironmentSpec(batch="50%"), "lab": EnvironmentSpec()},
    jobs={
        "check": job(step()),
        "asks": job(step(), parameters=[{"name": "url", "required": True}]),
        "rolls": job(step(rolling={"batch": "1"})),
    },
    labels={"h0": {"tier": "2"}, "h1": {"tier": "1"}},
)


def rolled(
    *steps: dict[str, Any],
    environments: tuple[str | None, ...] = (None,) * 4,
    variables: dict[str, str] | None = None,
    **request: Any,
) -> Rolled:
    hosts = [
        FrozenHost(name=f"h{number}", address="x", environment=name, variables=variables or {})
        for number, name in enumerate(environments)
    ]
    made = job(*(steps or (step(),)))
    asked = RunRequest.model_validate({"job": "j", **request})
    everywhere = {each.name: tuple(range(len(hosts))) for each in made.steps}
    work = Work(
        title="j",
        origin="job/j@1",
        graph=chain(made.steps),
        places={each.name: f"job steps[{index}]" for index, each in enumerate(made.steps)},
    )
    return roll(asked, work, hosts, everywhere, DOCUMENTS)


def refused(*steps: dict[str, Any], **more: Any) -> str:
    with pytest.raises(Invalid) as raised:
        rolled(*steps, **more)
    (problem,) = raised.value.problems
    return str(problem)


def test_a_step_that_says_nothing_does_not_roll() -> None:
    assert (rolled().batches, rolled().seed) == ({}, "")
    assert rolled().steps[0].rolling is None


def test_a_step_rolls_by_its_own_rules_and_a_start_can_say_otherwise() -> None:
    own = step(rolling={"batch": "3", "max_fail": 1})
    assert rolled(own).batches == {"a": ((0, 1, 2), (3,))}
    said = rolled(own, step("b"), rolling={"batch": "1 +1", "mode": "manual"})
    assert said.batches == {"a": ((0,), (1, 2), (3,)), "b": ((0,), (1, 2), (3,))}
    first, second = (each.rolling for each in said.steps)
    assert first is not None
    assert second is not None
    assert (first.mode, first.max_fail) == (Mode.MANUAL, "1")
    assert (second.mode, second.max_fail) == (Mode.MANUAL, None)


def test_a_local_step_never_rolls() -> None:
    here = {"kind": "local", "name": "here", "command": "x"}
    assert set(rolled(step(), here, rolling={"batch": "1"}).batches) == {"a"}
    with pytest.raises(Invalid, match="nothing rolls"):
        rolled(here, rolling={"batch": "1"})


def test_without_an_expression_the_environment_says_how_and_else_it_is_one_batch() -> None:
    rules = step(rolling={"max_fail": 1})
    of_prod = rolled(rules, environments=("prod", "prod", None, "lab"))
    assert of_prod.batches == {"a": ((0, 1), (2, 3))}
    assert of_prod.steps[0].rolling is not None
    assert of_prod.steps[0].rolling.batch == "2", "frozen: a later edit changes nothing"
    assert rolled(rules, environments=("lab", None)).batches == {"a": ((0, 1),)}
    assert rolled(environments=("prod",) * 4).batches == {}, "only runs that roll are concerned"


def test_environments_that_differ_must_be_decided_between() -> None:
    assert refused(step(rolling={}), environments=("prod", "dev")) == (
        "job steps[0].rolling.batch: is missing, and dev says '50%', prod says '2' (--batch EXPR)"
    )


def test_the_rank_is_a_label_or_else_a_variable() -> None:
    by_label = rolled(rolling={"rank": "tier"})
    assert by_label.batches == {"a": ((1,), (0,), (2, 3))}
    by_variable = rolled(rolling={"rank": "ring"}, variables={"ring": "x"})
    assert by_variable.batches == {"a": ((0, 1, 2, 3),)}
    assert refused(rolling={"rank": "rign"}) == (
        "rolling.rank: no target has a label or a variable 'rign'"
    )


def test_the_seed_is_kept_where_chance_has_a_part() -> None:
    assert rolled(rolling={"batch": "1"}, seed="s").seed == ""
    shuffled = rolled(rolling={"batch": "1", "order": "shuffle"}, seed="s")
    assert shuffled.seed == "s"
    assert shuffled == rolled(rolling={"batch": "1", "order": "shuffle"}, seed="s")


def test_staggered_batches_have_planned_times() -> None:
    found = rolled(rolling={"batch": "2", "stagger": {"fixed_s": 30}}, seed="s")
    assert found.offsets_s == {"a": (0.0, 30.0)}
    random = rolled(rolling={"batch": "2", "stagger": {"min_s": 5, "max_s": 9}}, seed="s")
    assert 5 <= random.offsets_s["a"][1] <= 9
    assert random.seed == "s"


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"health": "asks"}, "rolling.health: job asks has parameters that nobody would give"),
        ({"health": "rolls"}, "rolling.health: job rolls rolls itself"),
    ],
)
def test_a_job_that_nobody_could_start_is_no_health_check(rules: dict[str, Any], said: str) -> None:
    assert said in refused(rolling=rules)


def test_a_health_check_that_does_not_exist_is_named() -> None:
    with pytest.raises(NotFound, match=r"job 'chekc' does not exist.*did you mean 'check'"):
        rolled(rolling={"health": "chekc"})


def test_rules_that_do_not_fit_together_are_refused_although_each_was_fine() -> None:
    own = step(rolling={"stagger": {"fixed_s": 5}})
    assert "drop one" in refused(own, rolling={"mode": "manual"})
