"""`jobdeck expr`: an expression tried without an engine."""

from __future__ import annotations

import json

import pytest

from tests.unit.console.fake_api import Jobdeck


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (("10 / 4",), "2.5"),
        (('"12"',), '"12"'),
        (("null",), "null"),
        (("params.count > 10", "--var", "params.count=12"), "true"),
        (("params.count > 10", "--var", 'params={"count": 9}'), "false"),
        (("env + '!'", "--var", "env=prod"), '"prod!"'),
        (("a.b + a.c", "--var", "a.b=1", "--var", "a.c=2"), "3"),
        (("filter(xs where it > 3)", "--var", "xs=[1, 5, 9]"), "[5, 9]"),
        (("90s * 2",), "3m"),
        (("now - now",), "0s"),
        (("--fill", "on ${len(hosts)} hosts", "--var", 'hosts=["a"]'), "on 1 hosts"),
        (("--fill", "${hosts}", "--var", 'hosts=["a"]'), '["a"]'),
    ],
)
def test_the_value_is_printed_as_an_expression_has_it(
    jobdeck: Jobdeck, words: tuple[str, ...], printed: str
) -> None:
    ended = jobdeck("expr", *words)

    assert (ended.code, ended.out, ended.err) == (0, printed + "\n", "")


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("[1, 1h]", "list", [1, "1h"]),
        ('"a"', "string", "a"),
        ("null", "null", None),
        ('time("2027-03-31")', "time", "2027-03-31T00:00:00Z"),
        ("1 > 2", "bool", False),
    ],
)
def test_programs_are_told_the_kind_and_the_value(
    jobdeck: Jobdeck, expression: str, kind: str, value: object
) -> None:
    ended = jobdeck("expr", expression, "--json")

    assert json.loads(ended.out) == {"kind": kind, "value": value}


def test_a_mistake_is_shown_with_a_caret_and_ends_with_2(jobdeck: Jobdeck) -> None:
    ended = jobdeck("expr", "params.cuont > 10", "--var", "params.count=12")

    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.splitlines() == [
        "error: this expression has no value here",
        "  params.cuont > 10",
        "         ^",
        "  column 8: there is no 'cuont' in this map (did you mean count?)",
    ]


def test_no_data_becomes_a_secret(jobdeck: Jobdeck) -> None:
    assert jobdeck("expr", "kind(x)", "--var", 'x={"$secret": "01J"}').out == '"map"\n'


def test_what_a_terminal_would_obey_is_shown_by_its_code(jobdeck: Jobdeck) -> None:
    assert "\x1b" not in jobdeck("expr", "x", "--var", "x=\x1b[2J").out
