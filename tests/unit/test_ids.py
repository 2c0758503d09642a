"""Ids: the characters of the ULID specification, in the order of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.clock import ManualClock
from core.ids import UlidSource, encode_ulid


def test_an_id_is_spelled_as_the_specification_does() -> None:
    assert encode_ulid(1469922850259, 0) == "01ARZ3NDEK" + 16 * "0"
    assert encode_ulid(0, 33) == 24 * "0" + "11"
    assert encode_ulid((1 << 48) - 1, (1 << 80) - 1) == "7" + 25 * "Z"


def test_ids_rise_within_a_moment_and_when_a_clock_is_put_back() -> None:
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    ids = UlidSource(clock)
    first, second = ids.new(), ids.new()
    clock.advance(timedelta(days=-30))
    assert first < second < ids.new()
