"""The slots of a schedule: the nominal moments at which it is due. Pure, no clock.

A slot is a moment in UTC. What hinders a start (a day off, an overlap, an engine that was away)
is no matter of the trigger: such a slot exists, and the ledger says what became of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.domain.schedule import MonthlySpec, ScheduleSpec
from core.scheduling import calendars, cron, monthly, zones
from core.scheduling.calendars import Calendar
from core.scheduling.cron import Cron

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEARCHED_MONTHS = 45
"""A fifth Monday in February comes once in 40 years at worst."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A schedule's trigger with its zone, its range and its days off."""

    spec: ScheduleSpec
    zone: ZoneInfo
    times: Cron | None
    """Of a trigger by cron."""
    days_off: Mapping[str, Calendar] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: ScheduleSpec, days_off: Mapping[str, Calendar] | None = None) -> Trigger:
        """The trigger of a schedule; `days_off` are the calendars that there are."""
        text = spec.trigger.cron
        read = None if text is None else cron.parse(text)
        return cls(spec, zones.zone(spec.time_zone), read, days_off or {})

    def slots(self, moment: datetime) -> Iterator[datetime]:
        """The slots behind `moment`, in order; they may be without end."""
        spec = self.spec
        if spec.begins is not None:
            moment = max(moment, spec.begins - timedelta(microseconds=1))
        for slot in self._slots(moment.astimezone(UTC)):
            if spec.ends is not None and slot >= spec.ends:
                return
            yield slot

    def covers(self, moment: datetime) -> bool:
        """Whether a moment lies between the schedule's `begins` and `ends`."""
        begins, ends = self.spec.begins, self.spec.ends
        return (begins is None or begins <= moment) and (ends is None or moment < ends)

    def off(self, slot: datetime) -> str:
        """The calendar on whose days a slot falls; "" where there is none."""
        return self._off(slot.astimezone(self.zone).date())

    def _off(self, day: date) -> str:
        return calendars.off(day, self.days_off, self.spec.blackout)

    def _slots(self, moment: datetime) -> Iterator[datetime]:
        trigger = self.spec.trigger
        if not self.spec.enabled:
            return iter(())
        if self.times is not None:
            return self._of_cron(self.times, moment)
        if trigger.every_s is not None:
            return _of_interval(trigger.epoch or _EPOCH, trigger.every_s, moment)
        if trigger.monthly is not None:
            return self._of_months(trigger.monthly, moment)
        if trigger.once is not None and trigger.once > moment:
            return iter((trigger.once.astimezone(UTC),))
        return iter(())  # at_start: the engine's starts are its slots

    def _of_cron(self, times: Cron, moment: datetime) -> Iterator[datetime]:
        today = moment.astimezone(self.zone).date()
        last = moment
        held = list[datetime]()
        for day in times.days(today - timedelta(days=1)):
            hours = times.hours
            if day == today and zones.is_even(day, self.zone):
                now = moment.astimezone(self.zone).hour
                hours = tuple(hour for hour in hours if hour >= now)
            found = zones.moments(
                day, hours, times.minutes, times.seconds, self.zone, repeats=times.repeats
            )
            if held:
                found, held = iter(sorted([*held, *found])), []
            if times.repeats and zones.ends_twice(day, self.zone):
                held = [*found]  # some of them lie behind the first of the next day
                continue
            for slot in found:
                if slot > last:
                    last = slot
                    yield slot
        yield from (slot for slot in held if slot > last)

    def _of_months(self, rule: MonthlySpec, moment: datetime) -> Iterator[datetime]:
        choose = monthly.parse(rule.on)
        at = time.fromisoformat(rule.at)
        first = (moment.astimezone(self.zone).date() - timedelta(days=1)).replace(day=1)
        empty = 0
        while empty < _SEARCHED_MONTHS and first.year < date.max.year:
            if monthly.chosen_in(rule.months, first.month):
                day = choose(first.year, first.month, lambda each: bool(self._off(each)))
                empty = empty + 1 if day is None else 0
                found = () if day is None else self._at(day, at)
                yield from (slot for slot in found if slot > moment)
            first = (first + timedelta(days=32)).replace(day=1)

    def _at(self, day: date, at: time) -> Iterator[datetime]:
        return zones.moments(day, (at.hour,), (at.minute,), (at.second,), self.zone, repeats=False)


def _of_interval(epoch: datetime, every_s: int, moment: datetime) -> Iterator[datetime]:
    step = timedelta(seconds=every_s)
    slot = epoch.astimezone(UTC) + ((moment - epoch) // step + 1) * step
    while True:
        yield slot
        slot += step


def next_after(trigger: Trigger, moment: datetime) -> datetime | None:
    """The first slot behind a moment; None where there is none."""
    return next(trigger.slots(moment), None)


def due_at(name: str, spec: ScheduleSpec, slot: datetime) -> datetime:
    """When a slot is to start: as much later as its jitter says, which follows from its name."""
    if not spec.jitter_s:
        return slot
    digest = hashlib.sha256(f"{name}|{slot.isoformat()}".encode()).digest()
    return slot + timedelta(seconds=int.from_bytes(digest[:8]) % (spec.jitter_s + 1))


def in_turn(
    name: str, spec: ScheduleSpec, slots: Iterable[datetime]
) -> Iterator[tuple[datetime, datetime]]:
    """Slots in order, each with the moment at which it is to start: never before an earlier one."""
    latest: datetime | None = None
    for slot in slots:
        at = due_at(name, spec, slot)
        latest = at if latest is None else max(at, latest)
        yield slot, latest
