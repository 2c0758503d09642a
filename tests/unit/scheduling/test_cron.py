"""Cron expressions: days against two independent libraries, special days, and what is refused.

Times around changes of clocks: tests/simulation/test_cron_pairs.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from croniter import croniter
from cronsim import CronSim

from core.domain.schedule import ScheduleSpec
from core.errors import Invalid
from core.scheduling import cron
from core.scheduling.triggers import Trigger
from tests.simulation.cronpairs import FIXED, REPEATING

YEAR_BEGINS = datetime(2026, 1, 1, tzinfo=UTC)


def slots(expression: str, zone: str, after: datetime) -> Any:
    spec = {"job": "j", "trigger": {"cron": expression}, "time_zone": zone}
    return Trigger.of(ScheduleSpec.model_validate(spec)).slots(after)


DAYS = (
    "0 0 L * *", "30 6 LW * *", "0 0 * * 5L", "0 0 * * 1#2", "0 0 * * MON#5", "0 0 29 2 *",
    "0 0 13 * FRI", "0 9 1,15 * MON", "0 0 31 * *", "0 0 * JAN,JUL SUN", "0 0 * * 1-5",
    "15 10 1-7 * *", "0 0 1 */3 *", "*/5 8-17 * * MON-FRI", "0 0 * * 7", "10 3 5-20/5 2-11/3 *",
)  # fmt: skip


@pytest.mark.parametrize("expression", DAYS)
def test_days_are_those_of_cronsim(expression: str) -> None:
    other = CronSim(expression, YEAR_BEGINS)

    assert [*islice(slots(expression, "UTC", YEAR_BEGINS), 60)] == [*islice(other, 60)]


@pytest.mark.parametrize(
    "expression",
    [each for each in (*DAYS, *FIXED, *REPEATING) if "LW" not in each],  # croniter has no LW
)
def test_days_are_those_of_croniter(expression: str) -> None:
    theirs = expression.replace("5L", "L5").replace("MON#5", "1#5")
    other = croniter(theirs, YEAR_BEGINS)
    wanted = [other.get_next(datetime) for _ in range(40)]

    assert [*islice(slots(expression, "UTC", YEAR_BEGINS), 40)] == wanted


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("0 0 15W 8 *", "2026-08-14"),  # the 15th is a Saturday
        ("0 0 1W 8 *", "2026-08-03"),  # never out of the month
        ("0 0 31W 5 *", "2026-05-29"),  # the 31st is a Sunday, the last day
        ("0 0 L-3 2 *", "2026-02-25"),
        ("@yearly", "2027-01-01"),
        ("0 0 * * FRI-SUN", "2026-01-02"),
        ("15 30 6 * * *", "2026-01-01"),
    ],
)
def test_special_days(expression: str, wanted: str) -> None:
    assert next(slots(expression, "UTC", YEAR_BEGINS)).date().isoformat() == wanted


def test_a_clock_that_is_put_back_over_midnight_leaves_the_slots_in_order() -> None:
    begins = datetime(1987, 10, 25, 2, 59, 30, tzinfo=UTC)  # it shows 00:00 at 03:00 and at 04:00

    found = [*islice(slots("*/30 * * * *", "America/Goose_Bay", begins), 4)]

    assert [f"{slot:%H:%M}" for slot in found] == ["03:00", "03:30", "04:00", "04:30"]


def test_a_clock_that_is_put_back_by_hours_is_followed_from_any_of_them() -> None:
    begins = datetime(2018, 3, 10, 16, 56, tzinfo=UTC)  # it shows 03:56; 01:00 comes again at 17:00

    found = [*islice(slots("28 * * * *", "Antarctica/Casey", begins), 2)]

    assert [f"{slot:%H:%M}" for slot in found] == ["17:28", "18:28"]


def test_six_fields_begin_with_seconds() -> None:
    found = [*islice(slots("*/20 59 23 * * *", "UTC", YEAR_BEGINS), 3)]

    assert [slot.strftime("%H:%M:%S") for slot in found] == ["23:59:00", "23:59:20", "23:59:40"]


@pytest.mark.parametrize(
    ("expression", "where", "what"),
    [
        ("* * *", "", "it has 3 fields; cron has 5, or 6 with seconds"),
        ("61 * * * *", "column 1 (minute)", "minute 61 is out of range; try 0 to 59"),
        ("* 5-3 * * *", "column 3 (hour)", "the range '5-3' ends before it begins"),
        ("*/0 * * * *", "column 1 (minute)", "the step of '*/0' must be a number from 1 on"),
        ("0 0 * FOO *", "column 7 (month)", "'FOO' is no month; try 1 to 12, or JAN to DEC"),
        ("0 0 * * 1#6", "column 9 (day of week)", "a month has the first to the fifth"),
        ("0  0 30 2 *", "column 6 (day of month)", "no such day ever comes"),
        ("0 0 32W * *", "column 5 (day of month)", "day of month 32 is out of range"),
        ("0 0 , * *", "column 5 (day of month)", "'' is no day of month, range or step"),
        ("1_0 * * * *", "column 1 (minute)", "'1_0' is no minute"),
    ],
)
def test_a_wrong_expression_is_refused_with_its_column(
    expression: str, where: str, what: str
) -> None:
    with pytest.raises(Invalid) as caught:
        cron.parse(expression)

    (problem,) = caught.value.problems
    assert problem.where == where
    assert what in problem.what
