"""Runs that give way: asks them to, and knows after a restart who was asked and how old they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from core import failpoints
from core.clock import Clock
from core.dispatch.claims import Order
from core.domain.run import QueueAction
from core.errors import IllegalTransition, StorageFault
from core.flow import machine
from core.flow.definition import RunDefinition
from core.flow.events import AnyEvent, YieldRequested, YieldWithdrawn
from core.flow.machine import FlowState
from core.runtime.driver import Driver
from core.runtime.queue import RunQueue
from core.storage import operations, runs
from core.storage.runs import ENGINE_ACTOR, RunRow
from core.storage.store import Store
from core.storage.writer import Transaction

log = structlog.get_logger(__name__)


class Yielding:
    """Between the queue, which knows who wants what, and the runs that hold it."""

    def __init__(
        self, store: Store, clock: Clock, queue: RunQueue, live: Mapping[str, Driver]
    ) -> None:
        """`live`: the drivers of the moment, by run."""
        self._store = store
        self._clock = clock
        self._queue = queue
        self._live = live

    async def say(self, order: Order) -> None:
        """Ask a run to give way to another one, or not to any more, as far as that is still so."""
        driver = self._live.get(order.run_id)
        if driver is None or driver.finished.is_set() or not self._queue.still_wants(order):
            return
        failpoints.reach("yield.asking")
        event: AnyEvent = YieldWithdrawn()
        action, reason = QueueAction.KEEP_PLACE, ""
        if (to := order.to) is not None:
            event = YieldRequested(to=to.run_id, priority=to.priority)
            action, reason = QueueAction.GIVE_WAY, f"to run {to.run_id}, which is {to.priority}"

        def keep(tx: Transaction) -> None:
            operations.add(tx, order.run_id, ENGINE_ACTOR, action, reason=reason)

        try:
            await driver.feed(event, ENGINE_ACTOR, also=keep)
        except IllegalTransition:
            # It has come to something that may not wait since, or has given way already.
            if to is not None and not driver.state.gave_way:
                self._queue.set_bears(order.run_id, 0)
        except StorageFault as fault:
            log.error("run.storage", run=order.run_id, fault=str(fault))

    async def recall(self) -> None:
        """Runs that an earlier engine asked to give way still do, where it is still wanted."""
        for run_id, driver in [*self._live.items()]:
            to = driver.state.yields_to
            if to and not driver.state.gave_way and not self._queue.recall(run_id, to):
                with suppress(IllegalTransition):  # it has come to its boundary by now
                    await driver.feed(YieldWithdrawn(), ENGINE_ACTOR)

    async def waited_s(self, row: RunRow, definition: RunDefinition) -> float:
        """How long a run has waited for its turns; of one that never gives way nobody asks."""
        if not definition.graph.preemptible:
            return 0.0
        timed = await self._store.reader.read(lambda c: runs.timed_events_of(c, row.id))
        created = FlowState(definition.graph, batch_counts=definition.batch_counts)
        at = datetime.fromisoformat(row.created_at)
        return waited(created, at, timed, self._clock.now()).total_seconds()


def waited(
    created: FlowState, created_at: datetime, timed: Iterable[tuple[str, AnyEvent]], now: datetime
) -> timedelta:
    """How long a run has waited since it was accepted; while it goes on it gets no older.

    `created`: the run before its first event; `timed`: its events, each with its timestamp.
    """
    state, since, total = created, created_at, timedelta()
    for at, event in timed:
        moment = datetime.fromisoformat(at)
        if _is_waiting(state):
            total += moment - since
        state, _ = machine.advance(state, event)
        since = moment
    return total + (now - since if _is_waiting(state) else timedelta())


def _is_waiting(state: FlowState) -> bool:
    return state.awaits_turn or state.awaits_review
