"""What `/` takes."""

from __future__ import annotations

from itertools import compress

import pytest

from console.tui.filters import BadFilter, parse

ROWS = ["web1 failed", "web2 Succeeded", "db1 failed"]
FIELDS = ("state", "since", "by", "environment")


def shown(text: str) -> list[str]:
    return list(compress(ROWS, parse(text, FIELDS).keep(ROWS)))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", ROWS),
        ("web", ROWS[:2]),
        ("WEB\\d f", ROWS[:1]),
        ("succ", ROWS[1:2]),
        ("!failed", ROWS[1:2]),
        ("-f wfl", ROWS[:1]),
        ("^db", ROWS[2:]),
        ("state:failed web", ROWS[:2]),
        ("/web", ROWS[:2]),
        ("state:failed /!failed", ROWS[1:2]),
        ("/-f wfl", ROWS[:1]),
    ],
)
def test_rows_that_fit_are_shown(text: str, rows: list[str]) -> None:
    assert shown(text) == rows


def test_fields_are_for_the_engine() -> None:
    found = parse("state:failed,timed_out since:2h @prod by:me", FIELDS)

    assert found.fields == {
        "state": ("failed", "timed_out"),
        "since": ("2h",),
        "environment": ("prod",),
        "by": ("me",),
    }


def test_labels_are_kept_apart() -> None:
    assert parse("-l env=prod,role", FIELDS).labels == "env=prod,role"


def test_an_unknown_field_is_told_with_those_there_are() -> None:
    with pytest.raises(BadFilter, match="no field is called stat; there are state, since"):
        parse("stat:failed", FIELDS)


def test_an_address_is_no_field() -> None:
    assert parse("http://there", FIELDS).fields == {}


def test_a_broken_expression_is_told() -> None:
    with pytest.raises(BadFilter, match="breaks off"):
        parse("web[", FIELDS)


def test_an_expression_that_takes_for_ever_is_given_up() -> None:
    found = parse("(a|aa)+$", FIELDS)

    with pytest.raises(BadFilter, match="too long"):
        found.keep(["a" * 5000 + "b"] * 50)
