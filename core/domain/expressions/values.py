"""The values that expressions work with, their kinds, and their two text forms.

    kind      here                JSON                        in a text
    null      None                null                        (nothing)
    bool      bool                true                        true
    number    int or float        12, 0.5                     12, 0.5
    string    str                 "web"                       web
    list      tuple               [1, 2]                      [1, 2]
    map       dict                {"a": 1}                    {"a": 1}
    time      datetime, UTC       {"$time": "2027-03-31T…Z"}  2027-03-31T…Z
    duration  timedelta           {"$duration": "1h30m"}      1h30m
    secret    SecretValue         {"$secret": "01J…"}         (refused)

`from_json(to_json(value)) == value` for every value. A map of which a key begins with `$` is
wrapped, `{"$map": {…}}`, so that no data is ever taken for a time or for a secret.

A number is a whole number of at most 64 bits, or a double that is finite. A double that is whole
is kept as a whole number: 1.0 and 1 are the same, and both are written 1.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

MAX_NUMBER = 2**63 - 1
"""Of whole numbers, on either side of 0."""
MAX_DEPTH = 100
"""Levels of lists and maps in data."""
MAX_WRITTEN = 1 << 22
"""Characters of a list or a map that is kept."""
_EXACT = float(2**53)
"""Below it a double that is whole stands for that number only."""


class Kind(StrEnum):
    """What a value is; the word that people read."""

    NULL = "null"
    BOOL = "bool"
    NUMBER = "number"
    STRING = "string"
    LIST = "list"
    MAP = "map"
    TIME = "time"
    DURATION = "duration"
    SECRET = "secret"


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A secret on its way through: it can be handed on whole, and nothing else."""

    id: str
    """Where its bytes are; see `core.domain.values.SecretRef`."""

    def __repr__(self) -> str:
        return "***"


Value: TypeAlias = (
    bool
    | int
    | float
    | str
    | Sequence["Value"]
    | Mapping[str, "Value"]
    | datetime
    | timedelta
    | SecretValue
    | None
)

_KINDS: Mapping[type, Kind] = {
    type(None): Kind.NULL,
    bool: Kind.BOOL,
    int: Kind.NUMBER,
    float: Kind.NUMBER,
    str: Kind.STRING,
    tuple: Kind.LIST,
    dict: Kind.MAP,
    datetime: Kind.TIME,
    timedelta: Kind.DURATION,
    SecretValue: Kind.SECRET,
}


class NotAValue(ValueError):
    """Something that no kind of value is; the message is a sentence about it."""


def kind_of(value: object) -> Kind:
    """Its kind. NotAValue for objects of any other type, subclasses included."""
    try:
        return _KINDS[type(value)]
    except KeyError:
        raise NotAValue("this is no value that expressions know") from None


def number(value: float) -> int | float:
    """`value` as numbers are kept here. NotAValue where it is too large."""
    if isinstance(value, int):
        if not -MAX_NUMBER <= value <= MAX_NUMBER:
            raise NotAValue("the number is too large")
        return value
    if not math.isfinite(value):
        raise NotAValue("the number is too large")
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


# ------------------------------------------------------------------------- times and durations

_UNITS_US: Mapping[str, int] = {
    "w": 7 * 86_400_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1000,
}
_MICROSECOND = timedelta(microseconds=1)
DURATION = r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|[wdhms])(?![^\W\d_]))+"
"""Numbers with their units: 90s, 1h30m, 1.5d."""
_DURATION = re.compile(rf"-?{DURATION}")
_DURATION_PART = re.compile(r"([0-9]+)(?:\.([0-9]+))?(ms|[wdhms])")
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:[Zz]|[+-]\d\d:\d\d)?)?"
)


def duration_from(text: str) -> timedelta:
    """What `90s`, `1h30m` or `-2d` means. NotAValue where it is no duration."""
    written = text.strip()
    if len(written) > 100 or not _DURATION.fullmatch(written):
        raise NotAValue("this is no duration; write it as 90s, 5m, 1h30m or 2d")
    found_us = sum(
        # In whole numbers: a double would lose the microseconds of long durations.
        int(whole + fraction) * _UNITS_US[unit] // 10 ** len(fraction)
        for whole, fraction, unit in _DURATION_PART.findall(written)
    )
    try:
        return timedelta(microseconds=-found_us if written.startswith("-") else found_us)
    except OverflowError:
        raise NotAValue("the duration is too long") from None


def duration_text(value: timedelta) -> str:
    """`1h30m`: the largest units first, to the microsecond; `0s` for none."""
    value_us = value // _MICROSECOND
    left_us = abs(value_us)
    parts = []
    for unit in ("d", "h", "m", "s"):
        amount, left_us = divmod(left_us, _UNITS_US[unit])
        if amount:
            parts.append(f"{amount}{unit}")
    if left_us:
        whole, part = divmod(left_us, 1000)
        fraction = f".{part:03}".rstrip("0") if part else ""
        parts.append(f"{whole}{fraction}ms")
    return ("-" if value_us < 0 else "") + ("".join(parts) or "0s")


def time_from(text: str) -> datetime:
    """The moment that an ISO 8601 text means; without an offset it is UTC, a day its midnight."""
    written = text.strip()
    if _ISO.fullmatch(written) is None or not written.isascii():
        raise NotAValue("this is no time; write it as 2027-03-31 or 2027-03-31T09:30:00+08:00")
    try:
        found = datetime.fromisoformat(written.upper())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotAValue("there is no such time in the calendar") from None


