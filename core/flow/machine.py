"""The run's machine: state and event in, state and commands out.

Theory of operation. A run's state is the state of its steps; an event changes
one of them by the transition table and, by the edges of the graph, says what
starts next. Folding a run's stored events gives its state back, so a restarted
engine asks the very same machine what is still owed.

A step that rolls begins with its batches instead of all its targets; what one
batch's end means for the next is in `batches`. While no step is doing anything
itself, the run says what it waits for: `waiting_user` or `batch_waiting`.

Two rules for editors. This file does not know: time, targets, storage; a
step's targets are judged outside (`core.domain.run.step_result`) and arrive as
one `StepFinished`. And an illegal event raises and leaves the state unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.domain.run import (
    TERMINAL_RUN_STATES,
    BatchState,
    RunAction,
    RunState,
    legal_actions,
    may_act,
    transit,
)
from core.errors import IllegalTransition
from core.flow import batches
from core.flow.commands import AnyCommand, FinishRun, StartStep, StopStep, WaitForRetry
from core.flow.events import (
    Abandoned,
    AnyEvent,
    BatchChecked,
    BatchDue,
    BatchFinished,
    CancelRequested,
    ContinueRequested,
    ForceStopRequested,
    LookRequested,
    RetryDue,
    RetryRequested,
    ReviewRefused,
    ReviewRequested,
    Started,
    StepFinished,
    StepIgnored,
    StepSkipped,
    TargetsResolved,
)
from core.flow.graph import Graph

_GOES_ON = frozenset({RunState.SUCCEEDED, RunState.ERROR_IGNORED, RunState.SKIPPED})
"""A step that ended so lets the steps after it start."""
_RETRYABLE = frozenset({RunState.FAILED, RunState.PARTIALLY_SUCCEEDED, RunState.TIMED_OUT})
"""A step whose outcome is unknown is not here: `idempotent` targets wait again inside the step."""
_UNDER_WAY = frozenset({RunState.RUNNING, RunState.BATCH_WAITING, RunState.WAITING_USER})
"""A step whose attempt is open, whether one of its targets runs or it is between two batches."""


@dataclass(frozen=True, slots=True)
class StepStatus:
    state: RunState
    attempt: int
    targets: tuple[int, ...] | None = None
    """Ordinals of the targets that may run since somebody chose them; None is all."""
    winners: bool = False
    """Whether this attempt runs them even where they had succeeded."""
    forced: bool = False
    """Stopping, and nobody waits for what cannot be verified."""
    skipped: bool = False
    """Stopping, and then what follows it starts."""
    batches: tuple[BatchState, ...] = ()
    """Of a rolling step, in order."""


@dataclass(frozen=True, slots=True)
class FlowState:
    """Where a run is. `steps` holds the steps that were ever started."""

    graph: Graph
    run: RunState = RunState.CREATED
    steps: Mapping[str, StepStatus] = field(default_factory=dict)
    batch_counts: Mapping[str, int] = field(default_factory=dict)
    """Rolling step -> number of its batches."""

    @property
    def is_held(self) -> bool:
        """Whether it waits for approval before it begins."""
        return self.run is RunState.WAITING_USER and not self.steps


Advance = tuple[FlowState, tuple[AnyCommand, ...]]


def advance(state: FlowState, event: AnyEvent) -> Advance:  # noqa: C901 - one case an event
    """The state after `event` and what is to be done; IllegalTransition changes nothing."""
    match event:
        case Started():
            return _start(state)
        case ReviewRequested():
            return replace(state, run=transit("the run", state.run, RunState.WAITING_USER)), ()
        case ReviewRefused(state=result):
            return _refuse(state, result)
        case StepFinished(step=step, attempt=attempt, state=result):
            return _finish_step(state, step, attempt, result)
        case RetryDue(step=step, attempt=attempt):
            return _retry(state, step, attempt)
        case CancelRequested():
            return _cancel(state)
        case ForceStopRequested():
            return _force_stop(state)
        case RetryRequested():
            return _retry_on_request(state, event)
        case StepIgnored(step=step):
            return _ignore(state, step)
        case StepSkipped(step=step):
            return _skip(state, step)
        case TargetsResolved():
            return _resolve(state, event)
        case LookRequested():
            return _look_again(state, event)
        case Abandoned():
            return _abandon(state)
        case BatchFinished() | BatchDue() | BatchChecked():
            return _batch(state, event)
        case ContinueRequested(step=step):
            return _continue(state, step)


def fold(
    graph: Graph, events: Iterable[AnyEvent], batch_counts: Mapping[str, int] | None = None
) -> FlowState:
    """The state that stored events lead to."""
    state = FlowState(graph, batch_counts=batch_counts or {})
    for event in events:
        state, _ = advance(state, event)
    return state


def owed(state: FlowState) -> tuple[AnyCommand, ...]:
    """What a restarted engine must take up again: steps and batches, retries that waited."""
    commands: list[AnyCommand] = []
    for name, status in state.steps.items():
        if status.state is RunState.STOPPING:
            commands += [_start_of(name, status), StopStep(step=name, force=status.forced)]
        elif status.state in _UNDER_WAY:
            commands.append(_start_of(name, status))
            if status.batches:
                commands += _row(state, name).owed()
        elif status.state is RunState.SUSPENDED:
            commands.append(WaitForRetry(step=name, attempt=status.attempt + 1, delay_s=0))
    return tuple(commands)


def actions(state: FlowState) -> tuple[RunAction, ...]:
    """What an operator may ask of the run."""
    return legal_actions(state.run, (status.state for status in state.steps.values()))


def steps_for(state: FlowState, action: RunAction) -> tuple[str, ...]:
    """The steps of which `action` may be asked."""
    return tuple(
        name for name, status in state.steps.items() if may_act(action, state.run, status.state)
    )


def _start(state: FlowState) -> Advance:
    # The table lets a person take up an ended run; that is no second start.
    if state.run not in (RunState.CREATED, RunState.QUEUED) and not state.is_held:
        raise IllegalTransition(f"the run is {state.run}; it has already started")
    run = transit("the run", state.run, RunState.RUNNING)
    state = replace(state, run=run)
    return _start_steps(state, state.graph.starts())


def _refuse(state: FlowState, result: RunState) -> Advance:
    if not state.is_held:
        raise IllegalTransition(f"the run is {state.run}; it does not wait for approval to begin")
    return _finish_run(state, result)


def _start_steps(state: FlowState, names: Iterable[str]) -> Advance:
    commands: list[AnyCommand] = []
    for name in names:
        state, more = _begin(state, name, StepStatus(RunState.RUNNING, 1))
        commands += more
    return state, tuple(commands)


def _begin(state: FlowState, name: str, status: StepStatus) -> Advance:
    """A step's attempt begins; a rolling one with its first batches."""
    commands: tuple[AnyCommand, ...] = (_start_of(name, status),)
    count = state.batch_counts.get(name, 0)
    state = _with_step(state, name, replace(status, batches=(BatchState.WAITING,) * count))
    if count:
        row, more = _row(state, name).begin()
        state, commands = _with_row(state, name, row), (*commands, *more)
    return state, commands


