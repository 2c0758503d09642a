"""Two runs side by side: hosts by what differs first, definitions place by place."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain.access import AccountSpec
from core.domain.run import TargetState
from core.domain.steps import CommandStep, FrozenScript
from core.domain.values import SecretRef
from core.flow.comparing import (
    Answer,
    Difference,
    Pair,
    answers_of,
    definition_changes,
    digest,
    grouped,
    pairs,
)
from core.flow.definition import FrozenHost, RunDefinition
from core.flow.graph import chain

_T = TargetState
A, B = "0" * 25 + "A", "0" * 25 + "B"


def answer(state: TargetState | None, code: int | None = None, digest: str | None = "d") -> Answer:
    return Answer(step="s", host="web1", state=state, exit_code=code, digest=digest)


GOOD = answer(_T.SUCCESS, 0)


@pytest.mark.parametrize(
    ("a", "b", "difference"),
    [
        (GOOD, None, Difference.ONLY_A),
        (None, GOOD, Difference.ONLY_B),
        (GOOD, GOOD, Difference.SAME),
        (GOOD, answer(_T.FAILED, 1, "other"), Difference.STATE),
        (answer(_T.FAILED, 1), answer(_T.FAILED, 2, "other"), Difference.EXIT_CODE),
        (answer(_T.FAILED, 1), answer(_T.FAILED, None), Difference.EXIT_CODE),
        (GOOD, answer(_T.SUCCESS, 0, "other"), Difference.OUTPUT),
        (GOOD, answer(_T.SUCCESS, 0, ""), Difference.OUTPUT),
        (GOOD, answer(_T.SUCCESS, 0, None), Difference.SAME),
        (answer(None), answer(_T.FAILED, 1), Difference.SAME),
    ],
)
def test_the_strongest_difference_names_a_pair(
    a: Answer | None, b: Answer | None, difference: Difference
) -> None:
    assert Pair(step="s", host="web1", a=a, b=b).difference is difference


def test_every_host_of_every_step_has_one_pair() -> None:
    def side(*names: str) -> list[Answer]:
        places = [name.split("/") for name in names]
        return [Answer(step=step, host=host, state=_T.SUCCESS) for step, host in places]

    found = pairs(side("one/b", "one/a", "two/a"), side("one/a", "one/c", "two/a"))
    assert [(pair.step, pair.host, pair.difference.value) for pair in found] == [
        ("one", "b", "only_a"),
        ("one", "a", "same"),
        ("two", "a", "same"),
        ("one", "c", "only_b"),
    ]


def test_hosts_that_differ_alike_stand_together_and_the_same_come_last() -> None:
    def host(name: str, state: TargetState, code: int) -> Answer:
        return Answer(step="s", host=name, state=state, exit_code=code)

    a = [host(f"web{number}", _T.SUCCESS, 0) for number in range(1, 6)]
    b = [*(host(f"web{number}", _T.FAILED, 1) for number in (2, 3)), host("web4", _T.FAILED, 2)]
    b += [host("web1", _T.SUCCESS, 0), host("web5", _T.SUCCESS, 0)]
    groups = grouped(pairs(a, b))
    assert [(group.difference.value, group.hosts) for group in groups] == [
        ("state", ("web2", "web3")),
        ("state", ("web4",)),
        ("same", ("web1", "web5")),
    ]


def definition(*hosts: str, command: str = "uptime", **more: Any) -> RunDefinition:
    graph = chain([CommandStep(kind="command", name="main", command=command)])
    fields: dict[str, Any] = {
        "title": "t",
        "origin": "adhoc",
        "graph": graph,
        "hosts": tuple(FrozenHost(name=name, address=name) for name in hosts),
        "step_hosts": {"main": tuple(range(len(hosts)))},
        **more,
    }
    return RunDefinition(**fields)


def places(a: RunDefinition, b: RunDefinition) -> dict[str, tuple[Any, Any]]:
    return {change.path: (change.before, change.after) for change in definition_changes(a, b)}


def test_one_more_host_is_one_difference() -> None:
    assert places(definition("web1", "web2"), definition("web0", "web1", "web2")) == {
        "steps.main.hosts": ("web[1-2]", "web[0-2]")
    }


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"command": "id"}, {"steps.main.command": ("uptime", "id")}),
        ({"origin": "job/x@2"}, {"origin": ("adhoc", "job/x@2")}),
        ({"parameters": {"v": "2"}}, {"parameters.v": (None, "2")}),
        ({"concurrency": 5}, {"concurrency": (100, 5)}),
        ({"run_as": {"main": "root"}}, {"run_as.main": (None, "root")}),
        ({"title": "another"}, {}),
        (
            {"hosts": (FrozenHost(name="web1", address="10.0.0.1"),)},
            {"hosts.web1.address": ("web1", "10.0.0.1")},
        ),
        ({"secrets": {"TOKEN": SecretRef(secret=A)}}, {"secrets.TOKEN": (None, "***")}),
    ],
)
def test_each_place_that_differs_is_named(
    more: dict[str, Any], expected: dict[str, tuple[Any, Any]]
) -> None:
    assert places(definition("web1"), definition("web1", **more)) == expected


def test_a_script_differs_by_revision_and_text() -> None:
    old, new = (
        FrozenScript(name="s", revision=revision, language="sh", text=text)
        for revision, text in ((1, "one"), (2, "two"))
    )
    found = places(
        definition("web1", scripts={"main": old}), definition("web1", scripts={"main": new})
    )
    assert found == {
        "scripts.main.revision": (1, 2),
        "scripts.main.text": ("one", "two"),
    }


def test_secrets_differ_by_name_and_never_show() -> None:
    same = [definition("web1", secrets={"TOKEN": SecretRef(secret=id_)}) for id_ in (A, B)]
    assert places(*same) == {}
    assert digest(same[0]) == digest(same[1])
    accounts = [
        {"deploy": AccountSpec(user="deploy", password=SecretRef(secret=id_))} for id_ in (A, B)
    ]
    changed = [definition("web1", accounts=each) for each in accounts]
    assert places(*changed) == {"accounts.deploy.password": ("(secret)", "(new secret)")}


def test_the_digest_follows_what_would_be_done() -> None:
    base = definition("web1", "web2")
    assert digest(base) == digest(definition("web1", "web2", title="x", change="CHG-1"))
    others = [
        definition("web2", "web1"),
        definition("web1"),
        definition("web1", "web2", command="id"),
        definition("web1", "web2", secrets={"TOKEN": SecretRef(secret=A)}),
    ]
    assert digest(base) not in {digest(other) for other in others}


def test_a_plan_names_hosts_that_have_not_answered() -> None:
    planned = answers_of(definition("web1", "web2"))
    ran = [Answer(step="main", host="web1", state=_T.FAILED, exit_code=1)]
    found = [(pair.host, pair.difference.value) for pair in pairs(planned, ran)]
    assert found == [("web1", "same"), ("web2", "only_a")]
