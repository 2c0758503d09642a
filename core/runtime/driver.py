"""Drives one live run: feeds events to the machine, stores first, then performs.

A driver that is started for a stored run takes up what the machine says is
still owed: waiting targets run; a target that was running is
asked how it went, where it keeps a claim (`core.runtime.attending`); without one it
becomes `unknown`, or waits again where its step is idempotent.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from core import failpoints
from core.clock import Clock
from core.domain.run import (
    RunState,
    TargetCode,
    TargetState,
    step_result,
)
from core.domain.steps import StepBase
from core.errors import EnvironmentFault, Forbidden, IllegalTransition, StorageFault
from core.executors.protocol import Executor
from core.executors.stopping import StopSignal
from core.flow import machine
from core.flow.commands import (
    AnyCommand,
    CheckBatch,
    EndStep,
    FinishRun,
    StartBatch,
    StartStep,
    StopStep,
    WaitForBatch,
    WaitForRetry,
)
from core.flow.definition import FrozenHost, RunDefinition
from core.flow.events import AnyEvent, RetryDue, StepFinished
from core.flow.machine import FlowState
from core.ids import Ids
from core.runtime import consequences, secrets
from core.runtime.attending import Means
from core.runtime.gate import Gate
from core.runtime.lostlines import LostLines
from core.runtime.opening import open_attempt
from core.runtime.recording import Place, StepRecorder, add_up, write_until_kept
from core.runtime.recovery import Recovery
from core.runtime.rolling import (
    Health,
    Orders,
    RollingExecution,
)
from core.runtime.steps import StepEnd, StepExecution, end_all
from core.runtime.work import Opened, Ways, WorkMaker, open_secrets, open_secrets_patiently
from core.storage import approvals, run_writes, runs
from core.storage.output import RunBudget
from core.storage.runs import ENGINE_ACTOR, StepRow, TargetFilter, TargetRow
from core.storage.store import Store
from core.storage.writer import Transaction, timestamp
from core.vault.vault import Vault

log = structlog.get_logger(__name__)


HealthCheck = Callable[
    [str, RunDefinition, StartStep, int, Sequence[str], asyncio.Event], Awaitable[Health | None]
]
"""(run, its definition, step's attempt, batch, hosts, stop) -> how the check ended."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every driver needs from the engine."""

    store: Store
    vault: Vault
    clock: Clock
    ids: Ids
    gate: Gate
    executors: Callable[[FrozenHost, StepBase], Executor]
    new_budget: Callable[[], RunBudget]
    ways: Ways
    recovery: Recovery
    lost_lines: LostLines
    on_output: Callable[[str], None]


async def give_up(tools: Tools, run_id: str, bug: Exception) -> None:
    """End the record of a run that cannot be driven any further."""
    reason = f"a bug in Jobdeck, see engine.log: {type(bug).__name__}"

    def write(tx: Transaction) -> None:
        run_writes.abandon(tx, run_id, reason)
        approvals.lapse(tx, run_id, "the run was given up")
        secrets.erase(tx, tools.vault, run_id)

    await tools.store.writer.write(write)


@dataclass(slots=True)
class _Progress:
    """Numbers and values of the run so far, by step."""

    counts: dict[str, Counter[TargetState]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    host_outputs: dict[str, dict[str, Any]] = field(default_factory=dict)


class Driver:
    """One live run. `finished` is set when it has ended, or when the engine holds."""

    def __init__(
        self,
        tools: Tools,
        run_id: str,
        definition: RunDefinition,
        state: FlowState,
        check: HealthCheck,
    ) -> None:
        self._tools = tools
        self._check = check
        self.run_id = run_id
        self._definition = definition
        self._state = state
        self._progress = _Progress()
        self._budget = tools.new_budget()
        self._is_taken_up = False
        """An earlier engine began it."""
        self._executions: dict[str, StepExecution | RollingExecution] = {}
        self._orders: dict[str, Orders] = {}
        """Rolling step -> what is wanted of its batches."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._feeding = asyncio.Lock()
        self.finished = asyncio.Event()

    @property
    def definition(self) -> RunDefinition:
        return self._definition

    @property
    def state(self) -> FlowState:
        return self._state

    @property
    def counts(self) -> dict[str, int]:
        """Targets in each state, over the latest attempt of every step."""
        return add_up(list(self._progress.counts.values()))

    def begin(self, commands: Sequence[AnyCommand]) -> None:
        """Perform the commands of a run that was just accepted (its events are stored)."""
        self._perform(commands)

    async def resume(self) -> None:
        """Take up a stored run that had not ended."""
        self._is_taken_up = True
        await self.remember()
        self._perform(machine.owed(self._state))

    async def remember(self) -> None:
        """Learn the numbers and values of a stored run; nothing of it is performed."""
        steps = await self._tools.store.reader.read(lambda c: runs.steps_of(c, self.run_id))
        latest = {step.step: step for step in steps}
        for step in latest.values():
            await self._remember(step)

    def recount(self, step: str, state: TargetState, number: int) -> None:
        """Of the step's targets, `number` that were unknown are in `state` now."""
        counts = self._progress.counts[step]
        counts[TargetState.UNKNOWN] -= number
        counts[state] += number

    async def feed(
        self,
        event: AnyEvent,
        actor: str,
        *,
        reason: str = "",
        also: Callable[[Transaction], None] | None = None,
    ) -> None:
        """Advance, commit the event with all that follows from it (and `also`), then perform.

        IllegalTransition leaves everything as it was. A person hears of a disk that refuses;
        what the engine itself has to say waits until it is kept.
        """
        keep = self._keep if actor == ENGINE_ACTOR else self._tools.store.writer.write
        async with self._feeding:
            before = self._state
            after, commands = machine.advance(before, event)
            failpoints.reach("event.advanced")

            def store(tx: Transaction) -> None:
                consequences.keep(tx, self.run_id, event, before, after, actor, reason)
                if any(isinstance(command, FinishRun) for command in commands):
                    secrets.erase(tx, self._tools.vault, self.run_id)
                if also is not None:
                    also(tx)

            await keep(store)
            failpoints.reach("event.kept")
            self._state = after
            self._perform(commands)

    async def _keep(self, write: Callable[[Transaction], None]) -> None:
        await write_until_kept(self._tools.store.writer, self.run_id, write)

    def _perform(self, commands: Sequence[AnyCommand]) -> None:
        for command in commands:
            match command:
                case StartStep():
                    if command.step in self._definition.batches:
                        self._orders[command.step] = Orders()
                    self._spawn(self._run_step(command))
                case StartBatch() | WaitForBatch() | CheckBatch() | EndStep():
                    self._orders[command.step].put_nowait(command)
                case WaitForRetry(step=step, attempt=attempt, delay_s=delay_s):
                    self._spawn(self._retry_later(step, attempt, delay_s))
                case StopStep(step=step, force=force):
                    if step in self._executions:
                        self._executions[step].stop(force=force)
                case FinishRun():
                    failpoints.reach("run.ended")
                    self.finished.set()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Any) -> None:
        """A bug in one run is recorded and ends the driver, not the engine."""
        try:
            await work
        except StorageFault as fault:
            log.error("run.storage", run=self.run_id, fault=str(fault))
            self.finished.set()
        except Exception as bug:
            log.exception("run.bug", run=self.run_id)
            await self._abandon(bug)

    async def _abandon(self, bug: Exception) -> None:
        """End a run that we cannot drive any further; what is known of it stays."""
        for execution in self._executions.values():
            execution.stop(force=False)
        try:
            await give_up(self._tools, self.run_id, bug)
        except StorageFault as fault:
            log.error("run.storage", run=self.run_id, fault=str(fault))
        self.finished.set()

    async def _retry_later(self, step: str, attempt: int, delay_s: float) -> None:
        failpoints.reach("run.retry.waiting")
        holding = asyncio.ensure_future(self._tools.gate.holding.wait())
        try:
            await asyncio.wait({holding}, timeout=delay_s)
        finally:
            holding.cancel()
        if self._tools.gate.holding.is_set():
            self.finished.set()
            return
        # The run may have been cancelled, also while the cancel is still being stored.
        failpoints.reach("run.retry.due")
        with suppress(IllegalTransition):
            await self.feed(RetryDue(step=step, attempt=attempt), ENGINE_ACTOR)

    async def _run_step(self, command: StartStep) -> None:
        step, attempt = self._definition.graph.node(command.step), command.attempt
        rows = await open_attempt(
            self._tools.store,
            self._definition,
            Place(self.run_id, step.name, attempt),
            command,
            self._state.steps[step.name].batches,
            self._tools.ids.new,
        )
        recorder = self._recorder(step, attempt, rows)
        end: StepEnd | None
        opened: Opened | None
        try:
            of, store, vault = self._definition, self._tools.store, self._tools.vault
            if self._is_taken_up:
                holding = self._tools.gate.holding
                opened = await open_secrets_patiently(of, store, vault, self.run_id, holding)
            else:
                opened = await open_secrets(of, store, vault)
        except (EnvironmentFault, Forbidden) as fault:
            end = await self._refuse(rows, recorder, fault)
        else:
            end = None
            if opened is not None:
                end = await self._execute(step, command, rows, recorder, opened)
        if end is None:
            self.finished.set()
        else:
            await self._finish_step(step, attempt, end)

    def _recorder(self, step: StepBase, attempt: int, rows: Sequence[TargetRow]) -> StepRecorder:
        counts = self._progress.counts[step.name] = Counter(row.state for row in rows)
        return StepRecorder(
            self._tools.store.writer,
            self._tools.clock,
            Place(self.run_id, step.name, attempt),
            counts,
            lambda: self.counts,
            lambda: self._tools.on_output(self.run_id),
        )

    async def _refuse(
        self, rows: Sequence[TargetRow], recorder: StepRecorder, fault: EnvironmentFault | Forbidden
    ) -> StepEnd:
        """End a step whose logins cannot be opened: what waits is sent nowhere, and what an
        earlier engine left running cannot be looked after.
        """
        at = timestamp(self._tools.clock.now())
        for state, end, code in (
            (TargetState.WAITING, TargetState.NOT_STARTED, TargetCode.DISPATCH_FAILURE),
            (TargetState.RUNNING, TargetState.UNKNOWN, TargetCode.ENGINE_LOST),
        ):
            those = [row for row in rows if row.state is state]
            await end_all(recorder, those, code, str(fault), at, end)
        return StepEnd(step_result(recorder.counts, stopping=False), str(fault), {})

    async def _execute(
        self,
        step: StepBase,
        command: StartStep,
        rows: Sequence[TargetRow],
        recorder: StepRecorder,
        opened: Opened,
    ) -> StepEnd | None:
        tools = self._tools
        means = Means(
            run_id=self.run_id,
            definition=self._definition,
            step=step,
            recorder=recorder,
            maker=WorkMaker(
                self.run_id,
                self._definition,
                opened,
                self._progress.outputs,
                self._progress.host_outputs,
                tools.ways,
            ),
            executors=tools.executors,
            gate=tools.gate,
            budget=self._budget,
            reader=tools.store.reader,
            clock=tools.clock,
            new_id=tools.ids.new,
            reattach_s=tools.ways.reattach_s,
            recovery=tools.recovery,
            lost_lines=tools.lost_lines,
            stop=StopSignal(),
        )
        execution: StepExecution | RollingExecution = StepExecution(means, rows)
        if command.step in self._orders:
            execution = RollingExecution(
                StepExecution(means, rows),
                means,
                command,
                rows,
                self._orders[command.step],
                partial(self.feed, actor=ENGINE_ACTOR),
                partial(self._check, self.run_id, self._definition),
            )
        self._executions[step.name] = execution
        try:
            status = self._state.steps[step.name]
            if status.state is RunState.STOPPING:
                execution.stop(force=status.forced)
            return await execution.run()
        finally:
            del self._executions[step.name]

    async def _finish_step(self, step: StepBase, attempt: int, end: StepEnd) -> None:
        self._progress.outputs.update(end.outputs)
        counts = add_up([self._progress.counts[step.name]])

        def store(tx: Transaction) -> None:
            run_writes.set_step_outputs(tx, self.run_id, step.name, attempt, end.outputs)
            run_writes.set_counts(tx, self.run_id, step.name, attempt, counts, self.counts)

        failpoints.reach("step.judged")
        await self._keep(store)
        failpoints.reach("step.finished")
        await self._remember_host_outputs(step, attempt)
        event = StepFinished(step=step.name, attempt=attempt, state=end.state)
        await self.feed(event, ENGINE_ACTOR, reason=end.reason)

    async def _remember(self, row: StepRow) -> None:
        self._progress.outputs.update(row.outputs)
        self._progress.counts[row.step] = Counter(
            {TargetState(state): count for state, count in row.counts.items()}
        )
        await self._remember_host_outputs(self._definition.graph.node(row.step), row.attempt)

    async def _remember_host_outputs(self, step: StepBase, attempt: int) -> None:
        if not step.host_outputs:
            return
        where = TargetFilter(step=step.name, attempt=attempt)
        rows = await self._tools.store.reader.read(lambda c: runs.targets_of(c, self.run_id, where))
        for row in rows:
            own = {name: row.outputs[name] for name in step.host_outputs if name in row.outputs}
            self._progress.host_outputs.setdefault(row.host, {}).update(own)