def _start_of(name: str, status: StepStatus) -> StartStep:
    return StartStep(
        step=name, attempt=status.attempt, targets=status.targets, winners=status.winners
    )


def _finish_step(state: FlowState, name: str, attempt: int, result: RunState) -> Advance:
    status = _current(state, name, attempt)
    if status.batches:
        status = replace(status, batches=_row(state, name).stopped().states)
    node = state.graph.node(name)
    if result in _RETRYABLE and attempt <= node.retry.times and status.state is RunState.RUNNING:
        waiting = transit(f"step {name}", status.state, RunState.SUSPENDED)
        delay_s = node.retry.delay_before(attempt + 1)
        return _with_step(state, name, replace(status, state=waiting)), (
            WaitForRetry(step=name, attempt=attempt + 1, delay_s=delay_s),
        )
    ended = transit(f"step {name}", status.state, _as_stopped(result, status))
    if ended in _RETRYABLE and node.continue_on_error:
        ended = transit(f"step {name}", ended, RunState.ERROR_IGNORED)
    return _go_on(_with_step(state, name, replace(status, state=ended)), name)


def _as_stopped(result: RunState, status: StepStatus) -> RunState:
    """A step that was stopped ends as stopped, or as abnormal where that is the truth."""
    if status.state is not RunState.STOPPING:
        return result
    if status.skipped:
        return RunState.SKIPPED
    return result if result is RunState.ABNORMAL else RunState.STOPPED


