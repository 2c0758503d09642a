"""Schedules at work: settles the slots that are due, starts their runs, sets the next wake-up.

A look writes its verdicts and the cursor in one transaction. A slot that is due gets its run in
the transaction that creates the run: whatever dies in between, the slot is due still, or it has
its run. Nothing is remembered here that the next look could not read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
import structlog

from core import failpoints
from core.clock import Clock
from core.domain.schedule import ScheduleSpec, request_of
from core.errors import Conflict, EnvironmentFault, OpsError, StorageFault
from core.flow.definition import RunRequest
from core.runtime.runs import Runs
from core.runtime.schedule_answers import ScheduleAnswers, calendars_of
from core.scheduling import ledger
from core.scheduling.calendars import Calendar
from core.scheduling.ledger import Entry, Look, Settled, Verdict
from core.scheduling.triggers import Trigger
from core.scheduling.wakeup import Wakeup
from core.storage import documents, schedules
from core.storage.documents import Snapshot, StoredDocument, snapshot
from core.storage.reading import Connection
from core.storage.runs import RunRow
from core.storage.schedules import Fire, State, actor_of
from core.storage.store import Store
from core.storage.writer import Transaction, timestamp

log = structlog.get_logger(__name__)

_AT_ONCE = 16
"""Schedules whose runs are started side by side."""


class SchedulesStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the schedules are, in one look."""

    count: int = 0
    paused: int = 0
    next_at: str | None = None
    """When the next slot of all is to be started."""
    troubled: dict[str, str] = {}
    """Schedules whose newest slot was missed or refused, and why."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A schedule as it was looked at last, so that an idle one costs nothing."""

    stored: StoredDocument
    calendars: Mapping[str, Calendar]
    trigger: Trigger
    next_due: datetime | None

    def is_due(
        self, stored: StoredDocument, calendars: Mapping[str, Calendar], now: datetime
    ) -> bool:
        """Whether it is to be looked at: it is another by now, or a slot has come."""
        is_same = self.stored is stored and self.calendars is calendars
        return not is_same or (self.next_due is not None and self.next_due <= now)


