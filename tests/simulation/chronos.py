"""A simulated year of schedules, from one seed: every slot that was due is one run or one reason.

After Jepsen's test of Chronos. The rules are the product's own: triggers, ledger, agenda. The engine
around them is a double that is named as one (`World`): its disk is a few dictionaries, its clock
is a number that jumps, and it ends at any of the places at which a real one can be killed. The
judge (`check`) shares nothing with it but the triggers: it walks over all slots of each schedule
and lays what is on the disk beside them.

    python -m tests.simulation.chronos --schedules 3000 --days 366 --seeds 1 2 3
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from core.domain.schedule import CalendarSpec, Overlap, ScheduleSpec
from core.scheduling import ledger
from core.scheduling.agenda import Agenda
from core.scheduling.calendars import Calendar
from core.scheduling.ledger import Entry, Look, Verdict
from core.scheduling.triggers import Trigger

BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
CALENDARS = {"off": Calendar.of(CalendarSpec(days=("12-25", "2026-05-01..2026-05-07")))}
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai")
BUGS = ("cursor first", "run first", "forgets", "starts again", "no overlap")
"""Mistakes that the engine makes when it is told to: the judge must find each."""

_LOOKED_TOGETHER = 1000
_MOST_HOURS_OF_A_RUN = 5


class Killed(Exception):
    """The engine ended where it was."""


@dataclass
class Life:
    """A schedule from one change of its document to the next."""

    trigger: Trigger
    written_at: datetime
    begins: datetime
    """No slot before it: it was written then, or an earlier life had come so far."""
    looked_at: datetime | None = None
    """What the clock said at the last look."""
    rows: list[Entry] = field(default_factory=list)


@dataclass
class Disk:
    """What outlives an engine."""

    lives: dict[str, list[Life]] = field(default_factory=lambda: defaultdict(list))
    cursors: dict[str, datetime] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)
    next_look: dict[str, datetime | None] = field(default_factory=dict)
    paused: dict[str, str] = field(default_factory=dict)
    due: dict[tuple[datetime, str], None] = field(default_factory=dict)
    fates: dict[tuple[str, datetime], list[Verdict]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Of slots that were due: what became of each."""
    runs: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    """Schedule, slot, and when it ends."""
    too_many: list[str] = field(default_factory=list)
    """Runs that were started beside others that they had to wait for."""


