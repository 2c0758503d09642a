"""The run's machine: state and event in, state and commands out.

Theory of operation. A run's state is the state of its nodes and edges; an event changes
one node by the transition table and, by the edges of the graph (`wires`), says what
starts next. Folding a run's stored events gives its state back, so a restarted
engine asks the very same machine what is still owed.

A step that rolls begins with its batches instead of all its targets; what one
batch's end means for the next is in `batches`. What people ask of a run is in `operating`,
how a run goes on in `progress`, how it is taken back in `undoing`, how it gives way to another
in `yielding`. While no node is doing anything itself, the run says what it waits for:
`waiting_user`, `batch_waiting`, `suspended`.

Two rules for editors. This file does not know: time, targets, values, storage; a
step's targets are judged outside (`core.domain.run.step_result`), conditions of edges are too,
and arrive as one `StepFinished`. And an illegal event raises and leaves the state unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from core.domain.run import (
    RUN_WIDE_ACTIONS,
    TERMINAL_RUN_STATES,
    RunAction,
    RunState,
    may_act,
    transit,
)
from core.errors import IllegalTransition
from core.flow import operating, progress, undoing, yielding
from core.flow.commands import AnyCommand, GiveWay, StopStep, WaitForRetry
from core.flow.events import (
    Abandoned,
    AnyEvent,
    BatchChecked,
    BatchDue,
    BatchFinished,
    CancelRequested,
    ContinueRequested,
    FailRequested,
    ForceStopRequested,
    LookRequested,
    PauseBeforeRequested,
    PauseRequested,
    Queued,
    RerunRequested,
    ResumeRequested,
    RetryDue,
    RetryRequested,
    ReviewRefused,
    ReviewRequested,
    RollbackRequested,
    Started,
    StepFinished,
    StepIgnored,
    StepSkipped,
    TargetsResolved,
    TurnCame,
    WayChosen,
    YieldRequested,
    YieldWithdrawn,
)
from core.flow.graph import Graph
from core.flow.state import (
    RETRYABLE,
    UNDER_WAY,
    Advance,
    FlowState,
    StepStatus,
    borne,
    current,
    is_known,
    is_over,
    mirrored,
    row,
    with_row,
    with_step,
)
from core.flow.wires import Outcome
from core.flow.yielding import bears

__all__ = [
    "Advance",
    "FlowState",
    "StepStatus",
    "actions",
    "advance",
    "bears",
    "end_of",
    "fold",
    "owed",
    "steps_for",
]


def advance(state: FlowState, event: AnyEvent) -> Advance:
    """The state after `event` and what is to be done; IllegalTransition changes nothing."""
    after, commands = _follow(state, event)
    after = yielding.settled(after, event)
    if after.gave_way and not state.gave_way:
        return after, (GiveWay(),)
    # Nobody drives a run that gave way: whoever takes it up begins with what it owes.
    if state.gave_way and not after.gave_way and after.run not in TERMINAL_RUN_STATES:
        return after, owed(after)
    return after, commands


def end_of(state: FlowState, event: StepFinished) -> RunState | None:
    """How the event's node ends with it; None where it is tried again, or has ended already."""
    try:
        after, _ = _follow(state, event)
    except IllegalTransition:
        return None
    end = after.steps[event.step]
    return end.state if end.attempt == event.attempt and is_over(end) else None


def _follow(state: FlowState, event: AnyEvent) -> Advance:  # noqa: C901 - one case an event
    match event:
        case Started():
            return _start(state, event)
        case Queued():
            return _wait(state, RunState.QUEUED)
        case ReviewRequested():
            return _wait(state, RunState.WAITING_USER)
        case ReviewRefused(state=result):
            return _refuse(state, result)
        case YieldRequested():
            return yielding.request(state, event)
        case YieldWithdrawn():
            return yielding.withdraw(state)
        case TurnCame():
            return yielding.go_on(state)
        case StepFinished():
            return _finish_step(state, event)
        case RetryDue(step=step, attempt=attempt):
            return _retry(state, step, attempt)
        case BatchFinished() | BatchDue() | BatchChecked():
            return _batch(state, event)
        case ContinueRequested(step=step):
            return _continue(state, step)
        case CancelRequested():
            return operating.cancel(state)
        case ForceStopRequested():
            return operating.force_stop(state)
        case RetryRequested():
            return operating.retry(state, event)
        case StepIgnored():
            return operating.ignore(state, event)
        case StepSkipped():
            return operating.skip(state, event)
        case TargetsResolved():
            return operating.resolve(state, event)
        case LookRequested():
            return operating.look_again(state, event)
        case PauseRequested():
            return operating.pause(state)
        case ResumeRequested():
            return operating.resume(state)
        case PauseBeforeRequested():
            return operating.pause_before(state, event)
        case FailRequested(step=step):
            return operating.fail(state, step)
        case WayChosen():
            return operating.choose_way(state, event)
        case RerunRequested(step=step):
            return operating.rerun(state, step)
        case RollbackRequested(to=to):
            return operating.roll_back(state, to)
        case Abandoned():
            return operating.abandon(state)


def fold(
    graph: Graph, events: Iterable[AnyEvent], batch_counts: Mapping[str, int] | None = None
) -> FlowState:
    """The state that stored events lead to."""
    state = FlowState(graph, batch_counts=batch_counts or {})
    for event in events:
        state, _ = advance(state, event)
    return state


