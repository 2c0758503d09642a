"""What people ask of schedules: how they are, what is to come, why a slot did not run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from core.clock import Clock
from core.domain.schedule import ScheduleSpec
from core.scheduling import ledger
from core.scheduling.calendars import Calendar
from core.scheduling.ledger import Forecast
from core.scheduling.triggers import Trigger, next_after
from core.storage import documents, fires, schedules
from core.storage.documents import StoredDocument
from core.storage.fires import Fire
from core.storage.reading import Connection
from core.storage.schedules import State
from core.storage.store import Store

_MOST_COUNTED = 100_000
"""Slots that a forecast counts for `every_nth`; behind so many it does not know which is next."""
_LOOKED_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=40), timedelta(days=400))
"""Stretches in which the slot before a moment is looked for, the shortest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A schedule, and how it is."""

    name: str
    spec: ScheduleSpec
    owner: str
    """Who wrote its document last."""
    state: State
    next_slot: datetime | None
    last: Fire | None


class ScheduleAnswers:
    """Answers from the documents, the ledger and the clock; changes nothing."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def overview(self) -> list[Overview]:
        """Every schedule, by name."""
        now = self._clock.now()

        def read(c: Connection) -> list[Overview]:
            states, newest, calendars = schedules.states(c), fires.newest(c), _calendars(c)
            return [
                Overview(
                    name=(name := stored.document.name),
                    spec=stored.document.spec,
                    owner=stored.updated_by,
                    state=schedules.as_of(states.get(name), stored),
                    next_slot=next_after(
                        Trigger.of(stored.document.spec, calendars),
                        max(now, schedules.begins_at(states.get(name), stored.updated_at)),
                    ),
                    last=newest.get(name),
                )
                for stored in documents.every(c, "schedule")
            ]

        return await self._store.reader.read(read)

    async def forecast(
        self, name: str, after: datetime | None, count: int
    ) -> tuple[ZoneInfo, list[Forecast]]:
        """The next slots behind a moment (now, where none is given), and the schedule's zone."""
        trigger, stored = await self._trigger(name)
        state = await self._store.reader.read(lambda c: schedules.state_of(c, name))
        settled = schedules.begins_at(state, stored.updated_at)
        # Behind `settled` also where that is to come: the clock was put back.
        begins = after or max(self._clock.now(), settled)
        counted = 0
        if trigger.spec.every_nth > 1:
            between = trigger.slots(settled)
            until = takewhile(lambda slot: slot <= begins, between)
            counted = state.counted + sum(1 for _ in islice(until, _MOST_COUNTED))
        return trigger.zone, ledger.forecast(name, trigger, begins, count, counted)

    async def why(self, name: str, at: datetime) -> tuple[datetime, Fire | None, str]:
        """The slot at a moment, or within its minute; what became of it; and that as a sentence."""
        trigger, stored = await self._trigger(name)
        at = at.astimezone(UTC)
        slot = next_after(trigger, at - timedelta(microseconds=1))
        is_slot = slot is not None and slot < at + timedelta(minutes=1)
        wanted = slot if is_slot and slot is not None else at

        def read(c: Connection) -> tuple[Fire | None, State]:
            if is_slot:
                return fires.at_slot(c, name, wanted), schedules.state_of(c, name)
            # By an event, by hand, or by the schedule as it was.
            within = fires.first_within(c, name, at, at + timedelta(minutes=1))
            return within, schedules.state_of(c, name)

        fire, state = await self._store.reader.read(read)
        if fire is not None:
            what = f"run {fire.run_id}" if fire.run_id else fire.reason
            its = wanted if is_slot else datetime.fromisoformat(fire.slot)
            return its, fire, f"{fire.verdict}: {what or 'its run is about to start'}"
        if not stored.document.spec.enabled:
            return wanted, None, "the schedule is not enabled; it has no slots"
        written_at = datetime.fromisoformat(stored.updated_at)
        if not is_slot:
            return wanted, None, _no_slot(trigger, at, written_at)
        if wanted <= written_at:
            written = _wall_time(trigger, written_at)
            return wanted, None, f"the schedule was written as it is now after that, at {written}"
        if wanted > self._clock.now():
            return wanted, None, "it is still to come"
        if wanted > schedules.begins_at(state, stored.updated_at):
            return wanted, None, "it is about to be looked at"
        return wanted, None, "it is no longer on record"

    async def _trigger(self, name: str) -> tuple[Trigger, StoredDocument]:
        def read(c: Connection) -> tuple[Trigger, StoredDocument]:
            stored = documents.get(c, "schedule", name)
            return Trigger.of(stored.document.spec, _calendars(c)), stored

        return await self._store.reader.read(read)


def _no_slot(trigger: Trigger, at: datetime, written_at: datetime) -> str:
    """Which slots are around a moment that is none; it may be a time that the clock leaves out."""
    says = ["no slot falls on this minute"]
    if (before := _last_before(trigger, at, written_at)) is not None:
        says.append(f"the slot before it is {_wall_time(trigger, before)}")
    if (behind := next_after(trigger, at)) is not None:
        says.append(f"the next slot is {_wall_time(trigger, behind)}")
    return "; ".join(says)


def _last_before(trigger: Trigger, at: datetime, begins: datetime) -> datetime | None:
    for stretch in _LOOKED_BACK:
        slots = trigger.slots(max(begins, at - stretch))
        if found := deque(takewhile(lambda slot: slot < at, slots), maxlen=1):
            return found[0]
    return None


def _wall_time(trigger: Trigger, moment: datetime) -> str:
    """A moment as the clock on the wall shows it in the schedule's zone, to the second."""
    return moment.astimezone(trigger.zone).isoformat(" ", "seconds")


def calendars_of(found: Iterable[StoredDocument]) -> Mapping[str, Calendar]:
    """Calendars read for quick questions, by name."""
    return {each.document.name: Calendar.of(each.document.spec) for each in found}


def _calendars(c: Connection) -> Mapping[str, Calendar]:
    return calendars_of(documents.every(c, "calendar"))
