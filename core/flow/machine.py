"""The run's machine: state and event in, state and commands out.

Theory of operation. A run's state is the state of its steps; an event changes
one of them by the transition table and, by the edges of the graph, says what
starts next. Folding a run's stored events gives its state back, so a restarted
engine asks the very same machine what is still owed.

Two rules for editors. This file does not know: time, targets, storage; a
step's targets are judged outside (`core.domain.run.step_result`) and arrive as
one `StepFinished`. And an illegal event raises and leaves the state unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.domain.run import TERMINAL_RUN_STATES, RunState, transit
from core.errors import IllegalTransition
from core.flow.commands import AnyCommand, FinishRun, StartStep, StopStep, WaitForRetry
from core.flow.events import AnyEvent, CancelRequested, RetryDue, Started, StepFinished
from core.flow.graph import Graph

_GOOD = frozenset({RunState.SUCCEEDED, RunState.ERROR_IGNORED})
_RETRYABLE = frozenset({RunState.FAILED, RunState.PARTIALLY_SUCCEEDED, RunState.TIMED_OUT})
"""A step whose outcome is unknown is not here: `idempotent` targets wait again inside the step."""


@dataclass(frozen=True, slots=True)
class StepStatus:
    state: RunState
    attempt: int


@dataclass(frozen=True, slots=True)
class FlowState:
    """Where a run is. `steps` holds the steps that were ever started."""

    graph: Graph
    run: RunState = RunState.CREATED
    steps: Mapping[str, StepStatus] = field(default_factory=dict)


Advance = tuple[FlowState, tuple[AnyCommand, ...]]


def advance(state: FlowState, event: AnyEvent) -> Advance:
    """The state after `event` and what is to be done; IllegalTransition changes nothing."""
    match event:
        case Started():
            return _start(state)
        case StepFinished(step=step, attempt=attempt, state=result):
            return _finish_step(state, step, attempt, result)
        case RetryDue(step=step, attempt=attempt):
            return _retry(state, step, attempt)
        case CancelRequested():
            return _cancel(state)


def fold(graph: Graph, events: Iterable[AnyEvent]) -> FlowState:
    """The state that stored events lead to."""
    state = FlowState(graph)
    for event in events:
        state, _ = advance(state, event)
    return state


def owed(state: FlowState) -> tuple[AnyCommand, ...]:
    """What a restarted engine must take up again: steps that run, retries that waited."""
    commands: list[AnyCommand] = []
    for name, status in state.steps.items():
        if status.state in (RunState.RUNNING, RunState.STOPPING):
            commands.append(StartStep(step=name, attempt=status.attempt))
            if state.run is RunState.STOPPING:
                commands.append(StopStep(step=name))
        elif status.state is RunState.SUSPENDED:
            commands.append(WaitForRetry(step=name, attempt=status.attempt + 1, delay_s=0))
    return tuple(commands)


def _start(state: FlowState) -> Advance:
    run = transit("the run", state.run, RunState.RUNNING)
    state = replace(state, run=run)
    return _start_steps(state, state.graph.starts())


def _start_steps(state: FlowState, names: Iterable[str]) -> Advance:
    steps = dict(state.steps)
    commands: list[AnyCommand] = []
    for name in names:
        steps[name] = StepStatus(RunState.RUNNING, 1)
        commands.append(StartStep(step=name, attempt=1))
    return replace(state, steps=steps), tuple(commands)


def _finish_step(state: FlowState, name: str, attempt: int, result: RunState) -> Advance:
    status = _current(state, name, attempt)
    node = state.graph.node(name)
    stopping = state.run is RunState.STOPPING
    if result in _RETRYABLE and attempt <= node.retry.times and not stopping:
        waiting = transit(f"step {name}", status.state, RunState.SUSPENDED)
        delay_s = node.retry.delay_before(attempt + 1)
        return _with_step(state, name, StepStatus(waiting, attempt)), (
            WaitForRetry(step=name, attempt=attempt + 1, delay_s=delay_s),
        )
    ended = transit(f"step {name}", status.state, _as_stopped(result, stopping=stopping))
    if ended in _RETRYABLE and node.continue_on_error:
        ended = transit(f"step {name}", ended, RunState.ERROR_IGNORED)
    state = _with_step(state, name, StepStatus(ended, attempt))
    if ended in _GOOD and (following := state.graph.after(name)) and not stopping:
        return _start_steps(state, following)
    return _finish_run_if_quiet(state)


def _as_stopped(result: RunState, *, stopping: bool) -> RunState:
    """While the run stops, a step ends as stopped, or as abnormal where that is the truth."""
    if not stopping or result is RunState.ABNORMAL:
        return result
    return RunState.STOPPED


def _retry(state: FlowState, name: str, attempt: int) -> Advance:
    status = _current(state, name, attempt - 1)
    # The table lets a person restart more than this: a stopped step, for one.
    if status.state is not RunState.SUSPENDED:
        raise IllegalTransition(f"step {name} is {status.state}; no retry of it is due")
    state = _with_step(state, name, StepStatus(RunState.RUNNING, attempt))
    return state, (StartStep(step=name, attempt=attempt),)


def _cancel(state: FlowState) -> Advance:
    if state.run is RunState.CREATED:
        return _finish_run(state, transit("the run", state.run, RunState.STOPPED))
    state = replace(state, run=transit("the run", state.run, RunState.STOPPING))
    steps = dict(state.steps)
    commands: list[AnyCommand] = []
    for name, status in state.steps.items():
        if status.state is RunState.RUNNING:
            steps[name] = StepStatus(RunState.STOPPING, status.attempt)
            commands.append(StopStep(step=name))
        elif status.state is RunState.SUSPENDED:
            steps[name] = StepStatus(RunState.STOPPED, status.attempt)
    state = replace(state, steps=steps)
    finished, more = _finish_run_if_quiet(state)
    return finished, (*commands, *more)


def _finish_run_if_quiet(state: FlowState) -> Advance:
    if any(status.state not in TERMINAL_RUN_STATES for status in state.steps.values()):
        return state, ()
    return _finish_run(state, _run_result(state))


def _run_result(state: FlowState) -> RunState:
    states = {status.state for status in state.steps.values()}
    if RunState.ABNORMAL in states:
        return RunState.ABNORMAL
    if state.run is RunState.STOPPING:
        return RunState.STOPPED
    for bad in (RunState.TIMED_OUT, RunState.FAILED, RunState.PARTIALLY_SUCCEEDED):
        if bad in states:
            return bad
    if RunState.ERROR_IGNORED in states:
        return RunState.PARTIALLY_SUCCEEDED
    return RunState.SUCCEEDED


def _finish_run(state: FlowState, result: RunState) -> Advance:
    if state.run is not result:
        transit("the run", state.run, result)
    return replace(state, run=result), (FinishRun(state=result),)


def _current(state: FlowState, name: str, attempt: int) -> StepStatus:
    status = state.steps.get(name)
    if status is None or status.attempt != attempt:
        raise IllegalTransition(f"step {name} has no attempt {attempt} under way")
    return status


def _with_step(state: FlowState, name: str, status: StepStatus) -> FlowState:
    return replace(state, steps={**state.steps, name: status})
