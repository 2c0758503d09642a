"""Undoing what a run did: the steps that take it back run one after the other, the last thing first.

A step says by name which step undoes it. That one is in the graph from the start, so its hosts,
its script and its dangers are settled before anything has happened, and no edge leads to it. A
step that failed or was stopped is undone too: part of what it does may have been done.

    running/failed/... -> rolling_back -> rolled_back
                                      `-> rollback_failed -> (retry) rolling_back
"""

from __future__ import annotations

from msgspec.structs import replace

from core.domain.run import RunState, transit
from core.domain.steps import StepBase
from core.errors import IllegalTransition
from core.flow import progress
from core.flow.commands import FinishRun
from core.flow.state import GOES_ON, Advance, FlowState, StepStatus, with_step


def undoable(state: FlowState, to: str = "") -> tuple[str, ...]:
    """Steps whose work can be taken back, the last one first; with `to`, those that follow it."""
    found = []
    after = state.graph.after(to) if to else None
    for name, status in state.steps.items():
        node = state.graph.node(name)
        has_undo = isinstance(node, StepBase) and node.undo is not None
        is_left = status.undone or status.state is RunState.SKIPPED
        if has_undo and not is_left and (after is None or name in after):
            found.append(name)
    return tuple(reversed(found))


def begin(state: FlowState, to: str) -> Advance:
    """The first undo starts; IllegalTransition where there is nothing to undo."""
    if to and to not in state.steps:
        raise IllegalTransition(f"step {to} has not run; the run cannot go back to it")
    names = undoable(state, to)
    if not names:
        what = f"nothing that followed step {to}" if to else "nothing of what the run did"
        raise IllegalTransition(f"{what} can be undone: no step of it says how (`undo`)")
    rolling = transit("the run", state.run, RunState.ROLLING_BACK)
    state = replace(state, run=rolling, undoing=names, is_paused=False, held=())
    state = replace(state, yields_to="", gave_way=False)
    return _next(state)


def again(state: FlowState) -> FlowState:
    """The run, whose rollback had failed or was stopped, rolling back again."""
    return replace(state, run=transit("the run", state.run, RunState.ROLLING_BACK))


def go_on(state: FlowState, name: str) -> Advance:
    """What follows the end of an undo."""
    status = state.steps[name]
    if state.run is RunState.STOPPING:
        return progress.finish_if_quiet(state)
    if status.state is RunState.ABNORMAL:
        return progress.finish(state, RunState.ABNORMAL)
    if status.state not in GOES_ON:
        return progress.finish(state, RunState.ROLLBACK_FAILED)
    undone = state.graph.undoes[name]
    state = with_step(state, undone, replace(state.steps[undone], undone=True))
    state = replace(state, undoing=state.undoing[1:])
    if state.undoing:
        return _next(state)
    ended = transit("the run", state.run, RunState.ROLLED_BACK)
    return replace(state, run=ended), (FinishRun(state=RunState.ROLLED_BACK),)


def _next(state: FlowState) -> Advance:
    node = state.graph.step(state.undoing[0])
    assert node.undo is not None, "only steps that say how are undone"
    before = state.steps.get(node.undo)
    attempt = 1 if before is None else before.attempt + 1
    status = StepStatus(RunState.RUNNING, attempt, winners=before is not None)
    return progress.begin(state, node.undo, status)
