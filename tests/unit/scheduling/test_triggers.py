"""Slots of intervals, days of months, single moments; ranges and jitter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from pydantic import ValidationError

from core.domain.schedule import CalendarSpec, ScheduleSpec
from core.scheduling.calendars import Calendar
from core.scheduling.triggers import Trigger, due_at, next_after

AFTER = datetime(2026, 3, 27, 12, tzinfo=UTC)
HOLIDAYS = {"days-off": Calendar.of(CalendarSpec(days=("12-25", "2026-03-30..2026-04-06")))}


def trigger(of: dict[str, Any], **more: Any) -> Trigger:
    spec = ScheduleSpec.model_validate({"job": "j", "trigger": of, **more})
    return Trigger.of(spec, HOLIDAYS)


def shown(of: Trigger, count: int = 3) -> list[str]:
    return [slot.strftime("%Y-%m-%d %H:%M") for slot in islice(of.slots(AFTER), count)]


@pytest.mark.parametrize(
    ("of", "more", "wanted"),
    [
        ({"every_s": 7200}, {}, ["2026-03-27 14:00", "2026-03-27 16:00", "2026-03-27 18:00"]),
        (
            {"every_s": 86400, "epoch": "2026-04-01T08:30:00+02:00"},
            {},
            ["2026-03-28 06:30", "2026-03-29 06:30", "2026-03-30 06:30"],
        ),
        ({"once": "2026-04-01T08:00:00+02:00"}, {}, ["2026-04-01 06:00"]),
        ({"once": "2026-03-27T12:00:00Z"}, {}, []),
        ({"at_start": True}, {}, []),
        (
            {"monthly": {"on": "second tuesday", "at": "02:30"}},
            {},
            ["2026-04-14 02:30", "2026-05-12 02:30", "2026-06-09 02:30"],
        ),
        (
            {"monthly": {"on": "last working day", "at": "18:00"}},
            {"time_zone": "Europe/Berlin"},
            ["2026-03-31 16:00", "2026-04-30 16:00", "2026-05-29 16:00"],
        ),
        (
            {"monthly": {"on": "first working day", "at": "18:00", "months": [4, 12]}},
            {"blackout": ["days-off"]},
            ["2026-04-07 18:00", "2026-12-01 18:00", "2027-04-01 18:00"],
        ),
        (
            {"monthly": {"on": 31, "at": "00:00:30"}},
            {},
            ["2026-03-31 00:00", "2026-05-31 00:00", "2026-07-31 00:00"],
        ),
        (
            {"monthly": {"on": "fifth friday", "at": "00:00", "months": [2]}},
            {},
            ["2036-02-29 00:00", "2064-02-29 00:00", "2092-02-29 00:00"],
        ),
        (
            {"cron": "0 0 * * *"},
            {"begins": "2026-04-01T00:00:00Z", "ends": "2026-04-03T00:00:00Z"},
            ["2026-04-01 00:00", "2026-04-02 00:00"],
        ),
        ({"cron": "0 0 * * *"}, {"enabled": False}, []),
    ],
)
def test_slots(of: dict[str, Any], more: dict[str, Any], wanted: list[str]) -> None:
    assert shown(trigger(of, **more)) == wanted


def test_a_moment_that_the_clock_leaves_out_moves_and_one_that_comes_twice_happens_once() -> None:
    nightly = trigger({"cron": "30 2 * * *"}, time_zone="Europe/Berlin")
    monthly = trigger({"monthly": {"on": "29", "at": "02:30"}}, time_zone="Europe/Berlin")
    autumn = datetime(2026, 10, 24, 12, tzinfo=UTC)

    assert shown(nightly) == ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]
    assert shown(monthly, 1) == ["2026-03-29 01:00"]
    assert [*islice(nightly.slots(autumn), 2)] == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]


def test_from_any_moment_the_next_slot_is_the_one_that_the_row_of_all_slots_has() -> None:
    quarter = trigger({"cron": "*/15 * * * *"}, time_zone="America/Havana")
    autumn = datetime(2026, 10, 31, 23, tzinfo=UTC)
    row = [*islice(quarter.slots(autumn), 60)]

    assert [next_after(quarter, slot) for slot in row[:-1]] == row[1:]


def test_a_day_off_is_a_slot_that_the_trigger_knows_to_be_off() -> None:
    christmas = datetime(2026, 12, 24, 23, tzinfo=UTC)  # the 25th in Berlin
    off = trigger({"every_s": 60}, blackout=["days-off"], time_zone="Europe/Berlin")

    assert off.off(christmas) == "days-off"
    assert off.off(christmas - timedelta(minutes=1)) == ""


def test_jitter_follows_from_name_and_slot_alone() -> None:
    spec = trigger({"every_s": 60}, jitter_s=30).spec
    slots = [AFTER + timedelta(minutes=minute) for minute in range(200)]

    late = [(due_at("a", spec, slot) - slot).total_seconds() for slot in slots]

    assert late == [(due_at("a", spec, slot) - slot).total_seconds() for slot in slots]
    assert late != [(due_at("b", spec, slot) - slot).total_seconds() for slot in slots]
    assert (min(late), max(late)) == (0, 30)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"trigger": {}}, "give one of `cron`, `every_s`, `monthly`, `once`, `at_start`"),
        ({"trigger": {"cron": "* * * *"}}, "it has 4 fields; cron has 5"),
        ({"trigger": {"cron": "0 25 * * *"}}, "column 3 (hour): hour 25 is out of range"),
        ({"trigger": {"cron": "@daily", "every_s": 5}}, "give one of"),
        ({"trigger": {"cron": "@daily", "epoch": "2026-01-01T00:00:00Z"}}, "belongs to `every_s`"),
        ({"trigger": {"monthly": {"on": "sixth day", "at": "01:00"}}}, "is no day of a month"),
        (
            {"trigger": {"monthly": {"on": "30", "at": "01:00", "months": [2]}}},
            "none of these months ever has '30'",
        ),
        ({"trigger": {"cron": "@daily"}, "time_zone": "Mars/Base"}, "'Mars/Base' is no time zone"),
        ({"trigger": {"cron": "@daily"}, "time_zone": "../etc"}, "'../etc' is no time zone"),
        (
            {"trigger": {"cron": "@daily"}, "time_zone": "ASIA/SHANGAI"},
            "'ASIA/SHANGAI' is no time zone; did you mean Asia/Shanghai?",
        ),
        ({"trigger": {"cron": "@daily"}, "time_zone": "CEST"}, "try UTC or Europe/Berlin"),
        ({"trigger": {"cron": "@daily"}, "time_zone": "GMT+8"}, "try UTC or Europe/Berlin"),
        ({"trigger": {"once": "2026-01-01T00:00:00"}}, "should have timezone info"),
        ({"trigger": {"once": "9999-12-31T23:59:59-12:00"}}, "in the years 1970 to 2999"),
        (
            {"trigger": {"every_s": 60, "epoch": "0001-01-01T00:00:00+14:00"}},
            "in the years 1970 to 2999",
        ),
        (
            {"trigger": {"cron": "@daily"}, "begins": "1969-12-31T23:59:59Z"},
            "in the years 1970 to 2999",
        ),
        (
            {"trigger": {"cron": "@daily"}, "ends": "3000-01-01T00:00:00Z"},
            "in the years 1970 to 2999",
        ),
        ({"trigger": {"file": {"path": "/in/\0"}}}, "should match pattern"),
        (
            {
                "trigger": {"cron": "@daily"},
                "begins": "2026-01-02T00:00:00Z",
                "ends": "2026-01-02T00:00:00Z",
            },
            "`ends` must be later than `begins`",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ScheduleSpec.model_validate({"job": "j", **spec})

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("day", "message"),
    [
        ("2026-13-01", "is no day; try 2026-12-25"),
        ("02-30", "is no day"),
        ("2026-01-02..2026-01-01", "ends before it begins"),
        ("tomorrow", "is no day"),
    ],
)
def test_a_calendar_holds_days(day: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CalendarSpec(days=(day,))

    assert message in str(caught.value)