class World:
    """Engines on one disk, and everything that happens to them."""

    def __init__(self, seed: int, schedules: int, days: int, bug: str = "") -> None:
        self._random = random.Random(seed)
        self._bug = bug
        self.disk = Disk()
        self.now = BEGINS
        self._ends = BEGINS + timedelta(days=days)
        self._started = BEGINS
        self._agenda = Agenda()
        self._live: dict[str, list[datetime]] = defaultdict(list)
        self._upset_at = self._changed_at = BEGINS
        self._day_of_one = timedelta(days=1) / schedules
        self._chance = 0.1 / schedules
        self.killed = 0
        for number in range(schedules):
            self._write(f"s{number:04}")

    def run(self) -> Disk:
        """Until the year is over."""
        while self.now < self._ends:
            try:
                self._happen()
                self._look()
                self._start_due()
            except Killed:
                self.killed += 1
                self.now += timedelta(hours=self._random.choice((0, 0, 1, 9, 80)))
                self._begin()
            waiting = self.now + timedelta(hours=1)
            self.now = max(self.now, min(self._agenda.next_at or waiting, waiting))
        return self.disk

    # --- what happens -------------------------------------------------------------------------

    def _happen(self) -> None:
        if self.now >= self._upset_at:
            self._upset_at = self.now + timedelta(days=self._random.expovariate(1 / 5))
            if self._random.random() < 0.5:
                self.now += timedelta(hours=self._random.uniform(0, 60))  # the machine slept
            else:
                self.now += timedelta(minutes=self._random.uniform(-180, 180))  # the clock was set
        while self.now >= self._changed_at:
            self._changed_at += self._day_of_one * self._random.expovariate(1 / 20)
            self._change(self._random.choice([*self.disk.lives]))

    def _change(self, name: str) -> None:
        """People do something to a schedule."""
        if name in self.disk.paused:
            del self.disk.paused[name]
        elif self._random.random() < 0.3:
            self.disk.paused[name] = "paused by ada"
        else:
            self._write(name)

    def _may_be_killed(self, factor: float = 1) -> None:
        if self._random.random() < self._chance * factor:
            raise Killed

    def _begin(self) -> None:
        """An engine starts: it knows what is on the disk."""
        self._started, self._agenda = self.now, Agenda()
        for name, moment in self.disk.next_look.items():
            self._agenda.put(name, moment)

    def _write(self, name: str) -> None:
        """Somebody saves the document of a schedule, which is looked at soon."""
        lives = self.disk.lives[name]
        if lives:
            self._settle(name)  # as the look does that finds the change
        begins = max(self.now, self.disk.cursors.get(name, self.now))
        lives.append(Life(Trigger.of(self._spec(), CALENDARS), self.now, begins))
        self.disk.next_look[name] = self.now
        self._agenda.put(name, self.now)

    def _spec(self) -> ScheduleSpec:
        pick = self._random.choice
        trigger: dict[str, Any] = pick(
            (
                {"cron": pick(("0 3 * * *", "*/37 2 * * *", "30 1,2 * * SUN", "7 */9 * * *"))},
                {"cron": pick(("0 0 L * *", "15 2 * * 1#2", "@weekly", "0 12 15W * *"))},
                {"every_s": pick((3600 * 7, 3600 * 31, 86400))},
                {"monthly": {"on": pick(("last working day", "15", "last")), "at": "02:30"}},
                {"once": (self.now + timedelta(days=20)).isoformat()},
                {"at_start": True},
            )
        )
        return ScheduleSpec.model_validate(
            {
                "job": "j",
                "trigger": trigger,
                "time_zone": pick(ZONES),
                "blackout": pick(((), (), ("off",))),
                "jitter_s": pick((0, 0, 600)),
                "misfire": pick(("skip", "last", "all")),
                "grace_s": pick((3600, 86400, 10 * 86400)),
                "overlap": pick(("skip", "queue", "parallel", "replace")),
                "overlap_max": pick((1, 3)),
                "every_nth": pick((1, 1, 3)),
            }
        )

    # --- what an engine does ------------------------------------------------------------------

    def _look(self) -> None:
        while taken := self._agenda.take(self.now, _LOOKED_TOGETHER):
            for name in taken:
                self._settle(name)

    def _settle(self, name: str) -> None:
        life = self.disk.lives[name][-1]
        while True:
            look = Look(
                name=name,
                trigger=life.trigger,
                cursor=max(life.written_at, self.disk.cursors.get(name, life.written_at)),
                now=self.now,
                paused=self.disk.paused.get(name, ""),
                engine_started=self._started,
                counted=self.disk.counted[name],
            )
            found = ledger.settle(look)
            if self._bug == "cursor first":
                self.disk.cursors[name] = found.cursor
            self._may_be_killed()
            entries = found.entries[1:] if self._is_wrong("forgets") else found.entries
            life.rows += entries
            life.looked_at = self.now
            self.disk.cursors[name] = found.cursor
            self.disk.counted[name] += sum(entry.count for entry in found.entries)
            is_at_start = life.trigger.spec.trigger.at_start
            self.disk.next_look[name] = self.now if is_at_start else found.next_due
            due = (entry for entry in entries if entry.verdict is Verdict.DUE)
            self.disk.due |= dict.fromkeys((entry.first, name) for entry in due)
            self._may_be_killed()
            if not found.more:
                break
        self._agenda.put(name, found.next_due)

    def _start_due(self) -> None:
        by_schedule: dict[str, list[datetime]] = defaultdict(list)
        for slot, name in sorted(self.disk.due):
            by_schedule[name].append(slot)
        for name, slots in by_schedule.items():
            self._start_slots(name, slots)

    def _start_slots(self, name: str, slots: list[datetime]) -> None:
        spec, waiting = self.disk.lives[name][-1].trigger.spec, 0
        for slot in slots:
            live = self._live_of(name)
            if name in self.disk.paused:
                self._conclude(name, slot, Verdict.SKIPPED)
            elif ledger.is_too_late(name, spec, slot, self.now):
                self._conclude(name, slot, Verdict.MISSED)
            elif self._bug != "no overlap" and (
                hindered := ledger.overlap(spec, live, waiting, is_last=slot is slots[-1])
            ):
                if hindered[0] is not Verdict.DUE:
                    self._conclude(name, slot, hindered[0])
                else:
                    waiting += 1
                    if spec.overlap is Overlap.REPLACE:
                        self._live[name].clear()
            else:
                self._start(name, slot, spec, live)

    def _start(self, name: str, slot: datetime, spec: ScheduleSpec, live: int) -> None:
        most = spec.overlap_max if spec.overlap is Overlap.PARALLEL else 1
        if live >= most:
            self.disk.too_many.append(f"{name} {slot}")
        ends = self.now + timedelta(hours=self._random.uniform(0, _MOST_HOURS_OF_A_RUN))
        self._may_be_killed()
        self._live[name].append(ends)
        self.disk.runs.append((name, slot, ends))
        if self._bug == "run first":
            self._may_be_killed(30)
        if not self._is_wrong("starts again"):
            self._conclude(name, slot, Verdict.STARTED)
        self._may_be_killed()

    def _conclude(self, name: str, slot: datetime, verdict: Verdict) -> None:
        del self.disk.due[slot, name]
        self.disk.fates[name, slot].append(verdict)

    def _live_of(self, name: str) -> int:
        self._live[name] = [ends for ends in self._live[name] if ends > self.now]
        return len(self._live[name])

    def _is_wrong(self, bug: str) -> bool:
        return self._bug == bug and self._random.random() < 0.01


