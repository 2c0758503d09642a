"""Cron expressions around changes of clocks, from one seed: ours, two libraries', a scan's.

A pair is an expression and a change of a zone's clock. Every pair is judged by three who share
nothing with our code: a scan that looks at the clock on the wall every minute, cronsim, and
croniter; and our own code is asked again from a moment on the way, as after a restart. The libraries are left out where they are known to be wrong (`is_ordinary`, `has_midnight`);
the scan never is.

    python -m tests.simulation.cronpairs --pairs 200000 --seed 7
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

from croniter import croniter
from cronsim import CronSim

from core.domain.schedule import ScheduleSpec
from core.scheduling.triggers import Trigger

JUDGES = ("scan", "again", "cronsim", "croniter")
ZONES = tuple(sorted(available_timezones() - {"localtime", "Factory"}))
FIRST_YEAR, LAST_YEAR = 1975, 2037
"""Before, clocks go by local noon; behind, no table of changes is kept."""

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

_BEFORE = timedelta(hours=2)
_WINDOW_MINUTES = 30 * 60
_TRIED_YEARS = 8
_COMPARED = 4
"""Slots that are laid beside a library's."""
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_WEEK_MINUTES = 7 * 24 * 60
_NO_MINUTE = (False,) * 24 * 60


@dataclass(frozen=True)
class Edge:
    """The day on which a zone's clock is put forward or back; any day of a zone without such."""

    zone: str
    begins: datetime
    """UTC, two hours before the day."""

    @property
    def ends(self) -> datetime:
        return self.begins + timedelta(minutes=_WINDOW_MINUTES)

    @cached_property
    def shown(self) -> Sequence[datetime]:
        """What the clock on the wall shows, minute by minute."""
        where = ZoneInfo(self.zone)
        return [
            (self.begins + timedelta(minutes=minute)).astimezone(where).replace(tzinfo=None)
            for minute in range(_WINDOW_MINUTES)
        ]

    @cached_property
    def of_week(self) -> Sequence[int]:
        """What is shown, as minutes since Sunday began."""
        return [(at.isoweekday() % 7 * 24 + at.hour) * 60 + at.minute for at in self.shown]

    @cached_property
    def shown_again(self) -> Set[int]:
        """The minutes at which the clock shows what it has shown before."""
        seen = set[datetime]()
        return {minute for minute, at in enumerate(self.shown) if at in seen or seen.add(at)}

    @cached_property
    def left_out(self) -> Mapping[int, Sequence[int]]:
        """Minute -> what the clock should have shown since the one before, as minutes of a week."""
        return {
            minute: [
                (before + missed) % _WEEK_MINUTES
                for missed in range(1, (after - self.shown[minute - 1]) // _MINUTE)
            ]
            for minute, (before, after) in enumerate(
                zip(self.of_week, self.shown[1:], strict=False), 1
            )
            if after - self.shown[minute - 1] > _MINUTE
        }

    @cached_property
    def leaps(self) -> Sequence[tuple[timedelta, datetime]]:
        """By how much the clock is put forward (or back), and what it shows then."""
        steps = ((after - before - _MINUTE, after) for before, after in pairwise(self.shown))
        return [step for step in steps if step[0]]

    def is_behind_a_change(self, moment: datetime) -> bool:
        """Whether the clock was put within the hour before."""
        shows = moment.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        return any(after <= shows < after + _HOUR for _, after in self.leaps)

    @property
    def is_ordinary(self) -> bool:
        """Whether the clock is put by an hour, and at a whole one, wherever it is put at all.

        Both libraries go on by hours where they meet a change, and overstep any other.
        """
        return all(abs(by) == _HOUR and shows.minute == 0 for by, shows in self.leaps)

    @property
    def has_midnight(self) -> bool:
        """Whether a day begins at midnight; cronsim loses the first hour of one that does not."""
        return all(by < timedelta() or (shows - by).hour > 0 for by, shows in self.leaps)


@dataclass
class Tally:
    """How many pairs each judge has looked at, and what was wrong."""

    judged: Counter[str] = field(default_factory=Counter)
    zones: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)


