"""One step's attempt: its targets, run side by side, from first intent to last result.

The number of coroutines is the concurrency, not the number of targets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from core.domain.captures import OutputValue, merge_outputs
from core.domain.run import (
    LIVE_TARGET_STATES,
    RunState,
    TargetCode,
    TargetState,
    step_reason,
    step_result,
    transit,
)
from core.errors import Invalid
from core.runtime.attending import Attendant, Means
from core.runtime.recording import StepRecorder
from core.storage.run_writes import TargetEnd
from core.storage.runs import TargetRow
from core.storage.writer import timestamp

NOT_ITS_TURN = "the run was cancelled before this host's turn"


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How a step's attempt ended."""

    state: RunState
    reason: str
    outputs: dict[str, OutputValue]
    """Merged by the step's rule."""


class StepExecution:
    """Runs the waiting targets of one step's attempt."""

    def __init__(self, means: Means, rows: Sequence[TargetRow]) -> None:
        self._means = means
        self._step = means.step
        self._rows = {row.ordinal: row for row in rows}
        self._recorder = means.recorder
        self._gate = means.gate
        self._stop = means.stop
        self._attendants: set[Attendant] = set()
        self._queueing: set[asyncio.Task[None]] = set()
        """Tasks that wait for room among all runs."""
        self._is_forced = False
        self._concurrency = means.step.concurrency or means.definition.concurrency
        self._slots = asyncio.Semaphore(self._concurrency)
        """Batches that overlap share the step's concurrency."""
        self._outputs: dict[int, Mapping[str, Any]] = {
            row.ordinal: row.outputs for row in rows if row.outputs
        }

    @property
    def counts(self) -> Counter[TargetState]:
        return self._recorder.counts

    def stop(self, *, force: bool) -> None:
        """End what runs and start nothing more; with `force`, wait for nothing any longer."""
        self._stop.set()
        if force and not self._is_forced:
            self._is_forced = True
            for task in self._queueing:
                task.cancel()
            for attendant in tuple(self._attendants):
                attendant.give_up()

    async def run(self) -> StepEnd | None:
        """How the step ended; None when the engine stops and targets still wait or go on."""
        left = await self.run_targets(list(self._rows.values()))
        if self._stop.is_set():
            await self.leave_out(left, TargetState.NOT_STARTED, TargetCode.CANCELLED, NOT_ITS_TURN)
        return None if self.is_live else self.judge(_by_targets)

    async def run_targets(
        self, rows: Sequence[TargetRow], enough: Callable[[], bool] = lambda: False
    ) -> list[TargetRow]:
        """Run those of `rows` that have not ended, until `enough`; what still waits is returned."""
        found = iter([row for row in rows if row.state is TargetState.RUNNING])
        waiting = iter([row for row in rows if row.state is TargetState.WAITING])
        live = sum(row.state in LIVE_TARGET_STATES for row in rows)
        leaving = asyncio.create_task(self._leave_when_holding())
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._concurrency, live)):
                    group.create_task(self._take_from(found, waiting, enough))
        finally:
            leaving.cancel()
        return list(waiting)

    async def leave_out(
        self, rows: Iterable[TargetRow], state: TargetState, code: TargetCode, message: str
    ) -> None:
        """Record that targets which still wait are not run, and why."""
        await end_all(self._recorder, rows, code, message, self._now(), state)

    @property
    def is_live(self) -> bool:
        """Whether targets still wait or go on."""
        return any(self.counts[state] for state in LIVE_TARGET_STATES)

    async def _take_from(
        self,
        found: Iterator[TargetRow],
        waiting: Iterator[TargetRow],
        enough: Callable[[], bool],
    ) -> None:
        """Attend one target after the other; first those that an earlier engine began."""
        while not self._gate.holding.is_set() and (row := next(found, None)) is not None:
            async with self._slots:
                await self._attend(row)
        while not (self._is_closed() or enough()):
            async with AsyncExitStack() as held:
                if not await self._enter(held) or self._is_closed() or enough():
                    return
                row = next(waiting, None)
                if row is None:
                    return
                await self._attend(row)

    async def _enter(self, held: AsyncExitStack) -> bool:
        """Wait for room in the step and among all runs; False when the run was stopped."""
        task = asyncio.current_task()
        assert task is not None
        self._queueing.add(task)
        try:
            await held.enter_async_context(self._slots)
            share = None if self._step.priority is None else self._step.priority.share
            await held.enter_async_context(self._gate.room(self._means.run_id, share))
        except asyncio.CancelledError:
            if not self._is_forced:
                raise
            task.uncancel()
        finally:
            self._queueing.discard(task)
        return not self._stop.is_set()

    def _is_closed(self) -> bool:
        return self._stop.is_set() or self._gate.holding.is_set()

    async def _leave_when_holding(self) -> None:
        """What hosts keep goes on without this engine; the next one finds it."""
        await self._gate.holding.wait()
        for attendant in tuple(self._attendants):
            attendant.leave()

    async def _attend(self, row: TargetRow) -> None:
        attendant = Attendant(self._means, row)
        self._attendants.add(attendant)
        if self._is_forced:
            attendant.give_up()
        try:
            if await attendant.attend():
                self._outputs[row.ordinal] = attendant.outputs
        finally:
            self._attendants.discard(attendant)

    def _now(self) -> str:
        return timestamp(self._means.clock.now())

    def judge(self, rule: Callable[[Mapping[TargetState, int], bool], RunState]) -> StepEnd:
        """How the step ended, now that all its targets have. `rule`: (counts, stopping) -> state."""
        counts = {state: count for state, count in self.counts.items() if count}
        state = rule(counts, self._stop.is_set())
        outputs, problem = self._merge()
        if problem and state is RunState.SUCCEEDED:
            return StepEnd(RunState.FAILED, problem, outputs)
        return StepEnd(state, step_reason(counts, self._step.name), outputs)

    def _merge(self) -> tuple[dict[str, OutputValue], str]:
        """The step's outputs by its rule; a conflict is named and leaves that output out."""
        by_name: dict[str, list[tuple[str, OutputValue]]] = {}
        for ordinal in sorted(self._outputs):
            for name, value in self._outputs[ordinal].items():
                if name not in self._step.host_outputs:
                    by_name.setdefault(name, []).append((self._rows[ordinal].host, value))
        merged: dict[str, OutputValue] = {}
        problems = []
        for name, values in by_name.items():
            try:
                merged[name] = merge_outputs(values, self._step.outputs, name=name)
            except Invalid as error:
                problems.append(str(error))
        return merged, "; ".join(problems)


def _by_targets(counts: Mapping[TargetState, int], stopping: bool) -> RunState:
    return step_result(counts, stopping=stopping)


async def end_all(
    recorder: StepRecorder,
    rows: Iterable[TargetRow],
    code: TargetCode,
    message: str,
    at: str,
    state: TargetState = TargetState.NOT_STARTED,
) -> None:
    """Record the same end of many targets, of which no executor tells: mostly of those that wait."""
    ends = []
    for row in rows:
        left_out = transit(f"target {row.host}", row.state, state)
        end = TargetEnd(
            id=row.id,
            state=left_out,
            code=code,
            message=message,
            finished_at=at,
            size_bytes=row.size_bytes,
        )
        ends.append(recorder.ended(row, row.state, end))
    await asyncio.gather(*ends)