class Schedules:
    """Looks after every schedule of the home."""

    def __init__(self, runs: Runs, store: Store, clock: Clock) -> None:
        self._runs = runs
        self._store = store
        self._clock = clock
        self._engine_started = clock.now()
        self._looking = asyncio.Lock()
        self._known: dict[str, _Known] = {}
        self._calendars: tuple[object, Mapping[str, Calendar]] = (None, {})
        self._wakeup: Wakeup | None = None
        self.answers = ScheduleAnswers(store, clock)

    def wake_by(self, wakeup: Wakeup) -> None:
        """Set this wake-up at every look; without one, looks come on the beat alone."""
        self._wakeup = wakeup

    def start(self) -> None:
        """Begin to be woken."""
        if self._wakeup is not None:
            self._wakeup.start()

    def stop(self) -> None:
        """Be woken no more; a look that is under way goes on."""
        if self._wakeup is not None:
            self._wakeup.stop()

    async def tick(self) -> None:
        """Settle what is due by now and start it; while a look goes on there is no other."""
        if self._looking.locked():
            return
        async with self._looking:
            while await self._settle():
                pass
            await self._start_due()
            if self._wakeup is not None:
                self._wakeup.set(self.next_at)

    @property
    def next_at(self) -> datetime | None:
        """When the next slot of all is to be started."""
        moments = [known.next_due for known in self._known.values() if known.next_due]
        return min(moments, default=None)

    async def fire(self, name: str, actor: str) -> RunRow:
        """Start a schedule's run by hand, whatever its trigger, its pause and its overlap say."""
        stored = await self._store.reader.read(lambda c: documents.get(c, "schedule", name))
        request = RunRequest.model_validate(request_of(stored.document.spec))
        return await self._runs.start(
            request, actor, None, also=lambda tx, run_id: schedules.fired(tx, name, run_id, actor)
        )

    async def status(self) -> SchedulesStatus:
        """Counts, the next slot of all, and what went wrong last."""

        def read(c: Connection) -> SchedulesStatus:
            stored = snapshot(c).stored["schedule"]
            paused = sum(
                bool(schedules.pause_of(state, stored[name]))
                for name, state in schedules.states(c).items()
                if name in stored
            )
            next_at = self.next_at
            return SchedulesStatus(
                count=len(stored),
                paused=paused,
                next_at=None if next_at is None else timestamp(next_at),
                troubled={
                    name: fire.reason
                    for name, fire in schedules.newest(c).items()
                    if name in stored and fire.verdict in (Verdict.MISSED, Verdict.REFUSED)
                },
            )

        return await self._store.reader.read(read)

    # --- settling -----------------------------------------------------------------------------

    async def _settle(self) -> bool:
        """One look at every schedule; whether slots are left that are due already."""
        now = self._clock.now()
        found = await self._store.reader.read(snapshot)
        stored, calendars = found.stored["schedule"], self._read_calendars(found)
        wanted = [
            name
            for name, document in stored.items()
            if (known := self._known.get(name)) is None or known.is_due(document, calendars, now)
        ]
        if not wanted and self._known.keys() == stored.keys():
            return False
        states = await self._store.reader.read(schedules.states)
        gone = [name for name in states if name not in stored]
        chosen = {name: stored[name] for name in wanted}
        looked = await asyncio.to_thread(self._look, chosen, calendars, states, now)
        changed = {name: settled for name, (settled, _) in looked.items() if settled.entries}
        if changed or gone:
            failpoints.reach("schedule.settling")
            await self._store.writer.write(lambda tx: _keep(tx, changed, gone))
            failpoints.reach("schedule.settled")
        # Only now: what could not be written is looked at again.
        kept = {name: known for name, known in self._known.items() if name in stored}
        self._known = kept | {name: known for name, (_, known) in looked.items()}
        return any(settled.more for settled, _ in looked.values())

    def _look(
        self,
        wanted: Mapping[str, StoredDocument],
        calendars: Mapping[str, Calendar],
        states: Mapping[str, State],
        now: datetime,
    ) -> dict[str, tuple[Settled, _Known]]:
        """Settle the schedules of which a slot may be due. In a thread: there may be thousands."""
        looked = {}
        for name, document in wanted.items():
            known, state = self._known.get(name), states.get(name)
            trigger = Trigger.of(document.document.spec, calendars)
            look = Look(
                name=name,
                trigger=trigger,
                cursor=schedules.begins_at(state, document),
                now=now,
                paused=schedules.pause_of(state, document),
                engine_started=self._engine_started,
            )
            settled = ledger.settle(look)
            if known is not None and known.stored is not document:
                before = _due_before(known, document, state, look)
                settled = replace(settled, entries=(*before, *settled.entries))
            looked[name] = settled, _Known(document, calendars, trigger, settled.next_due)
        return looked

    def _read_calendars(self, found: Snapshot) -> Mapping[str, Calendar]:
        stored = found.stored["calendar"]
        if self._calendars[0] is not stored:
            self._calendars = stored, calendars_of(found)
        return self._calendars[1]

    # --- starting -----------------------------------------------------------------------------

    async def _start_due(self) -> None:
        """Start the slots that are due, each schedule's own in order."""
        due, live, states, found = await self._store.reader.read(
            lambda c: (schedules.due(c), schedules.live(c), schedules.states(c), snapshot(c))
        )
        if not due:
            return
        room = asyncio.Semaphore(_AT_ONCE)

        async def start(name: str) -> None:
            async with room:
                document = found.stored["schedule"].get(name)
                try:
                    await self._start_slots(
                        due[name], document, states.get(name), live.get(name, 0)
                    )
                except StorageFault:
                    raise
                except Exception:
                    # A bug that one schedule meets must not hold up the others; it is tried again.
                    log.exception("schedule.bug", schedule=name)

        async with asyncio.TaskGroup() as group:
            for name in due:
                group.create_task(start(name))

    async def _start_slots(
        self, due: list[Fire], document: StoredDocument | None, state: State | None, live: int
    ) -> None:
        waiting = 0
        for fire in due:
            slot = datetime.fromisoformat(fire.slot)
            if document is None:
                await self._conclude(fire, Verdict.SKIPPED, "the schedule was deleted")
                continue
            spec: ScheduleSpec = document.document.spec
            if not spec.enabled:
                await self._conclude(fire, Verdict.SKIPPED, "the schedule is not enabled")
            elif paused := schedules.pause_of(state, document):
                await self._conclude(fire, Verdict.SKIPPED, paused)
            elif ledger.is_too_late(fire.schedule, spec, slot, self._clock.now()):
                why = fire.reason or "nobody could start it"
                reason = f"not started within its grace of {spec.grace_s} s: {why}"
                await self._conclude(fire, Verdict.MISSED, reason)
            elif hindered := ledger.overlap(spec, live, waiting):
                waiting += hindered[0] is Verdict.DUE
                await self._conclude(fire, *hindered)
            else:
                begun = await self._start(fire, spec)
                live += begun is Verdict.STARTED
                waiting += begun is Verdict.DUE

    async def _start(self, fire: Fire, spec: ScheduleSpec) -> Verdict:
        """Start a slot's run; `due`: it is to be tried again at the next look."""
        try:
            request = RunRequest.model_validate(request_of(spec))
            failpoints.reach("schedule.starting")
            await self._runs.start(
                request,
                actor_of(fire.schedule),
                None,
                also=lambda tx, run_id: schedules.begun(tx, fire.schedule, fire.slot, run_id),
            )
            failpoints.reach("schedule.started")
        except StorageFault:
            raise
        except (Conflict, EnvironmentFault) as error:
            # The engine stops, or its vault is locked: the slot keeps its place until its grace.
            await self._conclude(fire, Verdict.DUE, str(error))
            return Verdict.DUE
        except OpsError as error:
            await self._conclude(fire, Verdict.REFUSED, str(error))
            return Verdict.REFUSED
        return Verdict.STARTED

    async def _conclude(self, fire: Fire, verdict: Verdict, reason: str) -> None:
        if (fire.verdict, fire.reason) != (verdict, reason):
            await self._store.writer.write(
                lambda tx: schedules.not_begun(tx, fire.schedule, fire.slot, verdict, reason)
            )


def _due_before(
    known: _Known, document: StoredDocument, state: State | None, look: Look
) -> tuple[Entry, ...]:
    """Slots of the schedule as it was that no look had come to when it was changed."""
    changed_at = datetime.fromisoformat(document.updated_at)
    cursor = schedules.begins_at(state, known.stored)
    earlier = replace(look, trigger=known.trigger, cursor=cursor, now=changed_at)
    return ledger.settle(earlier).entries


def _keep(tx: Transaction, changed: Mapping[str, Settled], gone: list[str]) -> None:
    for name, settled in changed.items():
        schedules.settle(tx, name, settled)
    for name in gone:
        schedules.forget(tx, name)
