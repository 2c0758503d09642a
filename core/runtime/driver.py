"""Drives one live run: feeds events to the machine, stores first, then performs.

A driver that is started for a stored run takes up what the machine says is
still owed: waiting targets run; a target that was running is
asked how it went, where it keeps a claim (`core.runtime.attending`); without one it
becomes `unknown`, or waits again where its step is idempotent.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import structlog

from core import failpoints
from core.clock import Clock
from core.domain.flow import Control
from core.domain.run import (
    TERMINAL_RUN_STATES,
    RunState,
    TargetCode,
    TargetState,
    could_not_be_done,
    step_result,
)
from core.domain.steps import StepBase
from core.domain.steps.base import NodeBase
from core.errors import EnvironmentFault, Forbidden, IllegalTransition, Invalid, StorageFault
from core.executors.protocol import Executor
from core.executors.stopping import StopSignal
from core.flow import machine
from core.flow.commands import (
    AnyCommand,
    CheckBatch,
    EndStep,
    FinishRun,
    GiveWay,
    StartBatch,
    StartStep,
    StopStep,
    WaitForBatch,
    WaitForRetry,
)
from core.flow.definition import FrozenHost, RunDefinition
from core.flow.events import (
    AnyEvent,
    RetryDue,
    StepFinished,
    StepIgnored,
    StepSkipped,
    TargetsResolved,
)
from core.flow.machine import FlowState
from core.ids import Ids
from core.runtime import secrets
from core.runtime.approvals import Approvals
from core.runtime.attending import Means
from core.runtime.feeding import Feed
from core.runtime.gate import Gate
from core.runtime.lostlines import LostLines
from core.runtime.nodes import Notify, Performance, Services, perform
from core.runtime.opening import open_attempt
from core.runtime.progress import Progress
from core.runtime.recording import Place, StepRecorder, add_up
from core.runtime.recovery import Recovery
from core.runtime.rolling import (
    Orders,
    RollingExecution,
)
from core.runtime.steps import StepEnd, StepExecution, end_all
from core.runtime.telling import NodeTelling
from core.runtime.work import Opened, Ways, WorkMaker, open_secrets, open_secrets_patiently
from core.storage import approvals, run_writes, runs
from core.storage.output import RunBudget
from core.storage.runs import ENGINE_ACTOR, TargetRow
from core.storage.store import Store
from core.storage.writer import Transaction, timestamp
from core.vault.vault import Vault

log = structlog.get_logger(__name__)


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
    approvals: Approvals
    notify: Notify
    on_output: Callable[[str], None]
    on_bears: Callable[[str, int], None]
    """(run, number): a run gives way to runs of so many classes, the most urgent first."""


async def give_up(tools: Tools, run_id: str, bug: Exception) -> None:
    """End the record of a run that cannot be driven any further."""
    reason = f"a bug in Jobdeck, see engine.log: {type(bug).__name__}"

    def write(tx: Transaction) -> None:
        run_writes.abandon(tx, run_id, reason)
        approvals.lapse(tx, run_id, "the run was given up")
        secrets.erase(tx, tools.vault, run_id)

    await tools.store.writer.write(write)


class Driver:
    """One live run. `finished` is set when it has ended, or when the engine holds."""

    def __init__(
        self,
        tools: Tools,
        services: Services,
        run_id: str,
        definition: RunDefinition,
        state: FlowState,
        requester: str,
    ) -> None:
        self._tools = tools
        self._services = services
        self.run_id = run_id
        self.requester = requester
        """Who asked for it; of a run that a run has asked for, who asked for that one. "" where none
        of its nodes asks people.
        """
        self._definition = definition
        self._feed = Feed(tools.store, run_id, state, self._perform, self._erase_secrets)
        self._progress = Progress(run_id, definition, tools.store.reader, tools.clock)
        self._telling = NodeTelling(
            run_id, definition, tools.store.reader, tools.clock, tools.notify
        )
        self._budget = tools.new_budget()
        self._is_taken_up = False
        """An earlier engine began it."""
        self._executions: dict[str, StepExecution | RollingExecution | Performance] = {}
        self._orders: dict[str, Orders] = {}
        """Rolling step -> what is wanted of its batches."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._retries: set[asyncio.Task[None]] = set()
        """Those of the tasks that wait until a step is tried again."""
        self._is_leaving = False
        """The engine stops, or the run gives way; what a next driver can take up is left to it."""
        self.goes_on = asyncio.Event()
        """Set while the run is not paused."""
        self.goes_on.set()
        self.finished = asyncio.Event()

    @property
    def definition(self) -> RunDefinition:
        return self._definition

    @property
    def state(self) -> FlowState:
        return self._feed.state

    @property
    def is_letting_go(self) -> bool:
        """Whether the run gave way, and is soon driven no more."""
        return self._is_leaving and self.state.gave_way

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the run's nodes have set so far."""
        return self._progress.outputs

    @property
    def counts(self) -> dict[str, int]:
        """Targets in each state, over the latest attempt of every step."""
        return add_up(list(self._progress.counts.values()))

    def begin(self, commands: Sequence[AnyCommand]) -> None:
        """Perform the commands of a run that was just accepted (its events are stored)."""
        self._perform(commands)

    def be_patient(self) -> None:
        """Wait for a vault that is locked: whoever started the run may have left long ago."""
        self._is_taken_up = True

    async def resume(self) -> None:
        """Take up a stored run that had not ended."""
        self.be_patient()
        await self.remember()
        self._perform(machine.owed(self.state))

    async def remember(self) -> None:
        """Learn the numbers and values of a stored run; nothing of it is performed."""
        steps = await self._tools.store.reader.read(lambda c: runs.steps_of(c, self.run_id))
        latest = {step.step: step for step in steps}
        for step in latest.values():
            await self._progress.remember(step)

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
        await self._feed.feed(event, actor, reason, also)

    async def decided(self, event: AnyEvent) -> AnyEvent:
        """The event with the conditions that hold, where it lets a node end. Raises Invalid."""
        if not isinstance(event, StepIgnored | StepSkipped | TargetsResolved):
            return event
        ends = event.state if isinstance(event, TargetsResolved) else RunState.SKIPPED
        holds = await self._progress.holding(self.state, event.step, ends)
        return msgspec.structs.replace(event, holds=holds)

    def _erase_secrets(self, tx: Transaction) -> None:
        secrets.erase(tx, self._tools.vault, self.run_id)

    def _perform(self, commands: Sequence[AnyCommand]) -> None:
        if self.state.is_paused:
            self.goes_on.clear()
        else:
            self.goes_on.set()
        for command in commands:
            match command:
                case StartStep():
                    self._begin(command)
                case StartBatch() | WaitForBatch() | CheckBatch() | EndStep():
                    self._orders[command.step].put_nowait(command)
                case WaitForRetry(step=step, attempt=attempt, delay_s=delay_s):
                    self._retries.add(self._spawn(self._retry_later(step, attempt, delay_s)))
                case StopStep(step=step, force=force):
                    if step in self._executions:
                        self._executions[step].stop(force=force)
                case GiveWay():
                    self._give_way()
                case FinishRun():
                    failpoints.reach("run.ended")
                    self.finished.set()
        self._tell_bears()

    def _tell_bears(self) -> None:
        """Say to whom the run gives way; what lets go by itself has nobody look for another."""
        state = self.state
        lets_go = state.gave_way or state.run in {*TERMINAL_RUN_STATES, RunState.STOPPING}
        if not lets_go:
            self._tools.on_bears(self.run_id, machine.bears(state))

    def _give_way(self) -> None:
        """Let go of the run, of which nothing is under way; `finished` is set when that is done."""
        failpoints.reach("yield.giving")
        for execution in self._executions.values():
            assert isinstance(execution, RollingExecution), "only batches have more to come"
            execution.leave()
        for retry in self._retries:
            retry.cancel()
        self.leave()

    def _begin(self, command: StartStep) -> None:
        node = self._definition.graph.node(command.step)
        if isinstance(node, StepBase):
            if command.step in self._definition.batches:
                self._orders[command.step] = Orders()
            self._spawn(self._told(node, command.attempt, self._run_step(node, command)))
            return
        status = self.state.steps[node.name]
        performance = self._executions[node.name] = Performance(
            run_id=self.run_id,
            definition=self._definition,
            node=node,
            attempt=command.attempt,
            look=lambda: self.state,
            progress=self._progress,
            services=self._services,
            goes_on=self.goes_on,
            requester=self.requester,
        )
        if status.state is RunState.STOPPING:
            performance.stop(force=status.forced)
        work = self._run_control(node, performance)
        self._spawn(self._told(node, command.attempt, work))

    async def _told(self, node: NodeBase, attempt: int, work: Awaitable[None]) -> None:
        """Work on a node, of which people are told while it takes long."""
        async with self._telling.going_on(node, attempt):
            await work

    async def _end(
        self,
        node: NodeBase,
        event: StepFinished,
        reason: str,
        also: Callable[[Transaction], None] | None = None,
    ) -> None:
        """Tell the machine that a node's attempt has ended, and people who want to know."""
        if node.notify is not None and (state := machine.end_of(self.state, event)) is not None:
            await self._telling.ended(node, event.attempt, state, reason)
        await self.feed(event, ENGINE_ACTOR, reason=reason, also=also)

    async def _run_control(self, node: Control, performance: Performance) -> None:
        """Perform a node that is no step, and tell the machine how it ended."""
        try:
            end = await perform(performance)
        finally:
            if self._executions.get(node.name) is performance:
                del self._executions[node.name]
        if end is None:
            self._is_leaving = True
            return
        attempt = performance.attempt

        def store(tx: Transaction) -> None:
            run_writes.set_step_outputs(tx, self.run_id, node.name, attempt, end.outputs)

        self._progress.learn(node.name, end.outputs)
        event = StepFinished(
            step=node.name,
            attempt=attempt,
            state=end.state,
            holds=end.holds,
            is_error=end.is_error,
        )
        await self._end(node, event, end.reason, store if end.outputs else None)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._has_ended)
        return task

    def leave(self) -> None:
        """Nobody drives the run any more: `finished` is set when nothing of the run is under way here."""
        self._is_leaving = True
        if not self._tasks:
            self.finished.set()

    def _has_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._retries.discard(task)
        if self._is_leaving and not self._tasks:
            self.finished.set()

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
            self._is_leaving = True
            return
        # The run may have been cancelled, also while the cancel is still being stored.
        failpoints.reach("run.retry.due")
        with suppress(IllegalTransition):
            await self.feed(RetryDue(step=step, attempt=attempt), ENGINE_ACTOR)

    async def _run_step(self, step: StepBase, command: StartStep) -> None:
        attempt = command.attempt
        own = await self._progress.taking_part(step.name)
        rows = await open_attempt(
            self._tools.store,
            self._definition,
            Place(self.run_id, step.name, attempt),
            command,
            own,
            self.state.steps[step.name].batches,
            self._tools.ids.new,
        )
        recorder = self._recorder(step, attempt, rows)
        if not rows and (nobody := self._progress.nobody_is_meant(step)):
            await self._finish_step(step, attempt, StepEnd(RunState.FAILED, nobody, {}))
            return
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
            self._is_leaving = True
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
                command.env,
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
                partial(self._services.children.check, self.run_id, self._definition),
            )
        self._executions[step.name] = execution
        try:
            status = self.state.steps[step.name]
            if status.state is RunState.STOPPING:
                execution.stop(force=status.forced)
            return await execution.run()
        finally:
            del self._executions[step.name]

    async def _finish_step(self, step: StepBase, attempt: int, end: StepEnd) -> None:
        self._progress.learn(step.name, end.outputs)
        of_step = self._progress.counts[step.name]
        counts, run_counts = add_up([of_step]), self.counts

        def store(tx: Transaction) -> None:
            run_writes.set_step_outputs(tx, self.run_id, step.name, attempt, end.outputs)
            run_writes.set_counts(tx, self.run_id, step.name, attempt, counts, run_counts)

        failpoints.reach("step.judged")
        await self._progress.remember_host_outputs(step, attempt)
        state, reason = end.state, end.reason
        holds: tuple[int, ...] = ()
        try:
            holds = await self._progress.holding(self.state, step.name, state)
        except Invalid as fault:
            state, reason = RunState.FAILED, f"what follows cannot be decided: {fault}"
        event = StepFinished(
            step=step.name,
            attempt=attempt,
            state=state,
            holds=holds,
            marked=str(end.outputs.get("tag", "")),
            is_error=could_not_be_done(of_step),
        )
        await self._end(step, event, reason, store)
