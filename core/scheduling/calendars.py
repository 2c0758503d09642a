"""Calendars of days off, read for quick questions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from core.domain.schedule import CalendarSpec


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a calendar."""

    days: frozenset[str]
    """`2026-12-25`, or `12-25` for every year."""
    ranges: tuple[tuple[date, date], ...]

    @classmethod
    def of(cls, spec: CalendarSpec) -> Calendar:
        ranges = [text.split("..") for text in spec.days if ".." in text]
        return cls(
            days=frozenset(text for text in spec.days if ".." not in text),
            ranges=tuple((date.fromisoformat(a), date.fromisoformat(b)) for a, b in ranges),
        )

    def __contains__(self, day: date) -> bool:
        text = day.isoformat()
        if text in self.days or text[5:] in self.days:
            return True
        return any(first <= day <= last for first, last in self.ranges)


def off(day: date, calendars: Mapping[str, Calendar], names: Iterable[str]) -> str:
    """The first of the named calendars that has the day; "" where none has."""
    return next((name for name in names if name in calendars and day in calendars[name]), "")
