"""One step's attempt: its targets, run side by side, from first intent to last result.

The number of coroutines is the concurrency, not the number of targets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from core import failpoints
from core.clock import Clock
from core.domain.captures import OutputValue, merge_outputs
from core.domain.normalising import OutputDigest
from core.domain.outputs_file import read_outputs_file
from core.domain.run import (
    GOOD_TARGET_STATES,
    RunState,
    TargetCode,
    TargetState,
    step_result,
    transit,
)
from core.domain.steps import StepBase
from core.errors import Invalid, TargetError
from core.executors import outcomes
from core.executors.protocol import Executor, Outcome
from core.flow.definition import FrozenHost, RunDefinition
from core.runtime.gate import Gate
from core.runtime.recording import StepRecorder, TargetLog
from core.runtime.work import WorkMaker
from core.storage.output import RunBudget
from core.storage.run_writes import TargetEnd
from core.storage.runs import TargetRow
from core.storage.writer import timestamp

log = structlog.get_logger(__name__)

_NOT_ITS_TURN = "the run was cancelled before this host's turn"


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How a step's attempt ended."""

    state: RunState
    reason: str
    outputs: dict[str, OutputValue]
    """Merged by the step's rule."""


class StepExecution:
    """Runs the waiting targets of one step's attempt."""

    def __init__(
        self,
        *,
        run_id: str,
        definition: RunDefinition,
        step: StepBase,
        rows: Sequence[TargetRow],
        recorder: StepRecorder,
        maker: WorkMaker,
        executors: Callable[[FrozenHost], Executor],
        gate: Gate,
        budget: RunBudget,
        clock: Clock,
    ) -> None:
        self._run_id = run_id
        self._definition = definition
        self._step = step
        self._rows = {row.ordinal: row for row in rows}
        self._recorder = recorder
        self._maker = maker
        self._executors = executors
        self._gate = gate
        self._budget = budget
        self._clock = clock
        self._stop = asyncio.Event()
        self._outputs: dict[int, Mapping[str, Any]] = {
            row.ordinal: row.outputs for row in rows if row.outputs
        }

    @property
    def counts(self) -> Counter[TargetState]:
        return self._recorder.counts

    def stop(self) -> None:
        """End what runs and start nothing more."""
        self._stop.set()

    async def run(self) -> StepEnd | None:
        """How the step ended; None when the engine stops and targets still wait."""
        waiting = [row for row in self._rows.values() if row.state is TargetState.WAITING]
        queue = iter(waiting)
        wanted = self._step.concurrency or self._definition.concurrency
        async with asyncio.TaskGroup() as group:
            for _ in range(min(wanted, len(waiting))):
                group.create_task(self._take_from(queue))
        if self._stop.is_set():
            await end_waiting(
                self._recorder, queue, TargetCode.CANCELLED, _NOT_ITS_TURN, self._now()
            )
        if self.counts[TargetState.WAITING]:
            return None
        return self._judge()

    async def _take_from(self, queue: Iterator[TargetRow]) -> None:
        while not self._stop.is_set() and not self._gate.holding.is_set():
            async with self._gate.room(self._run_id):
                if self._stop.is_set() or self._gate.holding.is_set():
                    return
                row = next(queue, None)
                if row is None:
                    return
                await self._run_target(row)

    async def _run_target(self, row: TargetRow) -> None:
        host = self._definition.hosts[row.ordinal]
        failpoints.reach("target.intent.before")
        await self._recorder.started(row)
        failpoints.reach("target.intent.kept")
        taker = TargetLog(
            row,
            self._recorder,
            self._maker.masker,
            OutputDigest((host.name, host.address)),
            self._budget.target(),
        )
        try:
            outcome = await self._reach(host, row, taker)
        except TargetError as error:
            outcome = outcomes.refused(error)
        except Exception as bug:
            # One host's bug must not end the others; it is recorded as ours, with its trace.
            log.exception("target.bug", host=row.host, step=row.step)
            outcome = Outcome(
                state=TargetState.UNKNOWN,
                code=TargetCode.DISPATCH_FAILURE,
                message=f"a bug in Jobdeck, see engine.log: {type(bug).__name__}",
            )
        failpoints.reach("target.worked")
        await self._record(row, taker, outcome)
        failpoints.reach("target.ended")

    async def _reach(self, host: FrozenHost, row: TargetRow, taker: TargetLog) -> Outcome:
        """Open a session, run the work; a stop is obeyed at every point."""
        target = self._maker.target(host, self._step)
        work = self._maker.work(host, self._step, row)
        opening = self._executors(host).open(target)
        entering = asyncio.ensure_future(opening.__aenter__())
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({entering, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not entering.done():
                entering.cancel()
                await asyncio.wait({entering})
                if entering.cancelled() or entering.exception() is not None:
                    return outcomes.cancelled(started=False)
            session = entering.result()
        finally:
            stopping.cancel()
        failpoints.reach("target.entered")
        try:
            return await session.run(work, taker, self._stop)
        finally:
            await opening.__aexit__(None, None, None)

    async def _record(self, row: TargetRow, taker: TargetLog, outcome: Outcome) -> None:
        end, problems = taker.end(outcome, self._now())
        values: dict[str, Any] = dict(end.outputs)
        try:
            values.update(read_outputs_file(outcome.outputs_file, self._maker.masker.mask_text))
        except Invalid as error:
            problems.append(str(error))
        end = msgspec.structs.replace(
            end, outputs=values, message=self._maker.masker.mask_text(end.message)
        )
        if problems and end.state is TargetState.SUCCESS:
            end = msgspec.structs.replace(
                end,
                state=TargetState.LOG_ERROR,
                code=TargetCode.INVALID_OUTPUTS,
                message=f"it ended well, but set unusable outputs: {'; '.join(problems)}"[:2000],
            )
        self._outputs[row.ordinal] = values
        transit(f"target {row.host}", TargetState.RUNNING, end.state)
        await self._recorder.ended(row, TargetState.RUNNING, end)

    def _now(self) -> str:
        return timestamp(self._clock.now())

    def _judge(self) -> StepEnd:
        counts = {state: count for state, count in self.counts.items() if count}
        state = step_result(counts, stopping=self._stop.is_set())
        outputs, problem = self._merge()
        if problem and state is RunState.SUCCEEDED:
            return StepEnd(RunState.FAILED, problem, outputs)
        good = sum(counts.get(state, 0) for state in GOOD_TARGET_STATES)
        bad = sum(counts.values()) - good
        reason = f"{bad} of {bad + good} targets did not succeed in step {self._step.name}"
        return StepEnd(state, reason if bad else "", outputs)

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


async def end_waiting(
    recorder: StepRecorder, rows: Iterable[TargetRow], code: TargetCode, message: str, at: str
) -> None:
    """Record that targets which still wait will not be started, and why."""
    ends = []
    for row in rows:
        state = transit(f"target {row.host}", row.state, TargetState.NOT_STARTED)
        end = TargetEnd(id=row.id, state=state, code=code, message=message, finished_at=at)
        ends.append(recorder.ended(row, row.state, end))
    await asyncio.gather(*ends)
