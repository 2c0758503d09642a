"""Values put into texts."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from core.domain.filling import check_places, fill


def test_values_are_quoted_and_texts_are_not() -> None:
    assert fill("/a b/${ID}", {"ID": "x y"}, quote) == "/a b/x%20y"


def test_a_value_is_not_filled_again() -> None:
    assert fill("${A}", {"A": "${B}", "B": "no"}) == "${B}"


def test_two_dollars_stand_for_the_text_itself() -> None:
    assert fill("$${A} ${A}", {"A": "1"}) == "${A} 1"
    assert fill("$${A} ${B} ${C}", {"B": "1", "C": "2"}) == "${A} 1 2"


def test_what_has_no_value_is_named_with_what_is_near() -> None:
    with pytest.raises(
        ValueError, match=r"\$\{HOSTT\} has no value here; did you mean \$\{HOST\}\?"
    ):
        fill("${HOSTT}", {"HOST": "web1"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a ${B", r"character 3: \$\{ is not closed"),
        ("${}", "names no variable"),
        ("${a.b}", "names"),
    ],
)
def test_what_is_no_place_is_said_with_its_position(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_places(text)
