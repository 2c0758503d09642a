"""Moments on a line, and bars: right in cells, and nothing is hidden that should be seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cells import width
from console.presenters.text import plain
from console.presenters.timeline import Moment, sparkline, timeline

NOW = datetime(2026, 3, 1, 9, 17, tzinfo=UTC)


def drawn(*minutes: float, cells: int = 60, left_out: int = -1) -> list[str]:
    moments = [
        Moment(NOW + timedelta(minutes=after), at == left_out) for at, after in enumerate(minutes)
    ]
    return [plain(line).rstrip() for line in timeline(moments, NOW, cells, UTC)]


def test_hours_stand_over_their_marks() -> None:
    labels, axis, marks = drawn(43, 103, 163, 223)
    assert labels == "now    10:00     11:00     12:00     13:00     14:00"
    assert axis == "|------+---------+---------+---------+---------+---------+--"
    assert marks == "       *         *         *         *"


def test_what_is_left_out_is_marked_as_such() -> None:
    assert drawn(43, 103, 163, 223, left_out=1)[2] == "       *         x         *         *"


def test_several_in_one_cell_are_counted() -> None:
    assert "3" in drawn(60, 61, 62, 60 * 24 * 300)[2]
    assert "#" in drawn(*[60 + n / 10 for n in range(12)], 60 * 24 * 300)[2]


def test_without_moments_there_is_no_line() -> None:
    assert drawn() == []
    assert drawn(-5) == []


@given(st.lists(st.floats(0, 60 * 24 * 365), max_size=20), st.integers(1, 200))
def test_no_line_is_longer_than_its_cells(minutes: list[float], cells: int) -> None:
    moments = [Moment(NOW + timedelta(minutes=each)) for each in minutes]
    for line in timeline(moments, NOW, cells, UTC):
        assert width(plain(line)) <= cells


def test_a_label_of_wide_characters_moves_no_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "zh_CN")
    labels, axis, _marks = drawn(43, 103, 163, 223)
    assert labels.startswith("现在")
    assert width(labels[: labels.index("10:00")]) == axis.index("+")


def test_anything_more_than_nothing_is_seen() -> None:
    assert sparkline([0, 0]) == "\u2800"
    assert sparkline([1, 100_000]) != sparkline([0, 100_000])
    assert sparkline([]) == ""


@given(st.lists(st.integers(0, 10**9), max_size=50))
def test_two_bars_share_a_cell(counts: list[int]) -> None:
    assert width(sparkline(counts)) == (len(counts) + 1) // 2
