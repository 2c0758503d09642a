"""Schedules at work: the slots that are due are settled, their runs started, the next awaited.

Nothing is remembered here that the next look could not read again.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec

from core.clock import Clock
from core.domain.run import TERMINAL_RUN_STATES
from core.domain.schedule import request_of
from core.domain.webhooks import Call
from core.flow.definition import RunRequest
from core.ids import Ids
from core.runtime.runs import Runs
from core.runtime.schedule_answers import ScheduleAnswers
from core.runtime.schedule_hooks import Hooks
from core.runtime.schedule_looks import Looks
from core.runtime.schedule_starts import Starts
from core.runtime.schedule_watches import Watches
from core.scheduling.ledger import Verdict
from core.scheduling.wakeup import Wakeup
from core.storage import documents, fires, schedules
from core.storage.fires import Fire
from core.storage.journal import Entry
from core.storage.reading import Connection
from core.storage.runs import RunRow
from core.storage.store import Store
from core.storage.writer import timestamp
from core.vault.vault import Vault

_AWAITED = ("document.created", "document.replaced", "document.deleted", "run.state")


class SchedulesStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the schedules are, in one look."""

    count: int = 0
    paused: int = 0
    next_at: str | None = None
    """When the next slot of all is to be started."""
    troubled: dict[str, str] = {}
    """Schedules whose newest slot was missed or refused, and why."""


class Schedules:
    """Looks after every schedule of the home."""

    def __init__(
        self, runs: Runs, store: Store, vault: Vault, clock: Clock, ids: Ids, version: str
    ) -> None:
        self._runs = runs
        self._store = store
        self._looks = Looks(store, clock, version)
        self._watches = Watches(store, clock, self._looks)
        self._hooks = Hooks(store, vault, clock, ids, self._watches)
        self._starts = Starts(runs, store, clock)
        self._looking = asyncio.Lock()
        self._is_asked = False
        self._wakeup: Wakeup | None = None
        self._following: asyncio.Task[None] | None = None
        self.answers = ScheduleAnswers(store, clock)

    def wake_by(self, wakeup: Wakeup) -> None:
        """Set this wake-up at every look; without one, looks come on the beat alone."""
        self._wakeup = wakeup

    def start(self) -> None:
        """Begin to be woken, by time and by what is committed."""
        if self._wakeup is not None:
            self._wakeup.start()
            self._following = asyncio.get_running_loop().create_task(self._follow(self._wakeup))

    def stop(self) -> None:
        """Be woken no more; a look that is under way goes on."""
        if self._wakeup is not None:
            self._wakeup.stop()
        if self._following is not None:
            self._following.cancel()

    async def _follow(self, wakeup: Wakeup) -> None:
        """Wake at once for what would be seen on the beat: it decides nothing, as any wake-up."""
        feed = self._store.feed
        async for entry in feed.follow(feed.latest(), types=_AWAITED):
            if self._concerns(entry):
                wakeup.now()

    def _concerns(self, entry: Entry) -> bool:
        if entry.type == "run.state":
            # The end of a run, which schedules come after or a slot waits for.
            is_end = entry.data.get("state") in TERMINAL_RUN_STATES
            return is_end and (self._starts.waits or bool(self._looks.by_trigger("after")))
        kind = entry.subject.partition("/")[0]
        return entry.type.startswith("document.") and kind in ("schedule", "calendar")

    async def tick(self) -> None:
        """Settle what is due by now and start it. While a look goes on, another follows it.

        Starts may take longer than the time to the next slot, so looks do not wait for them.
        """
        self._is_asked = True
        if self._looking.locked():
            return
        async with self._looking:
            while self._is_asked:
                self._is_asked = False
                while await self._looks.settle():
                    pass
                await self._watches.settle()
            if self._wakeup is not None:
                self._wakeup.set(self.next_at)
        await self._starts.start_due()

    @property
    def next_at(self) -> datetime | None:
        """When the next slot of all is to be started."""
        return self._looks.next_at

    async def fire(self, name: str, actor: str) -> RunRow:
        """Start a schedule's run by hand, whatever its trigger, its pause and its overlap say."""
        stored = await self._store.reader.read(lambda c: documents.get(c, "schedule", name))
        request = RunRequest.model_validate(request_of(stored.document.spec))
        return await self._runs.start(
            request, actor, None, also=lambda tx, run_id: fires.fired(tx, name, run_id, actor)
        )

    async def receive(self, name: str, call: Call) -> Fire:
        """The slot of a call from outside, which is on record when this returns, and starts soon.

        The errors of `Hooks.receive` leave no slot.
        """
        async with self._looking:
            while await self._looks.settle():
                pass  # a schedule that was saved just now is looked at before its first event
            fire = await self._hooks.receive(name, call)
            if self._wakeup is not None and fire.verdict is Verdict.DUE:
                self._wakeup.now()
        return fire

    async def status(self) -> SchedulesStatus:
        """Counts, the next slot of all, and what went wrong last."""
        next_at = self.next_at

        def read(c: Connection) -> SchedulesStatus:
            count, paused = schedules.counts(c)
            troubled = {
                name: fire.reason
                for name, fire in fires.newest(c).items()
                if fire.verdict in (Verdict.MISSED, Verdict.REFUSED)
            }
            named = documents.find_all(c, [("schedule", name) for name in troubled])
            return SchedulesStatus(
                count=count,
                paused=paused,
                next_at=None if next_at is None else timestamp(next_at),
                troubled={
                    name: troubled[name]
                    for (_, name), stored in sorted(named.items())
                    if not stored.document.spec.quiet
                },
            )

        return await self._store.reader.read(read)
