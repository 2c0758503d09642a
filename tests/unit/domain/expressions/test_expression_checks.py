"""Mistakes that are found before an expression is worked out."""

from __future__ import annotations

import pytest

from core.domain.expressions import UNKNOWN, Kind, Mistake, check, list_of, map_of, one_of

HOST = map_of(
    {
        "name": one_of(Kind.STRING),
        "state": one_of(Kind.STRING),
        "labels": map_of({}, is_open=True),
        "seconds": one_of(Kind.NUMBER, Kind.NULL),
    }
)
DECLARED = {
    "now": one_of(Kind.TIME),
    "params": map_of({"count": one_of(Kind.NUMBER), "env": one_of(Kind.STRING)}),
    "nodes": map_of(
        {
            "build": map_of({"failed": one_of(Kind.BOOL), "outputs": map_of({}, is_open=True)}),
            "build-web": map_of({"failed": one_of(Kind.BOOL)}),
        }
    ),
    "hosts": list_of(HOST),
    "password": one_of(Kind.SECRET),
    "anything": UNKNOWN,
}


@pytest.mark.parametrize(
    "text",
    [
        "params.count > 10 and not nodes.build.failed",
        "nodes.build.outputs.version = 3 or nodes.build.outputs.version = 'x'",
        "count(hosts where state = 'failed') > 2",
        "count(hosts where labels.role = 'web' and name != params.env) > 2",
        "any(hosts where seconds > 3)",
        "all(anything where foo = 1)",
        "any(anything where it.foo.bar > now)",
        "anything.foo[3].bar = anything",
        "sort(hosts, seconds)[0].name = 'x'",
        "first(hosts where state = 'ok').name = 'x'",
        "any(map(hosts, seconds) where it = 2)",
        "(first(hosts) ?? first(hosts)).name = 'x'",
        "now - time('2027-03-31') > 2h",
        "if(anything, params.count, params.env) = 'x'",
        "hosts[0].state = 'x'",
        "any([1, 2] where it > 1)",
        "sum(hosts, seconds ?? 0) > 3",
        "any([nodes.build.outputs] where foo = 1)",
        "any([nodes.build.outputs] where params = 1)",
    ],
)
def test_a_condition_that_may_be_right_has_no_mistake(text: str) -> None:
    assert check(text, DECLARED, Kind.BOOL) == ()


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("parms.count > 1", 1, "did you mean params?"),
        ("params.cuont > 1", 8, "did you mean count?"),
        ("params.zzz ?? 1 = 1", 8, "there is count, env"),
        ("nodes.buid.failed", 7, "did you mean build?"),
        ("nodes.build_web.failed", 7, 'did you mean ["build-web"]?'),
        ("nodes.build.faild", 13, "did you mean failed?"),
        ("params.count", 8, "a condition is true or false, and this is a number"),
        ("params.env and true", 8, "a condition is true or false"),
        ("params.env > 3", 12, "write number(…) to read the string"),
        ("params.count = 'x'", 14, "are never equal"),
        ("params.count + params.env = 1", 14, "`+` does not take a number and a string"),
        ("-params.env = 1", 1, "not a string"),
        ("hosts.name = 'x'", 7, "map(list, name)"),
        ("hosts['name'] = 'x'", 7, "map(list, name)"),
        ("hosts[true].name = 'x'", 6, "the place in a list"),
        ("params[0] = 1", 7, "the key of a map is a string"),
        ("count(hosts where stat = 'x') > 1", 19, "did you mean state?"),
        ("count(hosts where it.stat = 'x') > 1", 22, "did you mean state?"),
        ("count(hosts where name) > 1", 19, "a condition is true or false"),
        ("any(map(hosts, name) where it > 3)", 31, "have no order"),
        ("count(params) > 1", 14 - 7, "count takes a list here, not a map"),
        ("len(now) > 1", 5, "len takes"),
        ("1 in params.count", 3, "`in` looks into"),
        ("now in params", 5, "the keys of a map are strings"),
        ("it = 1", 1, "stands behind `where`"),
        ("any(hosts where true) and state = 'x'", 27, "nothing is called 'state' here"),
        ("password = 'x'", 10, "a secret is compared with nothing"),
        ("len(password) > 1", 5, "passed on whole"),
        ("now + now > now", 5, "`+` does not take a time and a time"),
        ("lower(params.count) = 'x'", 14, "lower takes a string here"),
        ("len(1, 2) > 1", 1, "len takes one value"),
        ("1 +", 4, "stops where a value is expected"),
    ],
)
def test_a_mistake_is_found_at_its_place(text: str, column: int, said: str) -> None:
    (mistake,) = check(text, DECLARED, Kind.BOOL)
    assert said in str(mistake.problem)
    assert mistake.problem.where == f"column {column}"


def test_all_mistakes_are_found_from_left_to_right_and_once() -> None:
    found = check("zzz = 1 and params.cuont > 1 and 'x' > 1", DECLARED)
    assert [mistake.index for mistake in found] == [0, 19, 37]


def test_another_kind_may_be_wanted() -> None:
    assert check("hosts", DECLARED, Kind.LIST) == ()
    assert check("params.count", DECLARED, Kind.LIST) == (
        Mistake(7, "this is a number, and a list is wanted"),
    )
