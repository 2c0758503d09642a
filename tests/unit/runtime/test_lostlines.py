"""Which lines are lost, as a clock that a test owns tells it."""

from __future__ import annotations

from datetime import timedelta

from core.clock import ManualClock
from core.runtime.lostlines import Lost, LostLines

NONE = Lost(count=0, hosts="", longest_s=0.0)


def test_a_line_is_lost_from_its_first_loss_until_the_host_is_found() -> None:
    clock = ManualClock()
    lines = LostLines(clock)

    assert lines.lost(7, "run", "web01") == 0
    clock.advance(timedelta(seconds=5))
    assert lines.lost(7, "run", "web01") == 5
    assert lines.lost(8, "run", "web02") == 0
    assert lines.now() == Lost(count=2, hosts="web[01-02]", longest_s=5.0)
    assert lines.found(7) == 5
    assert lines.found(7) is None
    assert lines.now() == Lost(count=1, hosts="web02", longest_s=0.0)


def test_each_run_has_its_own_lost_lines() -> None:
    lines = LostLines(ManualClock())
    lines.lost(1, "one", "web01")
    lines.lost(2, "two", "web01")

    assert lines.now("one") == Lost(count=1, hosts="web01", longest_s=0.0)
    assert lines.now() == Lost(count=2, hosts="web01", longest_s=0.0)
    assert lines.now("three") == NONE