def run(seed: int, pairs: int, zones: Sequence[str] = ZONES) -> Tally:
    """Judge at least so many pairs, equally many in each zone."""
    chance = random.Random(seed)
    tally = Tally()
    for zone in zones:
        edge = an_edge(zone, chance)
        for number in range(-(-pairs // len(zones))):
            known = (FIXED, REPEATING)[number % 2]
            expression = chance.choice(known) if number % 4 < 2 else an_expression(chance)
            asked_again = edge.begins + chance.randrange(_WINDOW_MINUTES) * _MINUTE
            for judge, wrong in judgements(expression, edge, asked_again):
                tally.judged[judge] += 1
                if wrong:
                    place = f"seed {seed}: {expression!r} in {zone} from {edge.begins:%F %R}Z"
                    tally.complaints.append(f"{place}: {judge} {wrong}")
        tally.zones.add(zone)
    return tally


def an_edge(zone: str, chance: random.Random) -> Edge:
    """A change of a zone's clock in some year; any day where eight years have none."""
    where = ZoneInfo(zone)
    for _ in range(_TRIED_YEARS):
        first = datetime(chance.randint(FIRST_YEAR, LAST_YEAR), 1, 1, tzinfo=UTC)
        days = [first + timedelta(days=day) for day in range(366)]
        offsets = [day.astimezone(where).utcoffset() for day in days]
        changes = [day for day, (a, b) in zip(days, pairwise(offsets), strict=False) if a != b]
        if changes:
            return Edge(zone, chance.choice(changes) - _BEFORE)
    return Edge(zone, chance.choice(days) - _BEFORE)


def an_expression(chance: random.Random) -> str:
    """Minutes and hours of any form, mostly at the hours at which clocks are changed."""
    hours = chance.choice(((0, 5), (0, 23)))
    weekday = chance.choice(("*", "*", "*", "SUN", "0,6", "1-5"))
    return f"{_times(chance, (0, 59))} {_times(chance, hours)} * * {weekday}"


def _times(chance: random.Random, bounds: tuple[int, int]) -> str:
    """A field; never a range of one or of all, which croniter reads as `*`."""
    first, last = sorted(chance.sample(range(*bounds), 2))
    step = chance.randint(1, 20)
    forms = ("*", f"*/{step}", str(first), f"{first},{last}", f"{first}-{last}",
             f"{first}-{last}/{step}")  # fmt: skip
    return chance.choice(forms)


def judgements(expression: str, edge: Edge, asked_again: datetime) -> Iterator[tuple[str, str]]:
    """Each judge's name, and what it has to complain about: "" when nothing."""
    wanted = scanned(expression, edge)
    needed = max(len(wanted), _COMPARED) + 1
    spec = {"job": "j", "trigger": {"cron": expression}, "time_zone": edge.zone}
    trigger = Trigger.of(ScheduleSpec.model_validate(spec))
    found = [*islice(trigger.slots(edge.begins), needed)]
    yield "scan", _differs([slot for slot in found if slot < edge.ends], wanted)
    rest = [slot for slot in found if slot > asked_again][:_COMPARED]
    yield "again", _differs([*islice(trigger.slots(asked_again), len(rest))], rest)
    local = edge.begins.astimezone(ZoneInfo(edge.zone))
    if edge.is_ordinary and edge.has_midnight:
        theirs = [at.astimezone(UTC) for at in islice(CronSim(expression, local), _COMPARED)]
        yield "cronsim", _differs(found[: len(theirs)], theirs)
    if edge.is_ordinary:
        yield "croniter", _lacks(found[:_COMPARED], croniter(expression, local), edge)


def _differs(found: Sequence[datetime], wanted: Sequence[datetime]) -> str:
    if found == wanted:
        return ""
    has, has_not = (
        [f"{at:%F %T}" for at in sorted(set(some) - set(others))][:_COMPARED]
        for some, others in ((wanted, found), (found, wanted))
    )
    return f"has not {has_not}, and has {has}"


def _lacks(found: Sequence[datetime], other: croniter, edge: Edge) -> str:
    """It adds slots in the hour behind a change: what repeats is moved out of a gap as a fixed time
    is, and a fixed time comes again in some overlaps. It may leave none out, and add no other.
    """
    theirs = list[datetime]()
    while not theirs or theirs[-1] < found[-1]:
        theirs.append(other.get_next(datetime).astimezone(UTC))
    known = {*found}
    agreed = [at for at in theirs if at in known or not edge.is_behind_a_change(at)]
    return _differs(found, agreed)


def scanned(expression: str, edge: Edge) -> list[datetime]:
    """What a person would find who looks at the clock every minute."""
    fits = _fitting(expression)
    found = {minute for minute, of_week in enumerate(edge.of_week) if fits[of_week]}
    if not expression.startswith("*") and not expression.split()[1].startswith("*"):
        # A fixed time: once where the clock shows it twice, later where it never does.
        found -= edge.shown_again
        found |= {at for at, missed in edge.left_out.items() if any(fits[each] for each in missed)}
    return [edge.begins + timedelta(minutes=minute) for minute in sorted(found - {0})]


def _fitting(expression: str) -> list[bool]:
    """For each minute of a week, from Sunday on, whether the expression names it."""
    words = expression.split()
    minutes, hours = _numbers(words[0], 59), _numbers(words[1], 23)
    weekdays = _numbers(words[4].replace("SUN", "0"), 6)
    day = [hour in hours and minute in minutes for hour in range(24) for minute in range(60)]
    return [fits for number in range(7) for fits in (day if number in weekdays else _NO_MINUTE)]


def _numbers(word: str, high: int) -> set[int]:
    """The numbers of a simple field, read without the code that is tested."""
    found: set[int] = set()
    for item in word.split(","):
        body, _, step = item.partition("/")
        first, _, last = body.partition("-")
        ends = (0, high) if body == "*" else (int(first), int(last or first))
        found |= set(range(ends[0], ends[1] + 1, int(step or 1)))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.cronpairs", description=__doc__
    )
    parser.add_argument("--pairs", type=int, default=200_000, metavar="N")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), metavar="S")
    chosen = parser.parse_args()
    begun = time.monotonic()
    tally = run(chosen.seed, chosen.pairs)
    counted = ", ".join(f"{count} by {judge}" for judge, count in tally.judged.items())
    took = time.monotonic() - begun
    print(f"seed {chosen.seed}: {counted}, {len(tally.zones)} zones, {took:.0f} s")
    for line in tally.complaints:
        print(line, file=sys.stderr)
    return 1 if tally.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
