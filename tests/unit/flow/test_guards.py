"""Guard rails: what is refused, what must be confirmed, and that all of it is said at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from core.domain.access import EnvironmentSpec
from core.domain.inventory import HostSpec, Protocol
from core.errors import ConfirmationRequired, Forbidden, OpsError
from core.flow import guards
from core.flow.definition import ENGINE_HOST, FrozenHost


@dataclass
class Rails:
    """The documents that hold guard rails, written down by hand."""

    hosts: dict[str, HostSpec] = field(default_factory=dict)
    environments: dict[str, EnvironmentSpec] = field(default_factory=dict)


def rails(**environments: dict[str, Any]) -> Rails:
    """`web1` and `web2` in prod, `lab1` in lab, `bare` in none."""
    places = {"web1": "prod", "web2": "prod", "lab1": "lab", "bare": None}
    specs = {"prod": {}, "lab": {}, **environments}
    return Rails(
        hosts={name: HostSpec(environment=place) for name, place in places.items()},
        environments={name: EnvironmentSpec.model_validate(spec) for name, spec in specs.items()},
    )


def frozen(*names: str, environment: str | None = None) -> list[FrozenHost]:
    return [FrozenHost(name=name, address=name, environment=environment) for name in names]


EVERYWHERE = ("web1", "web2", "lab1", "bare")


@pytest.mark.parametrize(
    ("prod", "given", "error", "says"),
    [
        ({"read_only": True}, {}, Forbidden, "prod: is read-only; .* 2 of its hosts: web.1-2."),
        ({"host_cap": 1}, {}, Forbidden, "prod: allows 1 hosts in one run; it would touch 2"),
        ({"confirm": True}, {}, ConfirmationRequired, "number of hosts: 4 .*--confirm 4"),
        ({"confirm": True}, {"confirm_hosts": 2}, ConfirmationRequired, "hosts: 4, not 2"),
        ({"change_required": True}, {}, Forbidden, "requires a change number .--change NUMBER"),
        (
            {"change_required": True, "change_pattern": "CHG-[0-9]+"},
            {"change": "CHG-12x"},
            Forbidden,
            "'CHG-12x' does not match CHG-",
        ),
        (
            {"change_required": True, "change_pattern": "(1|11)+"},
            {"change": "1" * 60 + "x"},
            Forbidden,
            "does not match",
        ),
    ],
)
def test_what_an_environment_asks_is_asked(
    prod: dict[str, Any], given: dict[str, Any], error: type[OpsError], says: str
) -> None:
    with pytest.raises(error, match=says):
        guards.check(frozen(*EVERYWHERE), rails(prod=prod), **given)


@pytest.mark.parametrize(
    ("prod", "given"),
    [
        ({}, {}),
        ({"host_cap": 2}, {}),
        ({"confirm": True}, {"confirm_hosts": 4}),
        ({"change_required": True}, {"change": "anything"}),
        ({"change_required": True, "change_pattern": "CHG-[0-9]+"}, {"change": "CHG-12"}),
    ],
)
def test_what_an_environment_allows_passes(prod: dict[str, Any], given: dict[str, Any]) -> None:
    guards.check(frozen(*EVERYWHERE), rails(prod=prod), **given)


def test_the_rails_of_an_environment_that_is_not_touched_ask_nothing() -> None:
    guards.check(frozen("lab1", "bare", ENGINE_HOST), rails(prod={"read_only": True}))


def test_everything_that_stands_against_it_is_said_at_once() -> None:
    strict = {"read_only": True, "host_cap": 1, "change_required": True, "confirm": True}
    with pytest.raises(Forbidden) as refused:
        guards.check(frozen(*EVERYWHERE), rails(prod=strict, lab={"read_only": True}))
    places = [problem.where for problem in refused.value.problems]
    assert places == ["environment prod"] * 3 + ["environment lab", "environment prod"]
    assert all(problem.hint for problem in refused.value.problems)
    assert "--confirm 4" in refused.value.problems[-1].hint


def test_a_confirmation_names_the_hosts_of_every_environment_and_of_none() -> None:
    with pytest.raises(ConfirmationRequired) as asked:
        guards.check(frozen(*EVERYWHERE), rails(prod={"confirm": True}))
    assert asked.value.hosts == 4
    assert asked.value.touched == {"prod": "web[1-2]", "lab": "lab1", "": "bare"}


def test_a_run_of_yesterday_is_judged_by_the_environments_of_now() -> None:
    documents = rails(prod={"read_only": True})
    moved = frozen("web1", environment="lab")
    with pytest.raises(Forbidden, match="environment prod"):
        guards.check(moved, documents)
    deleted = frozen("gone1", environment="prod")
    with pytest.raises(Forbidden, match="gone1"):
        guards.check(deleted, documents)
    guards.check(frozen("web1"), Rails(hosts={"web1": HostSpec(environment="dropped")}))


def test_the_engines_own_machine_counts_to_no_environment() -> None:
    local = FrozenHost(name=ENGINE_HOST, address="", protocol=Protocol.LOCAL)
    places = guards.touched([local, *frozen("web1")], rails())
    assert [place.hosts for place in places] == [("web1",)]
    assert guards.host_count(places) == 1


def test_a_thousand_names_do_not_make_a_sentence() -> None:
    names = [f"h{number}x{number * 7}" for number in range(1000)]
    documents = Rails(
        hosts={name: HostSpec(environment="prod") for name in names},
        environments={"prod": EnvironmentSpec(read_only=True)},
    )
    with pytest.raises(Forbidden) as refused:
        guards.check(frozen(*names), documents)
    assert len(str(refused.value)) < 1000
