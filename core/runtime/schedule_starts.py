"""Starts what is due: each slot gets its run in the transaction that creates the run.

Whatever dies in between, the slot is due still, or it has its run.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import msgspec
import structlog

from core import failpoints
from core.clock import Clock
from core.domain.actions import Stop
from core.domain.schedule import Overlap, ScheduleSpec, request_of
from core.errors import Conflict, EnvironmentFault, OpsError, StorageFault
from core.flow.definition import RunRequest
from core.runtime.runs import Runs
from core.scheduling import ledger
from core.scheduling.ledger import Verdict
from core.storage import documents, fires, schedules
from core.storage.documents import StoredDocument
from core.storage.fires import Fire, Position, actor_of
from core.storage.reading import Connection
from core.storage.schedules import State
from core.storage.store import Store

log = structlog.get_logger(__name__)

_AT_ONCE = 16
"""Schedules whose runs are started side by side."""
_MOST_SLOTS = 500
"""Slots that are read together."""


@dataclass(frozen=True, slots=True)
class _Due:
    """Some of the slots that are due, and what their starts go by."""

    slots: Mapping[str, Sequence[Fire]]
    """By schedule, oldest first."""
    schedules: Mapping[str, StoredDocument]
    states: Mapping[str, State]
    live: Mapping[str, Sequence[str]]
    """Runs of each that go on."""
    parts: Mapping[str, int]
    """Work that goes on as a part of other runs: the schedule of it must wait for it, too."""
    end: Position | None
    """Where the next ones begin; None: these are the last."""


class Starts:
    """Goes through the slots that are due, the oldest first."""

    def __init__(self, runs: Runs, store: Store, clock: Clock) -> None:
        self._runs = runs
        self._store = store
        self._clock = clock
        self._going = asyncio.Lock()
        self._is_asked = False
        self.waits = False
        """Whether slots wait, such as for the end of a run."""

    async def start_due(self) -> None:
        """Start what is due. Who is at it already, goes round once more."""
        self._is_asked = True
        if self._going.locked():
            return
        async with self._going:
            while self._is_asked:
                self._is_asked = False
                await self._round()

    async def _round(self) -> None:
        position: Position | None = None
        waiting: Counter[str] = Counter()
        while True:
            due = await self._store.reader.read(lambda c, after=position: _read(c, after))  # type: ignore[misc]
            await self._start_all(due, waiting)
            if due.end is None:
                self.waits = waiting.total() > 0
                return
            position = due.end

    async def _start_all(self, due: _Due, waiting: Counter[str]) -> None:
        room = asyncio.Semaphore(_AT_ONCE)

        async def start(name: str) -> None:
            async with room:
                try:
                    await self._start_slots(name, due, waiting)
                except StorageFault:
                    raise
                except Exception:
                    # A bug that one schedule meets must not hold up the others; it is tried again.
                    log.exception("schedule.bug", schedule=name)

        async with asyncio.TaskGroup() as group:
            for name in due.slots:
                group.create_task(start(name))

    async def _start_slots(self, name: str, due: _Due, waiting: Counter[str]) -> None:
        document, state = due.schedules.get(name), due.states.get(name)
        runs = due.live.get(name, ())
        live = len(runs)
        if document is not None:
            live += due.parts.get(document.document.spec.work, 0)
        for fire in due.slots[name]:
            slot = datetime.fromisoformat(fire.slot)
            if document is None:
                await self._conclude(fire, Verdict.SKIPPED, "the schedule was deleted")
                continue
            spec: ScheduleSpec = document.document.spec
            if not spec.enabled:
                await self._conclude(fire, Verdict.SKIPPED, "the schedule is not enabled")
            elif paused := schedules.pause_of(state, document):
                await self._conclude(fire, Verdict.SKIPPED, paused)
            elif ledger.is_too_late(name, spec, slot, self._clock.now()):
                why = fire.reason or "nobody could start it"
                reason = f"not started within its grace of {spec.grace_s} s: {why}"
                await self._conclude(fire, Verdict.MISSED, reason)
            elif hindered := ledger.overlap(
                spec, live, waiting[name], is_last=fire is due.slots[name][-1]
            ):
                waiting[name] += hindered[0] is Verdict.DUE
                await self._conclude(fire, *hindered)
                if spec.overlap is Overlap.REPLACE and hindered[0] is Verdict.DUE:
                    await self._stop(runs, fire)
            else:
                begun = await self._start(fire, spec)
                live += begun is Verdict.STARTED
                waiting[name] += begun is Verdict.DUE

    async def _start(self, fire: Fire, spec: ScheduleSpec) -> Verdict:
        """Start a slot's run; `due`: it is to be tried again at the next look."""
        try:
            given = msgspec.json.decode(fire.given) if fire.given else {}
            request = RunRequest.model_validate(request_of(spec, given))
            failpoints.reach("schedule.starting")
            await self._runs.start(
                request,
                actor_of(fire.schedule),
                None,
                also=lambda tx, run_id: fires.begun(tx, fire.schedule, fire.slot, run_id),
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

    async def _stop(self, runs: Sequence[str], fire: Fire) -> None:
        """Ask for the end of runs that a slot replaces."""
        why = Stop(reason=f"the slot {fire.slot} of schedule {fire.schedule} replaces it")
        for run_id in runs:
            with suppress(Conflict):  # it has ended, or was asked before
                await self._runs.act(run_id, why, actor_of(fire.schedule))

    async def _conclude(self, fire: Fire, verdict: Verdict, reason: str) -> None:
        if (fire.verdict, fire.reason) != (verdict, reason):
            await self._store.writer.write(
                lambda tx: fires.not_begun(tx, fire.schedule, fire.slot, verdict, reason)
            )


def _read(c: Connection, after: Position | None) -> _Due:
    found = fires.due(c, after, _MOST_SLOTS)
    slots: dict[str, list[Fire]] = {}
    for fire in found:
        slots.setdefault(fire.schedule, []).append(fire)
    stored = documents.find_all(c, [("schedule", name) for name in slots])
    return _Due(
        slots=slots,
        schedules={name: document for (_, name), document in stored.items()},
        states=schedules.states(c, slots),
        live=fires.live(c) if found else {},
        parts=fires.parts(c) if found else {},
        end=(found[-1].slot, found[-1].schedule) if len(found) == _MOST_SLOTS else None,
    )
