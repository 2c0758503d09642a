"""Days of a month in words: `15`, `last`, `second tuesday`, `last working day`. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Collection, Mapping
from datetime import date

ORDINALS: Mapping[str, int] = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "last": -1,
}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SATURDAY = 5

IsOff = Callable[[date], bool]
Choice = Callable[[int, int, IsOff], date | None]
"""The day of a year and a month; None where the month has none. `IsOff`: it is no working day,
apart from Saturdays and Sundays."""


def parse(text: str) -> Choice:
    """Read a rule; ValueError says what would fit."""
    words = text.lower().split()
    match words:
        case [number] if number.isascii() and number.isdigit() and 1 <= int(number) <= 31:
            return lambda year, month, _off: _numbered(year, month, int(number))
        case [ordinal] if ordinal == "last":
            return lambda year, month, _off: _days(year, month)[-1]
        case [ordinal, "day"] if ordinal in ORDINALS:
            return _nth(ordinal, lambda _day, _off: True)
        case [ordinal, "working", "day"] if ordinal in ORDINALS:
            return _nth(ordinal, _works)
        case [ordinal, weekday] if ordinal in ORDINALS and weekday in _WEEKDAYS:
            wanted = _WEEKDAYS.index(weekday)
            return _nth(ordinal, lambda day, _off: day.weekday() == wanted)
    raise ValueError(
        f"{text!r} is no day of a month; try `15`, `last`, `second tuesday`, `last working day`"
        f" (first to fifth, or last)"
    )


def _nth(ordinal: str, fits: Callable[[date, IsOff], bool]) -> Choice:
    place = ORDINALS[ordinal]

    def choose(year: int, month: int, is_off: IsOff) -> date | None:
        days = [day for day in _days(year, month) if fits(day, is_off)]
        index = place - 1 if place > 0 else place
        return days[index] if -len(days) <= index < len(days) else None

    return choose


def _works(day: date, is_off: IsOff) -> bool:
    return day.weekday() < _SATURDAY and not is_off(day)


def _numbered(year: int, month: int, number: int) -> date | None:
    days = _days(year, month)
    return days[number - 1] if number <= len(days) else None


def _days(year: int, month: int) -> list[date]:
    length = calendar.monthrange(year, month)[1]
    return [date(year, month, number) for number in range(1, length + 1)]


def chosen_in(months: Collection[int], month: int) -> bool:
    """Whether a rule holds in a month; none named means all."""
    return not months or month in months
