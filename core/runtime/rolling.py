"""One attempt of a rolling step: performs what the machine wants of its batches.

The machine decides which batch is next, and when the step is at its end; here
hosts run, time passes, and the threshold is looked at after each host. Nothing
is remembered but what storage has: a new engine gets the same commands and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from core.domain.rolling import Rolling, Scope
from core.domain.run import (
    GOOD_TARGET_STATES,
    LIVE_TARGET_STATES,
    BatchState,
    TargetCode,
    TargetState,
)
from core.domain.threshold import failures, is_exceeded, is_good, step_state
from core.errors import IllegalTransition
from core.flow.commands import CheckBatch, EndStep, StartBatch, StartStep, WaitForBatch
from core.flow.definition import RunDefinition
from core.flow.events import AnyEvent, BatchChecked, BatchDue, BatchFinished
from core.runtime.attending import Means
from core.runtime.steps import NOT_ITS_TURN, StepEnd, StepExecution
from core.storage import batches, runs
from core.storage.batches import BatchRow
from core.storage.runs import TargetFilter, TargetRow

BatchOrder = StartBatch | WaitForBatch | CheckBatch
Orders = asyncio.Queue[BatchOrder | EndStep | None]
"""What the machine wants of a step's batches, in order; None wakes up whoever waits."""


