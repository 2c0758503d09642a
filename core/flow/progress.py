"""How a run goes on: nodes begin, what follows them begins, and at last the run ends. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from core.domain.flow import End, EndResult, OnFailure
from core.domain.run import BatchState, RunState, transit
from core.flow import undoing, wires
from core.flow.commands import AnyCommand, FinishRun, StartStep
from core.flow.state import (
    BAD,
    Advance,
    FlowState,
    StepStatus,
    is_handled,
    is_quiet,
    mirrored,
    row,
    with_row,
    with_step,
)
from core.flow.wires import Outcome


def begin_all(state: FlowState, names: Iterable[str]) -> Advance:
    """Nodes whose turn it is: they begin, are passed by, or wait while the run is paused."""
    commands: list[AnyCommand] = []
    rest = list(names)
    for name in rest:  # grows as it goes
        if name in state.left_out:
            state, ready = wires.decide(state, name, wires.passed_by(state, name))
            rest += ready
        elif state.is_withheld or name in state.stops_before:
            state = replace(
                state,
                is_paused=state.is_paused or name in state.stops_before,
                held=(*state.held, name),
                stops_before=state.stops_before - {name},
            )
        else:
            before = state.attempts.get(name, 0)
            # What runs anew runs everywhere, also where it had succeeded.
            status = StepStatus(RunState.RUNNING, before + 1, winners=before > 0)
            state, more = begin(state, name, status)
            commands += more
    return state, tuple(commands)


def begin_held(state: FlowState) -> Advance:
    """What was withheld begins, where nothing withholds it any more."""
    if state.is_withheld:
        return mirrored(state), ()
    held, state = state.held, replace(state, held=())
    commands: list[AnyCommand] = []
    for name in held:
        waits = state.steps.get(name)
        if waits is not None and waits.state is RunState.SUSPENDED:
            again = replace(waits, attempt=waits.attempt + 1, winners=False)
            state, more = begin_again(state, name, again)
        else:
            state, more = begin_all(state, [name])
        commands += more
    state, more = finish_if_quiet(state)
    return state, (*commands, *more)


def begin(state: FlowState, name: str, status: StepStatus) -> Advance:
    """A node's attempt begins; that of a rolling step with its first batches."""
    commands: tuple[AnyCommand, ...] = (start_of(name, status),)
    if state.graph.node(name).asks_people:
        return with_step(state, name, replace(status, state=RunState.WAITING_USER)), commands
    count = state.batch_counts.get(name, 0)
    state = with_step(state, name, replace(status, batches=(BatchState.WAITING,) * count))
    if count:
        batches, more = row(state, name).begin()
        state, commands = with_row(state, name, batches), (*commands, *more)
    return state, commands


def begin_again(state: FlowState, name: str, status: StepStatus) -> Advance:
    """Another attempt of a node that had ended or waited."""
    asks = state.graph.node(name).asks_people
    again = RunState.WAITING_USER if asks else RunState.RUNNING
    running = replace(status, state=transit(f"step {name}", status.state, again))
    return begin(state, name, running)


def start_of(name: str, status: StepStatus) -> StartStep:
    return StartStep(
        step=name,
        attempt=status.attempt,
        targets=status.targets,
        winners=status.winners,
        env=status.env,
    )


def go_on(state: FlowState, name: str, outcome: Outcome) -> Advance:
    """What follows the end of node `name`: the nodes after it, or the end of the run."""
    if name in state.graph.undoes:
        return undoing.go_on(state, name)
    commands: tuple[AnyCommand, ...] = ()
    taken = None if state.run is RunState.STOPPING else wires.chosen(state, name, outcome)
    if taken is not None:
        state, ready = wires.decide(state, name, taken)
        state, commands = begin_all(state, ready)
    state, more = finish_if_quiet(state)
    return state, (*commands, *more)


def finish_if_quiet(state: FlowState) -> Advance:
    """The end of the run, or of its way forward, when nothing is left to do."""
    if not is_quiet(state):
        return mirrored(state), ()
    # A pause that holds nothing keeps no run from its end.
    state = mirrored(replace(state, is_paused=False, yields_to="", gave_way=False))
    result = _result(state)
    may_undo = result in BAD and state.graph.on_failure is OnFailure.ROLL_BACK
    if may_undo and undoing.undoable(state):
        return undoing.begin(state, "")
    return finish(state, result)


def finish(state: FlowState, result: RunState) -> Advance:
    if state.run is not result:
        transit("the run", state.run, result)
    state = replace(state, run=result, is_paused=False, held=(), yields_to="", gave_way=False)
    return state, (FinishRun(state=result),)


def _result(state: FlowState) -> RunState:
    """What the run is called, by its nodes."""
    of_steps = {
        name: status for name, status in state.steps.items() if name not in state.graph.undoes
    }
    states = {status.state for status in of_steps.values()}
    if RunState.ABNORMAL in states:
        return RunState.ABNORMAL
    # A branch may have been stopped while another one was taken up again.
    if state.run is RunState.STOPPING or RunState.STOPPED in states:
        return RunState.STOPPED
    unhandled = {
        status.state
        for name, status in of_steps.items()
        if status.state in BAD and not is_handled(state, name)
    }
    for bad in (
        RunState.REJECTED,
        RunState.TIMED_OUT,
        RunState.FAILED,
        RunState.PARTIALLY_SUCCEEDED,
    ):
        if bad in unhandled:
            return bad
    ends = {
        node.result
        for name in of_steps
        if isinstance(node := state.graph.node(name), End) and node.result is not None
    }
    if EndResult.FAILED in ends:
        return RunState.FAILED
    if ends:
        return RunState.SUCCEEDED
    return RunState.SUCCEEDED if states <= {RunState.SUCCEEDED} else RunState.PARTIALLY_SUCCEEDED
