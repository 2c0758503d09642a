"""Giving way: a run lets a more urgent one have what it holds, and goes on in its turn. Pure.

Between the request and the moment at which it gives way nothing of it begins: neither a node, nor
a retry, nor the next batch of a step. What is under way comes to its end first; a batch with its
soak and its health check. Then the run is `suspended`, and the machine wants one thing: `GiveWay`,
upon which the runtime lets go of it. It is on disk only then, like a run that is queued.

When its turn has come it is taken up like a run that a dead engine left: by what it owes.

It gives way while nothing goes on but steps marked `preemptible`. Staggered batches concern
each other in nothing, so a step that has them gives way when it has ended.

Progress: from its turn until something of it has ended, it gives way only to classes that are more
urgent than the one to which it gave way last. So between two ends it is suspended at most once for
each class above its own.
"""

from __future__ import annotations

from msgspec.structs import replace

from core.domain.priorities import Priority
from core.domain.run import RunAction, RunState
from core.errors import IllegalTransition
from core.flow import progress
from core.flow.commands import AnyCommand
from core.flow.events import AnyEvent, BatchFinished, StepFinished, YieldRequested
from core.flow.state import UNDER_WAY, Advance, FlowState, going, mirrored, row, with_row

_GOES_ON = frozenset(
    {RunState.RUNNING, RunState.WAITING_USER, RunState.BATCH_WAITING, RunState.SUSPENDED}
)
_OF_RETRIES = frozenset({RunAction.SKIP, RunAction.FAIL})
"""Of a step that waits for its retry nothing is under way, wherever the run is."""
_ASKED_MEANWHILE = _OF_RETRIES | {
    RunAction.STOP,
    RunAction.FORCE_STOP,
    RunAction.PAUSE,
    RunAction.RESUME,
    RunAction.PAUSE_BEFORE,
    RunAction.IGNORE,
    RunAction.CHOOSE_WAY,
}
"""What people may ask of a run that gives way: all that lets nothing begin by itself."""


def bears(state: FlowState) -> int:
    """Of how many classes, the most urgent first, runs may ask it to give way; 0: of none."""
    possible = state.graph.preemptible
    if not possible or state.run not in _GOES_ON or state.gave_way:
        return 0
    if state.yields_to:
        return state.yields_below
    if state.is_paused:
        return 0
    live = state.live
    steady = live.keys() <= possible and UNDER_WAY | {RunState.SUSPENDED} >= set(live.values())
    return state.yields_below if live and steady else 0


def may_ask(state: FlowState, action: RunAction, step: RunState | None = None) -> bool:
    """Whether an action may be asked of a run, and of a step of it, as far as it gives way."""
    if not state.yields_to:
        return True
    if state.gave_way and action in _OF_RETRIES:
        return step is RunState.SUSPENDED
    return action in _ASKED_MEANWHILE


def request(state: FlowState, event: YieldRequested) -> Advance:
    """It gives way at its next boundary: at once, where it is at one."""
    if event.priority.rank >= bears(state):
        raise IllegalTransition(f"the run is {state.run}, and gives way to no {event.priority} run")
    return replace(state, yields_to=event.to, yields_rank=event.priority.rank), ()


def withdraw(state: FlowState) -> Advance:
    """What was withheld goes on."""
    if not state.yields_to or state.gave_way:
        raise IllegalTransition(f"the run is {state.run}, and nobody asks it to give way")
    return _let_go_on(replace(state, yields_to=""))


def go_on(state: FlowState) -> Advance:
    """Its turn has come; what is to be done is what it owes."""
    if not state.gave_way:
        raise IllegalTransition(f"the run is {state.run}, and waits for no turn")
    state = replace(state, yields_to="", gave_way=False, yields_below=state.yields_rank)
    return _let_go_on(going(state))


def _let_go_on(state: FlowState) -> Advance:
    commands: list[AnyCommand] = []
    for name, status in state.steps.items():
        if status.batches and status.state in UNDER_WAY:
            batches, more = row(state, name).let_go_on()
            state = with_row(state, name, batches)
            commands += more
    state, begun = progress.begin_held(state)
    return state, (*commands, *begun)


def settled(state: FlowState, event: AnyEvent) -> FlowState:
    """The run after an event, when it has given way if it can."""
    if isinstance(event, StepFinished) or (isinstance(event, BatchFinished) and event.ran):
        state = replace(state, yields_below=len(Priority))
    if not state.yields_to or state.gave_way:
        return state
    if state.run not in _GOES_ON:
        return replace(state, yields_to="")
    return mirrored(replace(state, gave_way=True)) if _is_at_boundary(state) else state


def _is_at_boundary(state: FlowState) -> bool:
    """Whether nothing of it is under way that has not come to its end."""
    for name, shown in state.live.items():
        is_between = bool(state.steps[name].batches) and row(state, name).is_between
        if shown is not RunState.SUSPENDED and not is_between:
            return False
    return True
