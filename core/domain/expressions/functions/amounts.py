"""Functions of numbers, times and durations, and those that make one kind of another."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from core.domain.expressions.budget import Budget, Refusal
from core.domain.expressions.functions.signature import Function
from core.domain.expressions.operators import checked
from core.domain.expressions.values import (
    NotAValue,
    Value,
    duration_from,
    kind_of,
    number,
    time_from,
)

_NUMBER_HINT = "a number is written as 12, -3 or 0.5"
_MOST_DIGITS = 15
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LONGEST_NUMBER = 400


def _abs(budget: Budget, of: Any) -> Any:
    return checked(abs(of))


def _floor(budget: Budget, of: float) -> Value:
    return checked(math.floor(of))


def _ceil(budget: Budget, of: float) -> Value:
    return checked(math.ceil(of))


def _round(budget: Budget, of: float, digits: Any = 0) -> Value:
    if isinstance(digits, float) or not 0 <= digits <= _MOST_DIGITS:
        raise Refusal(f"digits are a whole number from 0 to {_MOST_DIGITS}", argument=1)
    return checked(round(of, digits))


def _percent(budget: Budget, part: float, whole: float) -> Value:
    if not whole:
        raise Refusal("this divides by zero", "if(n = 0, 0, percent(x, n))", argument=1)
    return checked(part * 100 / whole)


def _string(budget: Budget, of: Value) -> str:
    return budget.write(of)


def _number(budget: Budget, of: str | float | bool) -> Value:
    if not isinstance(of, str):
        return checked(of + 0)
    written = of.strip()
    if len(written) > _LONGEST_NUMBER or not _NUMBER.fullmatch(written):
        raise Refusal("this string is no number", _NUMBER_HINT, argument=0)
    try:
        return number(float(written) if set(written) & set(".eE") else int(written))
    except NotAValue as problem:
        raise Refusal(str(problem), argument=0) from None


_BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


def _bool(budget: Budget, of: str | float | bool) -> bool:
    if not isinstance(of, str):
        return of != 0
    found = _BOOLS.get(of[:20].strip().lower())
    if found is None or len(of) > 20:
        raise Refusal(
            "this string is neither true nor false", "true, yes, 1; false, no, 0", argument=0
        )
    return found


def _time(budget: Budget, of: str | datetime) -> Value:
    return _read(time_from, of) if isinstance(of, str) else of


def _duration(budget: Budget, of: str | float | timedelta) -> Value:
    if isinstance(of, str):
        return _read(duration_from, of)
    try:
        return of if isinstance(of, timedelta) else timedelta(seconds=of)
    except OverflowError:
        raise Refusal("the duration is too long", argument=0) from None


def _read(reader: Callable[[str], Value], text: str) -> Value:
    try:
        return reader(text)
    except NotAValue as problem:
        raise Refusal(str(problem), argument=0) from None


def _seconds(budget: Budget, of: timedelta) -> Value:
    return checked(of.total_seconds())


def _hour(budget: Budget, of: datetime) -> int:
    return of.hour


def _weekday(budget: Budget, of: datetime) -> int:
    return of.isoweekday()


def _day(budget: Budget, of: datetime) -> str:
    return of.date().isoformat()


def _kind(budget: Budget, of: Value) -> str:
    return kind_of(of).value


AMOUNTS = (
    Function("abs", "of: number|duration", "same", "without its sign", _abs, (("abs(-3)", "3"),)),
    Function(
        "floor",
        "of: number",
        "number",
        "the whole number at or below it",
        _floor,
        (("floor(2.7)", "2"), ("floor(7 / 2)", "3")),
    ),
    Function(
        "ceil",
        "of: number",
        "number",
        "the whole number at or above it",
        _ceil,
        (("ceil(2.1)", "3"),),
    ),
    Function(
        "round",
        "of: number, digits?: number",
        "number",
        "with that many digits after the point; a half goes to the even side",
        _round,
        (("round(2.345, 1)", "2.3"),),
    ),
    Function(
        "percent",
        "part: number, whole: number",
        "number",
        "how many of a hundred the part is",
        _percent,
        (("percent(1, 4)", "25"),),
    ),
)
TIMES = (
    Function(
        "seconds",
        "of: duration",
        "number",
        "its length in seconds",
        _seconds,
        (("seconds(1h30m)", "5400"),),
    ),
    Function(
        "day",
        "of: time",
        "string",
        "the day in UTC, such as 2027-03-31",
        _day,
        (('day(time("2027-03-31T23:30:00Z"))', '"2027-03-31"'),),
    ),
    Function(
        "hour",
        "of: time",
        "number",
        "the hour in UTC, 0 to 23; add an offset first for that of another place",
        _hour,
        (('hour(time("2027-03-31T09:30:00Z") + 8h)', "17"),),
    ),
    Function(
        "weekday",
        "of: time",
        "number",
        "1 for Monday to 7 for Sunday, in UTC",
        _weekday,
        (('weekday(time("2027-03-31"))', "3"),),
    ),
)
KINDS = (
    Function(
        "string",
        "of: any",
        "string",
        "written as a string; a list or a map as JSON",
        _string,
        (("string(12)", '"12"'), ("string(90s)", '"1m30s"')),
    ),
    Function(
        "number",
        "of: string|number|bool",
        "number",
        "the number that a string says; true is 1",
        _number,
        (('number("12")', "12"),),
    ),
    Function(
        "bool",
        "of: string|number|bool",
        "bool",
        "what a string says: true, yes, 1 or false, no, 0; a number unless it is 0",
        _bool,
        (('bool("yes")', "true"),),
    ),
    Function(
        "time",
        "of: string|time",
        "time",
        "the moment that an ISO 8601 string says; UTC unless it has an offset",
        _time,
        (('time("2027-03-31T17:30:00+08:00")', 'time("2027-03-31T09:30:00Z")'),),
    ),
    Function(
        "duration",
        "of: string|number|duration",
        "duration",
        "the duration that a string says, or so many seconds",
        _duration,
        (('duration("1h30m")', "90m"), ("duration(90)", "90s")),
    ),
    Function(
        "kind",
        "of: any",
        "string",
        "the word for what it is: string, number, bool, list, map, time, duration or null",
        _kind,
        (("kind(1h)", '"duration"'),),
    ),
)
