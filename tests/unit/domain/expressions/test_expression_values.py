"""Values of expressions: their kinds, their text forms, and JSON there and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest

from core.domain.expressions import (
    Kind,
    NotAValue,
    SecretValue,
    Value,
    as_value,
    from_json,
    kind_of,
    text_of,
    to_json,
)
from core.domain.expressions.values import duration_from, duration_text, time_from, time_text

MORNING = datetime(2027, 3, 31, 9, 30, tzinfo=UTC)
SECRET = SecretValue("01J00000000000000000000000")


class State(StrEnum):
    FAILED = "failed"


@pytest.mark.parametrize(
    ("value", "kind", "written", "text"),
    [
        (True, Kind.BOOL, True, "true"),
        (12, Kind.NUMBER, 12, "12"),
        (0.5, Kind.NUMBER, 0.5, "0.5"),
        ("web", Kind.STRING, "web", "web"),
        ("", Kind.STRING, "", ""),
        ((1, "a"), Kind.LIST, [1, "a"], '[1, "a"]'),
        (
            {"a": MORNING},
            Kind.MAP,
            {"a": {"$time": "2027-03-31T09:30:00Z"}},
            '{"a": "2027-03-31T09:30:00Z"}',
        ),
        (MORNING, Kind.TIME, {"$time": "2027-03-31T09:30:00Z"}, "2027-03-31T09:30:00Z"),
        (timedelta(minutes=90), Kind.DURATION, {"$duration": "1h30m"}, "1h30m"),
        ({"$time": "no time"}, Kind.MAP, {"$map": {"$time": "no time"}}, '{"$time": "no time"}'),
        ({"$map": {}}, Kind.MAP, {"$map": {"$map": {}}}, '{"$map": {}}'),
    ],
)
def test_a_value_has_a_kind_a_text_and_json_that_gives_it_back(
    value: Any, kind: Kind, written: Any, text: str
) -> None:
    assert kind_of(value) is kind
    assert text_of(value) == text
    assert to_json(value) == written
    assert from_json(written) == value


def test_null_and_secrets_travel_in_json_and_are_part_of_no_text() -> None:
    assert to_json((None, SECRET)) == [None, {"$secret": SECRET.id}]
    assert from_json(to_json((None, SECRET))) == (None, SECRET)
    for value in (None, SECRET, ({"deep": SECRET},)):
        with pytest.raises(NotAValue):
            text_of(value)
    assert SECRET.id not in repr([SECRET])


def test_what_holds_one_thing_many_times_is_as_large_as_it_is_written_down() -> None:
    long, numbers = "s" * 60_000, tuple(range(10_000))
    once: Value = tuple(long for _ in numbers)
    for value in (once, (once, once), {"a": {"b": once}}, tuple(numbers for _ in numbers)):
        with pytest.raises(NotAValue, match="larger than 4,194,304 characters"):
            to_json(value)
    hosts = tuple({"name": f"host{number}", "state": "failed"} for number in numbers)
    assert to_json(hosts) == list(hosts)


def test_no_data_is_taken_for_a_secret_or_a_time() -> None:
    forged = {"$secret": SECRET.id}
    assert as_value(forged) == forged
    assert kind_of(as_value({"x": {"$time": "2027-03-31"}})["x"]) is Kind.MAP  # type: ignore[index,call-overload]
    assert from_json(to_json(as_value([forged]))) == (forged,)


def test_data_of_our_own_becomes_plain_values() -> None:
    east = datetime(2027, 3, 31, 17, 30, tzinfo=timezone(timedelta(hours=8)))
    found = as_value({"state": State.FAILED, "at": east, "items": [1.0, MORNING.date()]})
    assert found == {"state": "failed", "at": MORNING, "items": (1, "2027-03-31")}
    assert type(found["state"]) is str  # type: ignore[index,call-overload]
    assert type(found["items"][0]) is int  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    "data",
    [
        object(),
        {1: 2},
        b"bytes",
        float("nan"),
        float("inf"),
        2**63,
        datetime(2027, 3, 31),  # noqa: DTZ001
        [[object()]],
        type,
        len,
        {"a", "b"},
    ],
)
def test_what_is_no_value_is_refused(data: object) -> None:
    with pytest.raises(NotAValue):
        as_value(data)


def test_data_that_is_nested_without_end_is_refused() -> None:
    deep: list[Any] = []
    deep.append(deep)
    with pytest.raises(NotAValue, match="nested"):
        as_value(deep)


def test_objects_of_other_types_have_no_kind() -> None:
    for other in (object(), [], State.FAILED, 1j, MORNING.date(), len, int):
        with pytest.raises(NotAValue):
            kind_of(other)


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("90s", 90, "1m30s"),
        ("5m", 300, "5m"),
        ("2h", 7200, "2h"),
        ("1d", 86400, "1d"),
        ("1w", 604800, "7d"),
        ("500ms", 0.5, "500ms"),
        ("1.5h", 5400, "1h30m"),
        ("1h30m", 5400, "1h30m"),
        ("-5m", -300, "-5m"),
        ("0s", 0, "0s"),
        ("0.001ms", 1e-6, "0.001ms"),
        ("999999999d", 999999999 * 86400, "999999999d"),
    ],
)
def test_durations_are_read_and_written_exactly(text: str, seconds: float, written: str) -> None:
    found = duration_from(text)
    assert found == timedelta(seconds=seconds)
    assert duration_text(found) == written
    assert duration_from(written) == found


@pytest.mark.parametrize(
    "text", ["", "5", "5x", "m", "1h 30m", "5min", "--5m", "1e3s", "٣s", "9" * 99 + "d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(NotAValue):
        duration_from(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2027-03-31", "2027-03-31T00:00:00Z"),
        ("2027-03-31T09:30", "2027-03-31T09:30:00Z"),
        ("2027-03-31 09:30:00", "2027-03-31T09:30:00Z"),
        ("2027-03-31T17:30:00+08:00", "2027-03-31T09:30:00Z"),
        ("2027-03-31t09:30:00.25z", "2027-03-31T09:30:00.250000Z"),
    ],
)
def test_times_are_read_with_their_offset_and_written_in_utc(text: str, written: str) -> None:
    assert time_text(time_from(text)) == written
    assert time_from(written) == time_from(text)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2027-02-30", "2027-3-1", "31.03.2027", "0001-01-01T00:00+08:00", "２０２７-03-31"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(NotAValue):
        time_from(text)
