"""What stands before a line: as wide for every line, whatever it holds."""

from __future__ import annotations

from datetime import UTC

import pytest

from console.cells import width
from console.logs.margin import Margin, Times, host_cells
from console.presenters.text import plain
from tests.support.printed import who

AT = "2026-11-27T08:01:05.500000Z"


@pytest.mark.parametrize(
    ("margin", "before"),
    [
        (Margin(), "! "),
        (Margin(lines=12345), "     7 ! "),
        (Margin(times=Times.CLOCK, zone=UTC), "08:01:05 ! "),
        (Margin(times=Times.ELAPSED, started_at="2026-11-27T08:00:00Z"), "   +65.5s ! "),
        (Margin(host_cells=host_cells(["web1", "数据库"])), "web1   ! "),
    ],
)
def test_the_columns(margin: Margin, before: str) -> None:
    shown = margin.of(who("web1"), stream="err", at=AT, line_number=7)
    assert plain(shown) == before
    assert width(plain(margin.blank())) == margin.cells == width(before)


def test_a_long_or_hostile_name_keeps_to_its_column() -> None:
    hosts = ["x" * 50, "a\x1b[2J"]
    margin = Margin(host_cells=host_cells(hosts))
    for host in hosts:
        shown = plain(margin.of(who(host), stream="out", at=AT, line_number=1))
        assert width(shown) == margin.cells
        assert "\x1b" not in shown


def test_times_go_round() -> None:
    assert [each.next() for each in Times] == [Times.CLOCK, Times.ELAPSED, Times.NONE]
