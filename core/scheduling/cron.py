"""Cron expressions: which days and times of day they name. Pure; `zones` makes moments of them.

Five fields (minute, hour, day of month, month, day of week) or six, with seconds in front.
Beyond the classic lists, ranges and steps: names of months and days, `L` (last day), `L-3`,
`15W` (the weekday nearest to the 15th), `LW` (last weekday), `5L` (last Friday), `1#2`
(second Monday). Where day of month and day of week both narrow, either is enough; a field that
begins with `*` does not narrow. The rules are those of Debian's cron.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TypeVar

from core.errors import Invalid, Problem

T = TypeVar("T")

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

NICKNAMES: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_SEARCHED_YEARS = 45
"""A leap day falls on a given day of the week at least every 40 years."""

_KEPT = 1024
"""Expressions that are kept as they were read, and fields of each kind: a document's is checked
first and asked for its days then, and thousands of expressions have the same few fields."""

_ITEM = re.compile(
    r"(?P<star>\*)|(?P<first>\w+)(-(?P<last>\w+))?", re.ASCII
)  # what stands before a step
_NEAREST = re.compile(r"(?P<day>\d{1,2})W", re.ASCII)
_FROM_END = re.compile(r"L(-(?P<back>\d{1,2}))?", re.ASCII)
_LAST = re.compile(r"(?P<day>\w+)L", re.ASCII)
_NTH = re.compile(r"(?P<day>\w+)#(?P<nth>\d+)", re.ASCII)

DayRule = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class _Field:
    """What one field may hold."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        """The value of a number or a name; ValueError where it has none."""
        upper = text.upper()
        if upper in self.names:
            return self.names.index(upper) + self.low
        if not (text.isascii() and text.isdigit()):
            low, high = self.low, self.high
            if not self.names:
                raise ValueError(f"{text!r} is no {self.name}; try {low} to {high}")
            first, *_, last = self.names
            raise ValueError(
                f"{text!r} is no {self.name}; try {low} to {high}, or {first} to {last}"
            )
        value = int(text)
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.name} {value} is out of range; try {self.low} to {self.high}")
        return value


_SECOND = _Field("second", 0, 59)
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of week", 0, 7, _DAYS)
_FIELDS = (_SECOND, _MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression that was read: sets of times, and rules for days."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    is_day: DayRule
    repeats: bool
    """Whether minute or hour begins with `*`: then the work follows the clock on the wall also
    where it is put forward or back. A fixed time happens once a day instead."""

    def days(self, first: date) -> Iterator[date]:
        """The days that the expression names, from `first` on, for as long as any can come."""
        day = first
        try:
            until = first.replace(year=first.year + _SEARCHED_YEARS, day=1)
            while day < until:
                if day.month not in self.months:
                    day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
                    continue
                if self.is_day(day):
                    yield day
                    until = day.replace(year=day.year + _SEARCHED_YEARS, day=1)
                day += timedelta(days=1)
        except (ValueError, OverflowError):
            return  # the end of the calendar


@lru_cache(_KEPT)
def parse(text: str) -> Cron:
    """Read an expression; Invalid points at the column of what is wrong."""
    words = _words(NICKNAMES.get(text.strip().lower(), text))
    if len(words) not in (5, 6):
        hint = "minute hour day month weekday, such as `30 2 * * MON-FRI`"
        problem = Problem(
            where="", what=f"it has {len(words)} fields; cron has 5, or 6 with seconds", hint=hint
        )
        raise Invalid("the cron expression cannot be read", [problem])
    if len(words) == 5:
        words = [(1, "0"), *words]
    seconds, minutes, hours, months = (_at(words, index, _times) for index in (0, 1, 2, 4))
    of_month, of_week = _at(words, 3, _days_of_month), _at(words, 5, _days_of_week)
    cron = Cron(
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        months=frozenset(months),
        is_day=_either(words[3][1], of_month, words[5][1], of_week),
        repeats=words[1][1].startswith("*") or words[2][1].startswith("*"),
    )
    if next(cron.days(date(2000, 1, 1)), None) is None:
        what = "no such day ever comes"
        problem = Problem(where=f"column {words[3][0]} (day of month)", what=what)
        raise Invalid("the cron expression cannot be read", [problem])
    return cron


def _at(words: Sequence[tuple[int, str]], index: int, read: Callable[[str, _Field], T]) -> T:
    """One field as `read` understands it; Invalid with its column."""
    column, word = words[index]
    kind = _FIELDS[index]
    try:
        return read(word, kind)
    except ValueError as error:
        problem = Problem(where=f"column {column} ({kind.name})", what=str(error))
        raise Invalid("the cron expression cannot be read", [problem]) from None


def _words(text: str) -> list[tuple[int, str]]:
    """The fields, each with the column of its first character."""
    return [(match.start() + 1, match[0]) for match in re.finditer(r"\S+", text)]


@lru_cache(_KEPT)
def _times(word: str, kind: _Field) -> tuple[int, ...]:
    """The numbers of a list of ranges and steps, in order."""
    return tuple(sorted({number for item in word.split(",") for number in _range(item, kind)}))


def _range(item: str, kind: _Field) -> set[int]:
    body, slash, step_text = item.partition("/")
    match = _ITEM.fullmatch(body)
    if match is None:
        raise ValueError(f"{item!r} is no {kind.name}, range or step; try `*/5` or `1-5`")
    step = 1
    if slash:
        if not (step_text.isascii() and step_text.isdigit()) or int(step_text) == 0:
            raise ValueError(f"the step of {item!r} must be a number from 1 on")
        step = int(step_text)
    if match["star"]:
        first, last = kind.low, kind.high
    else:
        first = kind.number(match["first"])
        alone = kind.high if slash else first
        last = kind.number(match["last"]) if match["last"] else alone
    if kind is _WEEKDAY and match["last"] and last == 0 and first > 0:
        last = 7  # FRI-SUN
    if first > last:
        raise ValueError(f"the range {item!r} ends before it begins")
    return set(range(first, last + 1, step))


@lru_cache(_KEPT)
def _days_of_month(word: str, kind: _Field) -> DayRule:
    return _one_of([_day_of_month(item, kind) for item in word.split(",")])


def _day_of_month(item: str, kind: _Field) -> DayRule:
    upper = item.upper()
    if upper == "LW":
        return lambda day: day == _nearest_weekday(day, _length(day))
    if match := _NEAREST.fullmatch(upper):
        wanted = kind.number(match["day"])
        return lambda day: wanted <= _length(day) and day == _nearest_weekday(day, wanted)
    if match := _FROM_END.fullmatch(upper):
        back = int(match["back"] or 0)
        if back > 30:
            raise ValueError(f"{item!r} is before every month begins")
        return lambda day: day.day == _length(day) - back
    numbers = _range(item, kind)
    return lambda day: day.day in numbers


@lru_cache(_KEPT)
def _days_of_week(word: str, kind: _Field) -> DayRule:
    return _one_of([_day_of_week(item, kind) for item in word.split(",")])


def _one_of(rules: Sequence[DayRule]) -> DayRule:
    return rules[0] if len(rules) == 1 else lambda day: any(rule(day) for rule in rules)


def _day_of_week(item: str, kind: _Field) -> DayRule:
    if match := _LAST.fullmatch(item.upper()):
        wanted = kind.number(match["day"]) % 7
        return lambda day: _weekday(day) == wanted and day.day + 7 > _length(day)
    if match := _NTH.fullmatch(item):
        wanted, nth = kind.number(match["day"]) % 7, int(match["nth"])
        if not 1 <= nth <= 5:
            raise ValueError(f"{item!r}: a month has the first to the fifth of a day of the week")
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == nth
    numbers = {number % 7 for number in _range(item, kind)}
    return lambda day: _weekday(day) in numbers


def _either(month_word: str, of_month: DayRule, week_word: str, of_week: DayRule) -> DayRule:
    if month_word == "*":
        return of_week
    if week_word == "*":
        return of_month
    if month_word.startswith("*") or week_word.startswith("*"):
        return lambda day: of_month(day) and of_week(day)
    return lambda day: of_month(day) or of_week(day)


def _weekday(day: date) -> int:
    """0 is Sunday."""
    return day.isoweekday() % 7


def _length(day: date) -> int:
    """Number of days of its month."""
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int) -> date:
    """The Monday to Friday of the month that is nearest to a day of it."""
    target = day.replace(day=wanted)
    if target.weekday() == 5:
        return target - timedelta(days=1) if wanted > 1 else target + timedelta(days=2)
    if target.weekday() == 6:
        return target + timedelta(days=1) if wanted < _length(day) else target - timedelta(days=2)
    return target