def owed(state: FlowState) -> tuple[AnyCommand, ...]:
    """What a restarted engine must take up again: nodes and batches, retries that waited.

    Nothing of a run that gave way, until its turn comes.
    """
    if state.gave_way:
        return ()
    commands: list[AnyCommand] = []
    for name, status in state.steps.items():
        if status.state is RunState.STOPPING:
            commands += [
                progress.start_of(name, status),
                StopStep(step=name, force=status.forced),
            ]
        elif status.state in UNDER_WAY:
            commands.append(progress.start_of(name, status))
            if status.batches:
                commands += row(state, name).owed()
        elif status.state is RunState.SUSPENDED and name not in state.held:
            commands.append(WaitForRetry(step=name, attempt=status.attempt + 1, delay_s=0))
    return tuple(commands)


def actions(state: FlowState) -> tuple[RunAction, ...]:
    """What an operator may ask of the run."""
    return tuple(action for action in RunAction if _may_ask(state, action))


def _may_ask(state: FlowState, action: RunAction) -> bool:
    if action not in RUN_WIDE_ACTIONS:
        return bool(steps_for(state, action))
    if not (may_act(action, state.run) and yielding.may_ask(state, action)):
        return False
    match action:
        case RunAction.PAUSE:
            return not state.is_paused and len(state.graph.nodes) > 1
        case RunAction.RESUME:
            return state.is_paused
        case RunAction.ROLL_BACK:
            known = all(map(is_known, state.steps.values()))
            return known and bool(undoing.undoable(state))
        case _:
            return True


def steps_for(state: FlowState, action: RunAction) -> tuple[str, ...]:
    """The nodes of which `action` may be asked."""
    begun = action is not RunAction.PAUSE_BEFORE
    names = state.steps if begun else [node.name for node in state.graph.nodes]
    return tuple(name for name in names if operating.may_ask(state, action, name))


def _begins(state: FlowState, begun: RunState) -> RunState:
    """The state of a run that has not begun, and does or waits to.

    The table lets a person take up an ended run, and a run that goes on wait; neither begins.
    """
    if state.run not in (RunState.CREATED, RunState.QUEUED) and not state.awaits_review:
        raise IllegalTransition(f"the run is {state.run}; it has already started")
    return transit("the run", state.run, begun)


def _wait(state: FlowState, waiting: RunState) -> Advance:
    return replace(state, run=_begins(state, waiting)), ()


def _start(state: FlowState, event: Started) -> Advance:
    run = _begins(state, RunState.RUNNING)
    state = replace(state, run=run, left_out=frozenset(event.left_out))
    names = state.graph.starts
    if event.at:
        state, names = operating.start_at(state, event.at), (event.at,)
    state, commands = progress.begin_all(state, names)
    if commands:
        return mirrored(state), commands
    return progress.finish_if_quiet(state)


def _refuse(state: FlowState, result: RunState) -> Advance:
    if not state.awaits_review:
        raise IllegalTransition(f"the run is {state.run}; it does not wait for approval to begin")
    return progress.finish(state, result)


def _finish_step(state: FlowState, event: StepFinished) -> Advance:
    name, status = event.step, current(state, event.step, event.attempt)
    if status.batches:
        status = replace(status, batches=row(state, name).stopped().states)
    node = state.graph.node(name)
    is_running = status.state is RunState.RUNNING
    if event.state in RETRYABLE and event.attempt <= node.retry.times and is_running:
        waiting = transit(f"step {name}", status.state, RunState.SUSPENDED)
        delay_s = node.retry.delay_before(event.attempt + 1)
        return mirrored(with_step(state, name, replace(status, state=waiting))), (
            WaitForRetry(step=name, attempt=event.attempt + 1, delay_s=delay_s),
        )
    end = transit(f"step {name}", status.state, _as_stopped(event.state, status))
    if borne(node, end):
        end = transit(f"step {name}", end, RunState.ERROR_IGNORED)
    outcome = Outcome(end, event.holds, event.marked, event.is_error)
    return progress.go_on(with_step(state, name, replace(status, state=end)), name, outcome)


def _as_stopped(result: RunState, status: StepStatus) -> RunState:
    """A step that was stopped ends as that was meant, or as abnormal where that is the truth."""
    if status.state is not RunState.STOPPING:
        return result
    if status.skipped:
        return RunState.SKIPPED
    if result is RunState.ABNORMAL:
        return result
    return RunState.FAILED if status.failing else RunState.STOPPED


def _retry(state: FlowState, name: str, attempt: int) -> Advance:
    status = current(state, name, attempt - 1)
    # The table lets a person restart more than this: a stopped step, for one.
    if status.state is not RunState.SUSPENDED or name in state.held:
        raise IllegalTransition(f"step {name} is {status.state}; no retry of it is due")
    if state.is_withheld:
        return mirrored(replace(state, held=(*state.held, name))), ()
    again = replace(status, attempt=attempt, winners=False)
    state, commands = progress.begin_again(state, name, again)
    return mirrored(state), commands


def _batch(state: FlowState, event: BatchFinished | BatchDue | BatchChecked) -> Advance:
    status = current(state, event.step, event.attempt)
    if status.state not in UNDER_WAY:
        raise IllegalTransition(f"step {event.step} is {status.state}; its batches go on no more")
    batches, commands = row(state, event.step).advance(event)
    return mirrored(with_row(state, event.step, batches)), commands


def _continue(state: FlowState, name: str) -> Advance:
    operating.asked(state, RunAction.CONTINUE, name)
    batches, commands = row(state, name).continued()
    return mirrored(with_row(state, name, batches)), commands
