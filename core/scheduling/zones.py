"""Times on the wall of a time zone, as moments in UTC. Pure.

Where the clock is put forward, a fixed time that does not exist moves to the moment at which the
clock goes on; where it is put back, a fixed time happens at its first coming only. What repeats
(`*/10 * * * *`) follows the clock on the wall: it leaves out what does not exist and happens
again in the hour that comes twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from core.errors import nearest

_KEPT_DAYS = 1024
"""Days of zones that are remembered: thousands of schedules ask for the same few."""


def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; ValueError where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if near := _near(name):
            raise ValueError(f"{name!r} is no time zone; did you mean {near}?") from None
        raise ValueError(f"{name!r} is no time zone; try UTC or Europe/Berlin") from None


def _near(name: str) -> str | None:
    """A zone of a place that is written nearly so, in whatever case. EST is none for CEST, and
    Etc/GMT+8 is not what GMT+8 means to people: its sign is the other one.
    """
    zones = available_timezones()
    places = {
        each.casefold(): each for each in zones if "/" in each and not each.startswith("Etc/")
    }
    return places.get(nearest(name.casefold(), [*places]) or "")


def moments(
    day: date,
    hours: Sequence[int],
    minutes: Sequence[int],
    seconds: Sequence[int],
    where: ZoneInfo,
    *,
    repeats: bool,
) -> Iterator[datetime]:
    """The moments of these times on a day, in order, each once."""
    if is_even(day, where):
        for hour in hours:
            for minute in minutes:
                for second in seconds:
                    local = datetime.combine(day, time(hour, minute, second), where)
                    yield local.astimezone(UTC)
        return
    found = {
        moment
        for hour in hours
        for minute in minutes
        for second in seconds
        for moment in _all(datetime.combine(day, time(hour, minute, second)), where, repeats)
    }
    yield from sorted(found)


@lru_cache(_KEPT_DAYS)
def is_even(day: date, where: ZoneInfo) -> bool:
    """Whether the clock of the zone goes evenly all through a day."""
    begins = datetime.combine(day, time(), where)
    ends = datetime.combine(day, time(23, 59, 59), where)
    offset = begins.utcoffset()
    return (
        ends.utcoffset() == offset
        and begins.replace(fold=1).utcoffset() == offset
        and ends.replace(fold=1).utcoffset() == offset
    )


@lru_cache(_KEPT_DAYS)
def ends_twice(day: date, where: ZoneInfo) -> bool:
    """Whether a day goes on after the next has begun: the clock is put back over midnight."""
    last = datetime.combine(day, time(23, 59, 59), where)
    next_begins = datetime.combine(day + timedelta(days=1), time(), where)
    return last.replace(fold=1).astimezone(UTC) > next_begins.astimezone(UTC)


def _all(wall: datetime, where: ZoneInfo, repeats: bool) -> Iterator[datetime]:
    first = wall.replace(tzinfo=where).astimezone(UTC)
    if first.astimezone(where).replace(tzinfo=None) != wall:
        if not repeats:
            yield _after_gap(wall, where)
        return
    yield first
    second = wall.replace(tzinfo=where, fold=1).astimezone(UTC)
    if repeats and second != first:
        yield second


def _after_gap(wall: datetime, where: ZoneInfo) -> datetime:
    """The moment at which the clock goes on behind a time that it leaves out."""
    ahead = wall.replace(tzinfo=where, fold=1).astimezone(UTC)  # read by the offset behind the gap
    behind = wall.replace(tzinfo=where, fold=0).astimezone(UTC)  # by the one before it
    low, high = int(ahead.timestamp()), int(behind.timestamp())
    before = datetime.fromtimestamp(low, where).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, where).utcoffset() == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