def _go_on(state: FlowState, name: str) -> Advance:
    """What follows the end of step `name`: the steps after it, or the end of the run."""
    is_stopping = state.run is RunState.STOPPING
    if state.steps[name].state in _GOES_ON and not is_stopping:
        following = state.graph.after(name)
        if following:
            return _start_steps(state, following)
    return _finish_run_if_quiet(state)


def _retry(state: FlowState, name: str, attempt: int) -> Advance:
    status = _current(state, name, attempt - 1)
    # The table lets a person restart more than this: a stopped step, for one.
    if status.state is not RunState.SUSPENDED:
        raise IllegalTransition(f"step {name} is {status.state}; no retry of it is due")
    return _run_again(state, name, replace(status, attempt=attempt, winners=False))


def _retry_on_request(state: FlowState, event: RetryRequested) -> Advance:
    status = _asked(state, RunAction.RETRY, event.step)
    _current(state, event.step, event.attempt - 1)
    state = replace(state, run=transit("the run", state.run, RunState.RUNNING))
    chosen = replace(
        status,
        attempt=event.attempt,
        targets=event.targets,
        winners=event.winners,
        forced=False,
        skipped=False,
    )
    return _run_again(state, event.step, chosen)


def _run_again(state: FlowState, name: str, status: StepStatus) -> Advance:
    running = replace(status, state=transit(f"step {name}", status.state, RunState.RUNNING))
    return _begin(state, name, running)


def _ignore(state: FlowState, name: str) -> Advance:
    status = _asked(state, RunAction.IGNORE, name)
    state = replace(state, run=transit("the run", state.run, RunState.RUNNING))
    ignored = transit(f"step {name}", status.state, RunState.ERROR_IGNORED)
    return _go_on(_with_step(state, name, replace(status, state=ignored)), name)


def _resolve(state: FlowState, event: TargetsResolved) -> Advance:
    """The step ends once more; nobody retries by itself what a person has looked at."""
    name = event.step
    state, running = _taken_up(state, name, event.attempt)
    if event.good:
        running = replace(running, batches=_row(state, name).resolved(event.good).states)
    ended = transit(f"step {name}", running.state, event.state)
    if ended in _RETRYABLE and state.graph.node(name).continue_on_error:
        ended = transit(f"step {name}", ended, RunState.ERROR_IGNORED)
    return _go_on(_with_step(state, name, replace(running, state=ended)), name)


def _look_again(state: FlowState, event: LookRequested) -> Advance:
    """The same attempt goes on: its targets that run are asked, none is started."""
    name = event.step
    state, running = _taken_up(state, name, event.attempt)
    state, commands = _with_step(state, name, running), (_start_of(name, running),)
    if not running.batches:
        return state, commands
    row, more = _row(state, name).looked(event.batches)
    return _with_row(state, name, row), (*commands, *more)


def _taken_up(state: FlowState, name: str, attempt: int) -> tuple[FlowState, StepStatus]:
    """An ended run that goes on, and its step whose outcome was unknown, running."""
    status = _asked(state, RunAction.RESOLVE, name)
    _current(state, name, attempt)
    running = transit(f"step {name}", status.state, RunState.RUNNING)
    state = replace(state, run=transit("the run", state.run, RunState.RUNNING))
    return state, replace(status, state=running, forced=False, skipped=False)


def _skip(state: FlowState, name: str) -> Advance:
    """A step that only waits is skipped at once; one whose stop hangs, when it is quiet."""
    status = _asked(state, RunAction.SKIP, name)
    if state.run is RunState.STOPPING:
        state = replace(state, run=transit("the run", state.run, RunState.RUNNING))
    if status.state is RunState.STOPPING or _is_between(status):
        is_forced = status.state is RunState.STOPPING
        left = replace(status, state=RunState.STOPPING, forced=is_forced, skipped=True)
        return _mirrored(_with_step(state, name, left)), (StopStep(step=name, force=is_forced),)
    skipped = transit(f"step {name}", status.state, RunState.SKIPPED)
    return _go_on(_with_step(state, name, replace(status, state=skipped)), name)


