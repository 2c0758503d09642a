"""Facts in target expressions: what is asked, what holds, what is unknown."""

from __future__ import annotations

import re

import pytest

from core.domain.facts import FACTS, FactKind, FactValue, Observed, holds, lasting, passing
from core.domain.targets import (
    GroupView,
    HostView,
    Inventory,
    facts_asked,
    fold,
    parse,
    resolve,
)
from core.errors import Invalid

SEEN: dict[str, dict[str, FactValue]] = {
    "web1": {"os.id": "debian", "os.version": "12", "mem_gb": 16.8, "kernel": "6.1.0-18-amd64"},
    "web2": {"os.id": "alpine", "mem_gb": 4, "shells": ["ash", "sh"], "kernel": "6.12.1"},
    "db1": {"os.id": "debian", "mem_gb": 64.2, "shells": ["bash", "sh"], "python": "3.9.2"},
}
"""Of the fourth host, `new1`, nothing is known; `cache1` has a label in the place of a fact."""


def inventory() -> Inventory:
    labels = {"cache1": {"mem_gb": "32", "arch": "mips"}}
    return Inventory(
        hosts={name: HostView(name, labels.get(name, {})) for name in (*SEEN, "new1", "cache1")},
        groups={"big": GroupView(expression="mem_gb>8"), "outer": GroupView(expression="@big")},
        facts=lambda: {name: Observed("2026-01-01", values) for name, values in SEEN.items()},
    )


@pytest.mark.parametrize(
    ("expression", "hosts"),
    [
        ("os.id=debian", "db1,web1"),
        ("os.id=debian,mem_gb>=16", "db1,web1"),
        ("os.id=debian and mem_gb>16.8", "db1"),
        ("os.id!=debian", "web2"),  # new1 and cache1 are not known to be anything
        ("os.id in (alpine, rhel)", "web2"),
        ("os.id notin (alpine, rhel)", "db1,web1"),
        ("mem_gb<5", "web2"),
        ("mem_gb <= 32", "cache1,web[1-2]"),  # a person's label goes before
        ("arch=mips", "cache1"),
        ("kernel>=6.2", "web2"),
        ("kernel<6.12", "web1"),
        ("python>=3.11", ""),
        ("shells=bash", "db1"),
        ("shells!=bash", "web2"),
        ("has(python)", "db1"),
        ("!has(os.id)", "cache1,new1"),
        ("web*,mem_gb>8", "web1"),
        ("@outer", "cache1,db1,web1"),
        ("mem_gb＞=16，os.id=debian", "db1,web1"),
        ('"os.id"=debian', ""),  # in quotes: the label, and nobody has it
    ],
)
def test_what_an_expression_asks_of_facts(expression: str, hosts: str) -> None:
    parsed = parse(expression)
    assert fold(resolve(parsed, inventory())) == hosts
    assert parse(str(parsed)) == parsed


def test_facts_are_not_read_for_an_expression_without_any() -> None:
    def never() -> dict[str, Observed]:
        raise AssertionError

    assert resolve(parse("w*"), Inventory({"w1": HostView("w1")}, facts=never)) == ("w1",)


def test_the_facts_of_groups_are_among_those_that_are_asked() -> None:
    expression = parse("@outer and os.id=debian and env=prod")
    assert facts_asked(expression, inventory()) == ("mem_gb", "os.id")


@pytest.mark.parametrize(
    ("expression", "column", "what"),
    [
        ("mem_gb>=16GB", 9, "mem_gb is a number, and '16GB' is none"),
        ("os.id>debian", 7, "os.id is compared with =, != and in: it is a text"),
        ("mem>=16", 4, "'mem' is no fact, and only facts have an order"),
        ("mem_gb>", 8, "a value is expected here"),
    ],
)
def test_a_wrong_question_points_at_itself(expression: str, column: int, what: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(expression)
    [problem] = caught.value.problems
    assert (problem.where, problem.what) == (f"column {column}", what)


def test_every_name_of_a_fact_can_be_written_and_every_fact_is_one_of_two() -> None:
    values: dict[str, FactValue] = dict.fromkeys(FACTS, "1")
    assert lasting(values).keys() | passing(values).keys() == FACTS.keys()
    assert not lasting(values).keys() & passing(values).keys()
    for name, fact in FACTS.items():
        assert re.fullmatch(r"[a-z][a-z_.]*", name)
        assert str(parse(f"{name}=1")) == f"{name}=1"
        own: FactValue = ["1"] if fact.kind is FactKind.LIST else "1"
        assert holds(name, "=", "1", own)
        assert not holds(name, "!=", "1", own)