def check(disk: Disk) -> list[str]:
    """What is wrong; nothing where every slot is one run or one reason."""
    wrong = [f"a run beside others: {each}" for each in disk.too_many]
    started = Counter((name, slot) for name, slot, _ in disk.runs)
    wrong += [
        f"{count} runs: {name} {slot}" for (name, slot), count in started.items() if count > 1
    ]
    for name, lives in disk.lives.items():
        for life in lives:
            wrong += (f"{name}: {each}" for each in _misfits(life))
            for row in life.rows:
                if row.verdict is Verdict.DUE:
                    wrong += _of_due(disk, started, name, row.first)
    return wrong


def _of_due(
    disk: Disk, started: Counter[tuple[str, datetime]], name: str, slot: datetime
) -> Iterator[str]:
    fates = [
        *disk.fates.get((name, slot), ()),
        *([Verdict.DUE] if (slot, name) in disk.due else ()),
    ]
    if len(fates) != 1:
        yield f"{name} {slot}: {fates}"
    elif (fates[0] is Verdict.STARTED) != (started[name, slot] == 1):
        yield f"{name} {slot}: {fates[0]} with {started[name, slot]} runs"


def _misfits(life: Life) -> Iterator[str]:
    """Slots without a row, rows without a slot, slots that were due and never looked at."""
    if life.trigger.spec.trigger.at_start:
        moments = [row.first for row in life.rows]
        if len({*moments}) != len(moments):
            yield "a start of an engine has two rows"
        return
    slots = life.trigger.slots(life.begins)
    slot = next(slots, None)
    for row in life.rows:
        covered = 0
        if slot != row.first:
            yield f"a row begins with {row.first}, and the next slot is {slot}"
        while slot is not None and slot <= row.last:
            covered, slot = covered + 1, next(slots, None)
        if covered != row.count:
            yield f"a row of {row.count} slots from {row.first} has {covered}"
    latest = timedelta(seconds=life.trigger.spec.jitter_s)
    if slot is not None and life.looked_at is not None and slot + latest <= life.looked_at:
        yield f"the slot {slot} was due at the look of {life.looked_at}, and has no row"


def main() -> int:
    """The long mode."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--schedules", type=int, default=3000)
    parser.add_argument("--days", type=int, default=366)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    chosen = parser.parse_args()
    is_wrong = False
    for seed in chosen.seeds:
        begun = time.perf_counter()
        world = World(seed, chosen.schedules, chosen.days)
        disk = world.run()
        wrong = check(disk)
        slots = sum(row.count for each in disk.lives.values() for one in each for row in one.rows)
        print(
            f"seed {seed}: {slots:,} slots, {len(disk.runs):,} runs, {world.killed} kills,"
            f" {time.perf_counter() - begun:.0f} s; wrong: {len(wrong)}"
        )
        print(*wrong[:20], sep="\n")
        is_wrong |= bool(wrong)
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main())