def _asked(state: FlowState, action: RunAction, name: str) -> StepStatus:
    """The step that `action` is about; IllegalTransition when it may not be asked."""
    status = state.steps.get(name)
    if status is None or not may_act(action, state.run, status.state):
        shown = "not started" if status is None else status.state
        raise IllegalTransition(
            f"the run is {state.run} and step {name} {shown}; {action} is not possible"
        )
    return status


def _cancel(state: FlowState) -> Advance:
    if not may_act(RunAction.STOP, state.run):
        raise IllegalTransition(f"the run is {state.run}; it cannot be stopped")
    steps = dict(state.steps)
    commands: list[AnyCommand] = []
    for name, status in state.steps.items():
        if status.state is RunState.RUNNING or _is_between(status):
            steps[name] = replace(status, state=RunState.STOPPING)
            commands.append(StopStep(step=name))
        elif status.state in (RunState.SUSPENDED, RunState.WAITING_USER, RunState.BATCH_WAITING):
            steps[name] = replace(status, state=RunState.STOPPED)
    state = replace(state, steps=steps)
    if any(status.state not in TERMINAL_RUN_STATES for status in steps.values()):
        return replace(state, run=transit("the run", state.run, RunState.STOPPING)), tuple(commands)
    return _finish_run(state, _run_result(replace(state, run=RunState.STOPPING)))


def _force_stop(state: FlowState) -> Advance:
    if not may_act(RunAction.FORCE_STOP, state.run):
        raise IllegalTransition(
            f"the run is {state.run}; it can be stopped by force only while it stops"
        )
    steps = dict(state.steps)
    commands: list[AnyCommand] = []
    for name, status in state.steps.items():
        if status.state is RunState.STOPPING:
            steps[name] = replace(status, forced=True)
            commands.append(StopStep(step=name, force=True))
    return replace(state, steps=steps), tuple(commands)


def _abandon(state: FlowState) -> Advance:
    if state.run in TERMINAL_RUN_STATES:
        raise IllegalTransition(f"the run is {state.run}; nobody drives it")
    lost = {
        name: status
        if status.state in TERMINAL_RUN_STATES
        else replace(status, state=transit(f"step {name}", status.state, RunState.ABNORMAL))
        for name, status in state.steps.items()
    }
    return _finish_run(replace(state, steps=lost), RunState.ABNORMAL)


def _batch(state: FlowState, event: BatchFinished | BatchDue | BatchChecked) -> Advance:
    status = _current(state, event.step, event.attempt)
    if status.state not in _UNDER_WAY:
        raise IllegalTransition(f"step {event.step} is {status.state}; its batches go on no more")
    row, commands = _row(state, event.step).advance(event)
    return _mirrored(_with_row(state, event.step, row)), commands


def _continue(state: FlowState, name: str) -> Advance:
    _asked(state, RunAction.CONTINUE, name)
    row, commands = _row(state, name).continued()
    return _mirrored(_with_row(state, name, row)), commands


def _row(state: FlowState, name: str) -> batches.Row:
    status, rolling = state.steps[name], state.graph.node(name).rolling
    assert rolling is not None, "only rolling steps have batches"
    return batches.Row(name, status.attempt, rolling, status.batches)


def _with_row(state: FlowState, name: str, row: batches.Row) -> FlowState:
    status, shown = state.steps[name], row.step_state
    if shown is not status.state:
        transit(f"step {name}", status.state, shown)
    return _with_step(state, name, replace(status, state=shown, batches=row.states))


def _is_between(status: StepStatus) -> bool:
    """Whether a step is between two batches: the targets of the others still wait."""
    return bool(status.batches) and status.state in (RunState.BATCH_WAITING, RunState.WAITING_USER)


def _mirrored(state: FlowState) -> FlowState:
    """The run says what it waits for, while none of its steps does anything itself."""
    live = {s.state for s in state.steps.values() if s.state not in TERMINAL_RUN_STATES}
    waits = live - {RunState.WAITING_USER, RunState.BATCH_WAITING} == set()
    shown = RunState.RUNNING
    if live and waits:
        is_asked = RunState.WAITING_USER in live
        shown = RunState.WAITING_USER if is_asked else RunState.BATCH_WAITING
    if state.run in (shown, RunState.STOPPING):
        return state
    return replace(state, run=transit("the run", state.run, shown))


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
    if states & {RunState.ERROR_IGNORED, RunState.SKIPPED}:
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
