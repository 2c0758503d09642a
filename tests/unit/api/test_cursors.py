"""A cursor leads to its own place in its own list, and nowhere else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.api import cursors
from core.errors import Invalid


@given(st.text(), st.one_of(st.text(), st.integers(min_value=0, max_value=2**63 - 1)))
def test_a_cursor_gives_back_its_position(scope: str, position: str | int) -> None:
    assert cursors.decode(scope, cursors.encode(scope, position)) == position


@given(st.text())
def test_text_that_no_list_made_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        cursors.decode("runs", text)


@given(st.binary(max_size=40))
def test_bytes_that_no_list_made_are_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        cursors.decode("runs", base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


def test_every_changed_character_is_noticed() -> None:
    cursor = cursors.encode("runs", "01JABC")
    for index, character in enumerate(cursor):
        other = "A" if character != "A" else "B"
        with pytest.raises(Invalid):
            cursors.decode("runs", cursor[:index] + other + cursor[index + 1 :])


def test_a_cursor_of_other_filters_is_refused_and_the_place_is_named() -> None:
    cursor = cursors.encode("runs?state=failed", "01JABC")
    with pytest.raises(Invalid) as refused:
        cursors.decode("runs?state=running", cursor)
    (problem,) = refused.value.problems
    assert (problem.where, problem.what) == (
        "cursor",
        "belongs to another list or to other filters",
    )


def test_no_cursor_begins_at_the_start() -> None:
    assert cursors.text_position("runs", None) is None
    assert cursors.number_position("targets", None) == 0


def test_a_list_ordered_by_number_refuses_a_text_position() -> None:
    with pytest.raises(Invalid):
        cursors.number_position("targets", cursors.encode("targets", "x"))
