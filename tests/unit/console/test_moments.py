"""Moments that people type: whole ones, and times of today."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from console.moments import moment
from core.errors import Invalid

NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_berlin() -> Iterator[None]:
    """The zone that astimezone() takes for this machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("02:30", "2026-12-24T01:30:00+00:00"),
        (" 23:01:20 ", "2026-12-24T22:01:20+00:00"),
        ("2026-07-01T02:30", "2026-07-01T00:30:00+00:00"),
        ("2026-07-01 02:30+00:00", "2026-07-01T02:30:00+00:00"),
        ("2026-07-01T02:30:00Z", "2026-07-01T02:30:00+00:00"),
        ("2026-07-01", "2026-06-30T22:00:00+00:00"),
    ],
)
def test_a_time_is_of_today_and_of_this_machine_where_nothing_else_is_said(
    text: str, meant: str
) -> None:
    assert moment(text, NOW).astimezone(UTC).isoformat() == meant


@pytest.mark.parametrize("text", ["", "noon", "25:00", "2026-02-30", "99999-01-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="is no time"):
        moment(text, NOW)
