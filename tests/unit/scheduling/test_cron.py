"""Cron expressions against two independent libraries and a scan of every minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from croniter import croniter
from cronsim import CronSim

from core.domain.schedule import ScheduleSpec
from core.errors import Invalid
from core.scheduling import cron
from core.scheduling.triggers import Trigger

YEAR_BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
HOURS_AROUND = 30

FIXED = (
    "0 0 * * *", "30 0 * * *", "0 1 * * *", "15,45 1 * * *", "0 2 * * *", "30 2 * * *",
    "0,30 2 * * *", "59 1,2,3 * * *", "0 3 * * *", "30 23 * * *", "15 0-4 * * *", "7 0-23/2 * * *",
    "30 2 * * SUN", "5 4 * * *", "0 12 * * *", "1-3 2 * * *", "30 0-3 * * 6,0",
)  # fmt: skip
REPEATING = (
    "* * * * *", "*/15 * * * *", "0 * * * *", "30 * * * *", "*/20 2 * * *", "* 1 * * *",
    "*/30 0-3 * * *", "17 */2 * * *", "*/7 * * * SUN", "45 */3 * * *", "0 */1 * * *", "* 2 * * 0",
    "*/59 23 * * *", "*/10 3 * * *", "5-55/10 * * * *", "1 * * * *", "*/30 */4 * * *",
)  # fmt: skip
"""With FIXED, 34 expressions: 20,000 pairs with the zones that there are, most of which agree."""
MID_HOUR = ("Australia/LHI", "NZ-CHAT")
"""Their clocks change in the middle of an hour; cronsim goes on by whole hours, and oversteps it."""


def slots(expression: str, zone: str, after: datetime) -> Any:
    spec = {"job": "j", "trigger": {"cron": expression}, "time_zone": zone}
    return Trigger.of(ScheduleSpec.model_validate(spec)).slots(after)


def changes(zone: ZoneInfo) -> list[datetime]:
    """The days of 2026 on which the clock of a zone is put forward or back; else its last day."""
    days = [YEAR_BEGINS + timedelta(days=day) for day in range(365)]
    offsets = [day.astimezone(zone).utcoffset() for day in (*days, days[-1] + timedelta(days=1))]
    found = [day for day, (a, b) in zip(days, pairwise(offsets), strict=True) if a != b]
    return found or days[-1:]


@cache
def edges() -> list[tuple[str, datetime, tuple[datetime, ...]]]:
    """Every change of every zone in 2026, with what the clock on the wall shows around it.

    Zones whose clocks show the same are represented by one of them.
    """
    found: dict[object, tuple[str, datetime, tuple[datetime, ...]]] = {}
    for name in sorted(available_timezones() - {"localtime", "Factory"}):
        zone = ZoneInfo(name)
        for change in changes(zone):
            begins = change - timedelta(hours=2)
            shape = tuple(
                (begins + timedelta(minutes=30 * half)).astimezone(zone).replace(tzinfo=None)
                for half in range(HOURS_AROUND * 2)
            )
            if (begins, shape) not in found:
                shown = (
                    (begins + timedelta(minutes=minute)).astimezone(zone).replace(tzinfo=None)
                    for minute in range(HOURS_AROUND * 60)
                )
                found[begins, shape] = (name, begins, tuple(shown))
    return [*found.values()]


def scanned(expression: str, shown: tuple[datetime, ...], begins: datetime) -> list[datetime]:
    """What a person would find who looks at the clock every minute."""
    minutes, hours, _, _, weekdays = (
        numbers(word, low, high)
        for word, low, high in zip(
            expression.split(), (0, 0, 1, 1, 0), (59, 23, 31, 12, 7), strict=True
        )
    )

    def fits(at: datetime) -> bool:
        weekday = at.isoweekday() % 7
        return at.minute in minutes and at.hour in hours and weekday in weekdays

    found, seen = list[int](), set[datetime]()
    fixed = not expression.startswith("*") and not expression.split()[1].startswith("*")
    before = shown[0]
    for minute, at in enumerate(shown):
        left_out = int((at - before).total_seconds() // 60) - 1
        missed = [at - timedelta(minutes=back) for back in range(1, left_out + 1)]
        if minute > 0 and (
            ((fits(at) and at not in seen) or any(map(fits, missed))) if fixed else fits(at)
        ):
            found.append(minute)
        seen.add(at)
        before = at
    return [begins + timedelta(minutes=minute) for minute in found]


def numbers(word: str, low: int, high: int) -> set[int]:
    """The numbers of a simple field, read without the code that is tested."""
    found: set[int] = set()
    for item in word.replace("SUN", "0").split(","):
        body, _, step = item.partition("/")
        first, _, last = body.partition("-")
        ends = (low, high) if body == "*" else (int(first), int(last or first))
        found |= set(range(ends[0], ends[1] + 1, int(step or 1)))
    return found


@pytest.mark.parametrize("expression", [*FIXED, *REPEATING])
def test_around_every_change_of_every_clock_a_scan_of_all_minutes_finds_the_same(
    expression: str,
) -> None:
    for name, begins, shown in edges():
        wanted = scanned(expression, shown, begins)
        ends = begins + timedelta(minutes=len(shown))
        found = [*islice(slots(expression, name, begins), len(wanted) + 1)]

        assert [slot for slot in found if slot < ends] == wanted, name


@pytest.mark.parametrize("expression", [*FIXED, *REPEATING])
def test_around_every_change_of_every_clock_cronsim_finds_the_same(expression: str) -> None:
    for name, begins, _ in edges():
        if name in MID_HOUR:
            continue
        other = CronSim(expression, begins.astimezone(ZoneInfo(name)))
        wanted = [at.astimezone(UTC) for at in islice(other, 4)]

        assert [*islice(slots(expression, name, begins), 4)] == wanted, name


@pytest.mark.parametrize("expression", [*FIXED, *REPEATING])
def test_around_every_change_of_every_clock_croniter_has_what_we_have(expression: str) -> None:
    """It adds slots, and only on days of a change: what repeats is moved out of a gap as a fixed
    time is, and a fixed time comes again in some overlaps. The scan decides between us.
    """
    for name, begins, _ in edges():
        if name in MID_HOUR:
            continue
        other = croniter(expression, begins.astimezone(ZoneInfo(name)))
        found, theirs = [*islice(slots(expression, name, begins), 3)], list[datetime]()
        while not theirs or theirs[-1] < found[-1]:
            theirs.append(other.get_next(datetime).astimezone(UTC))

        assert set(found) <= set(theirs), name
        added = set(theirs) - set(found)
        assert all(each < begins + timedelta(hours=HOURS_AROUND) for each in added), name


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