def time_text(value: datetime) -> str:
    """ISO 8601 in UTC: `2027-03-31T09:30:00Z`, with a fraction of a second where it has one."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


# -------------------------------------------------------------------------------- text and JSON


def text_of(value: Value) -> str:
    """The value as a part of a text. NotAValue for null and for what is or holds a secret."""
    match kind_of(value):
        case Kind.STRING:
            assert isinstance(value, str)
            return value
        case Kind.NULL:
            raise NotAValue("there is nothing to write here: the value is null")
        case Kind.LIST | Kind.MAP:
            return json.dumps(_shown(value), ensure_ascii=False)
    shown = _shown(value)
    return shown if isinstance(shown, str) else json.dumps(shown)


def _shown(value: Any) -> Any:
    """JSON in which times and durations are texts."""
    match kind_of(value):
        case Kind.SECRET:
            raise NotAValue("a secret cannot be part of a text")
        case Kind.LIST:
            return [_shown(item) for item in value]
        case Kind.MAP:
            return {key: _shown(item) for key, item in value.items()}
        case Kind.TIME:
            return time_text(value)
        case Kind.DURATION:
            return duration_text(value)
    return value


_SAME_IN_JSON = frozenset({str, int, float, bool, type(None)})


def to_json(value: Value) -> Any:
    """JSON values from which `from_json` makes the same value again.

    NotAValue for what is larger than is kept: a list that holds one thing many times is small
    until it is written down.
    """
    if isinstance(value, tuple | dict) and _size_of(value, {}) > MAX_WRITTEN:
        raise NotAValue(f"this is larger than {MAX_WRITTEN:,} characters, the most that is kept")
    return _written(value)


def _size_of(value: tuple[Value, ...] | dict[str, Value], known: dict[int, int]) -> int:
    """About the characters of a list or a map, each part of it looked at once (`known`)."""
    size = known.get(id(value))
    if size is None:
        inner = value if isinstance(value, tuple) else (*value.keys(), *value.values())
        size = len(inner)
        size += sum(len(item) for item in inner if isinstance(item, str))
        size += sum(_size_of(item, known) for item in inner if isinstance(item, tuple | dict))
        known[id(value)] = size
    return size


def _written(value: Value) -> Any:
    found: Any = value
    if type(value) in _SAME_IN_JSON:
        return value
    match kind_of(value):
        case Kind.LIST:
            return [_written(item) for item in found]
        case Kind.MAP:
            inner = {key: _written(item) for key, item in found.items()}
            return {"$map": inner} if any(key.startswith("$") for key in inner) else inner
        case Kind.TIME:
            return {"$time": time_text(found)}
        case Kind.DURATION:
            return {"$duration": duration_text(found)}
    assert isinstance(value, SecretValue)
    return {"$secret": value.id}


def from_json(written: Any) -> Value:
    """What `to_json` wrote, as the value that it was. Raises: NotAValue.

    Only for what the engine itself has kept: it makes secrets of marks. Data of others, such as
    outputs and parameters, goes through `as_value`.
    """
    return _read(written, True)


def as_value(data: Any) -> Value:
    """The value that plain data stands for; no map in it is taken for a time or a secret.

    JSON values are taken, and of Python's tuples, other mappings, days, datetimes with an
    offset, timedeltas, `SecretValue`s and texts of an enumeration. Raises: NotAValue.
    """
    return _read(data, False)


_AS_IS = frozenset({str, bool, type(None), SecretValue, timedelta})
"""Types whose values are taken as they are."""


def _read(found: Any, marks: bool, depth: int = 0) -> Value:
    if type(found) in _AS_IS:  # most of what there is, and asking about classes takes long
        value: Value = found
        return value
    if depth > MAX_DEPTH:
        raise NotAValue(f"lists and maps are nested more than {MAX_DEPTH} levels deep")
    match found:
        case dict():
            return _read_map(found, marks, depth)
        case list() | tuple():
            return tuple([_read(item, marks, depth + 1) for item in found])
        case int() | float():
            return number(found)
        case str():
            return str(found)
        case timedelta():
            return timedelta(microseconds=found // _MICROSECOND)
        case datetime():
            return _in_utc(found)
        case date():
            return found.isoformat()
        case Mapping():
            return _read_map(found, marks, depth)
        case Sequence() if not isinstance(found, bytes | bytearray):
            return tuple([_read(item, marks, depth + 1) for item in found])
    raise NotAValue("this is no value that expressions know")


def _read_map(found: Mapping[Any, Any], marks: bool, depth: int) -> Value:
    if marks and len(found) == 1:
        mark, inner = next(iter(found.items()))
        if mark in _MARKS and isinstance(inner, str):
            return _MARKS[mark](inner)
        if mark == "$map" and isinstance(inner, Mapping):
            found = inner
    return {
        key if type(key) is str else _key(key): _read(item, marks, depth + 1)
        for key, item in found.items()
    }


def _key(found: object) -> str:
    if not isinstance(found, str):
        raise NotAValue("the keys of a map are strings")
    return str(found)


def _in_utc(found: datetime) -> datetime:
    if found.tzinfo is None:
        raise NotAValue("a time without its offset means nothing")
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise NotAValue("there is no such time in the calendar") from None


_MARKS: Mapping[str, Callable[[str], Value]] = {
    "$time": time_from,
    "$duration": duration_from,
    "$secret": SecretValue,
}