class Feed(Protocol):
    """Tells the machine what happened."""

    async def __call__(self, event: AnyEvent, *, reason: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Health:
    """How a health check ended."""

    good: bool
    reason: str


Check = Callable[[StartStep, int, Sequence[str], asyncio.Event], Awaitable[Health | None]]
"""(step's attempt, batch, hosts, stop) -> how it ended; None when the engine stops first."""


class RollingExecution:
    """Runs the batches of one step's attempt."""

    def __init__(
        self,
        execution: StepExecution,
        means: Means,
        command: StartStep,
        rows: Sequence[TargetRow],
        orders: Orders,
        feed: Feed,
        check: Check,
    ) -> None:
        rolling = means.step.rolling
        assert rolling is not None, "only rolling steps have batches"
        self._rolling: Rolling = rolling
        self._execution = execution
        self._means = means
        self._command = command
        self._orders = orders
        self._feed = feed
        self._check = check
        self._batches = _by_batch(means.definition, command, rows)
        self._outside = _bad_outside(means.definition, command, rows)
        self._counts = [means.recorder.follow(batch) for batch in self._batches]
        self._total = means.recorder.follow([row for batch in self._batches for row in batch])
        self._left: dict[int, list[TargetRow]] = {
            number: [row for row in batch if row.state in LIVE_TARGET_STATES]
            for number, batch in enumerate(self._batches)
        }
        """Batch -> targets that nobody attended to yet."""

    def stop(self, *, force: bool) -> None:
        """End what runs and start nothing more; with `force`, wait for nothing any longer."""
        self._execution.stop(force=force)
        self._orders.put_nowait(None)

    def leave(self) -> None:
        """The run gives way between two batches; what is left is for whoever takes it up."""
        self._orders.put_nowait(None)

    async def run(self) -> StepEnd | None:
        """How the step ended; None when the engine stops, or the run gives way, first."""
        waking = asyncio.create_task(self._wake_when_holding())
        try:
            async with asyncio.TaskGroup() as group:
                while isinstance(order := await self._next(), BatchOrder):
                    group.create_task(self._perform(order))
        finally:
            waking.cancel()
        if self._is_stopped:
            await self._end_found()
        elif order is None:
            return None
        return await self._finish()

    async def _next(self) -> BatchOrder | EndStep | None:
        return None if self._is_stopped or self._is_held else await self._orders.get()

    @property
    def _is_stopped(self) -> bool:
        return self._means.stop.is_set()

    @property
    def _is_held(self) -> bool:
        return self._means.gate.holding.is_set()

    async def _wake_when_holding(self) -> None:
        await self._means.gate.holding.wait()
        self._orders.put_nowait(None)

    async def _perform(self, order: BatchOrder) -> None:
        event: AnyEvent | None
        reason = ""
        if isinstance(order, StartBatch):
            event, reason = await self._run_batch(order.batch)
        elif isinstance(order, CheckBatch):
            event, reason = await self._check_batch(order.batch)
        else:
            event = await self._wait_for(order.batch)
        if event is not None:
            # The step may have been stopped meanwhile; then nobody asks for it any more.
            with suppress(IllegalTransition):
                await self._feed(event, reason=reason)

    async def _run_batch(self, batch: int) -> tuple[BatchFinished | None, str]:
        left = await self._execution.run_targets(
            self._left.pop(batch), enough=lambda: self._is_exceeded(batch)
        )
        self._left[batch] = left
        exceeded = self._is_exceeded(batch)
        if exceeded and not self._is_stopped:
            await self._skip(batch)
        counts = self._counts[batch]
        if self._is_stopped or counts[TargetState.WAITING] or counts[TargetState.RUNNING]:
            return None, ""
        good = is_good(self._rolling, counts, self._total)
        event = BatchFinished(
            step=self._command.step,
            attempt=self._command.attempt,
            batch=batch,
            good=good,
            ran=self._has_work(batch),
            over=exceeded and self._rolling.scope is Scope.TOTAL,
        )
        return event, self._others(batch) if good else self._why(batch)

    def _has_work(self, batch: int) -> bool:
        """Whether any of a batch's targets runs in this attempt."""
        return any(row.state is not TargetState.LAST_SUCCESS for row in self._batches[batch])

    def _is_exceeded(self, batch: int) -> bool:
        return is_exceeded(self._rolling, self._counts[batch], self._total)

    async def _skip(self, batch: int) -> None:
        """Leave out what still waits in a batch, because too many of the others failed."""
        left, self._left[batch] = self._left[batch], []
        is_total = self._rolling.scope is Scope.TOTAL
        where = "the step" if is_total else f"batch {batch + 1}"
        await self._execution.leave_out(
            left,
            TargetState.SKIPPED_BY_THRESHOLD,
            TargetCode.THRESHOLD_EXCEEDED,
            f"more than {self._rolling.max_fail} failed in {where} before this host's turn",
        )

    def _why(self, batch: int) -> str:
        counts = self._counts[batch]
        failed, total = failures(counts), sum(counts.values())
        skipped = counts[TargetState.SKIPPED_BY_THRESHOLD]
        tail = f"; {skipped} were left out" if skipped else ""
        return f"{failed} of {total} targets did not succeed{tail}"

    def _others(self, batch: int) -> str:
        """What is to be said of a good batch's targets that do not run in this attempt."""
        bad = self._outside[batch]
        total = len(self._means.definition.batches[self._command.step][batch])
        why = f"{bad} of {total} targets had not succeeded before, and did not run again"
        return why if bad else ""

    async def _wait_for(self, batch: int) -> BatchDue | None:
        row = await self._row(batch)
        if self._rolling.stagger is not None:
            assert row.planned_at is not None
            until = datetime.fromisoformat(row.planned_at)
        else:
            assert row.finished_at is not None
            soaked = timedelta(seconds=self._rolling.soak_s)
            until = datetime.fromisoformat(row.finished_at) + soaked
        left_s = (until - self._means.clock.now()).total_seconds()
        if left_s > 0 and await self._interrupted(left_s):
            return None
        return BatchDue(step=self._command.step, attempt=self._command.attempt, batch=batch)

    async def _interrupted(self, within_s: float) -> bool:
        """Whether the step was stopped, or the engine stops, before that time is over."""
        waits = {
            asyncio.ensure_future(event.wait())
            for event in (self._means.stop, self._means.gate.holding)
        }
        try:
            done, _ = await asyncio.wait(
                waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for wait in waits:
                wait.cancel()
        return bool(done)

    async def _check_batch(self, batch: int) -> tuple[BatchChecked | None, str]:
        command, members = self._command, {row.ordinal for row in self._batches[batch]}
        where = TargetFilter(
            step=command.step, attempt=command.attempt, states=tuple(GOOD_TARGET_STATES)
        )
        good = await self._means.reader.read(
            lambda c: runs.targets_of(c, self._means.run_id, where)
        )
        hosts = [row.host for row in good if row.ordinal in members]
        health = await self._check(self._command, batch, hosts, self._means.stop)
        if health is None:
            return None, ""
        event = BatchChecked(
            step=self._command.step, attempt=self._command.attempt, batch=batch, good=health.good
        )
        return event, health.reason

    async def _row(self, batch: int) -> BatchRow:
        return (await self._rows())[batch]

    async def _rows(self) -> list[BatchRow]:
        command = self._command
        return await self._means.reader.read(
            lambda c: batches.batches_of(c, self._means.run_id, command.step, command.attempt)
        )

    async def _end_found(self) -> None:
        """End what an earlier engine began, in batches that were not taken up again."""
        for batch, left in self._left.items():
            self._left[batch] = await self._execution.run_targets(left)

    async def _leave_the_rest(self, why: str) -> None:
        """Record that the targets of batches which never started are not run, and why."""
        if self._is_stopped:
            left = [row for rows in self._left.values() for row in rows]
            await self._execution.leave_out(
                left, TargetState.NOT_STARTED, TargetCode.CANCELLED, NOT_ITS_TURN
            )
            return
        for batch in list(self._left):
            if self._rolling.scope is Scope.TOTAL and self._is_exceeded(batch):
                await self._skip(batch)
        left = [row for rows in self._left.values() for row in rows]
        await self._execution.leave_out(
            left,
            TargetState.NOT_STARTED,
            TargetCode.BATCH_FAILED,
            f"{why} before this host's turn",
        )

    async def _finish(self) -> StepEnd | None:
        rows = await self._rows()
        # A batch that had no work stands as before; this attempt is not judged by it.
        failed = [
            row for row in rows if row.state is BatchState.FAILED and self._has_work(row.batch)
        ]
        await self._leave_the_rest(_said(failed, len(rows)))
        if self._execution.is_live:
            return None
        end = self._execution.judge(
            lambda counts, stopping: step_state(
                self._rolling, counts, batch_failed=bool(failed), stopping=stopping
            )
        )
        if not failed or self._is_stopped:
            return end
        return StepEnd(end.state, f"{_said(failed, len(rows))}: {failed[0].reason}", end.outputs)


def _said(failed: Sequence[BatchRow], count: int) -> str:
    numbers = ", ".join(str(row.batch + 1) for row in failed[:5])
    more = ", …" if len(failed) > 5 else ""
    what = "batch" if len(failed) == 1 else "batches"
    return f"{what} {numbers}{more} of {count} failed" if failed else "the step ended"


def _by_batch(
    definition: RunDefinition, command: StartStep, rows: Sequence[TargetRow]
) -> list[list[TargetRow]]:
    """The attempt's targets, batch by batch; without those that stand as they did before.

    Batches are of all hosts that the step may have; earlier steps may have left some out.
    """
    by_ordinal: Mapping[int, TargetRow] = {row.ordinal: row for row in rows}
    chosen = set(by_ordinal)
    if command.targets is not None:
        chosen.intersection_update(command.targets)
    return [
        [by_ordinal[ordinal] for ordinal in batch if ordinal in chosen]
        for batch in definition.batches[command.step]
    ]


def _bad_outside(
    definition: RunDefinition, command: StartStep, rows: Sequence[TargetRow]
) -> list[int]:
    """Batch by batch, how many targets that stand as they did before had not succeeded."""
    if command.targets is None:
        return [0 for _batch in definition.batches[command.step]]
    bad = {row.ordinal for row in rows if row.state not in GOOD_TARGET_STATES}
    return [
        len(bad.intersection(batch).difference(command.targets))
        for batch in definition.batches[command.step]
    ]
