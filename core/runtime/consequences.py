"""What an event changed, on disk: the run's state, its steps' states, their batches.

Written with the event itself, so what people see never disagrees with what is replayed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.domain.steps import StepBase
from core.flow.commands import AnyCommand, FinishRun, GiveWay
from core.flow.events import AnyEvent, BatchEvent, BatchFinished, StepFinished
from core.flow.machine import FlowState, StepStatus
from core.storage import approvals, batches, run_writes
from core.storage.run_writes import NodeChange
from core.storage.writer import Transaction


@dataclass(frozen=True, slots=True)
class Advanced:
    """One event, and the states between which it led a run."""

    event: AnyEvent
    actor: str
    reason: str
    """Why, in the event's own words."""
    before: FlowState
    after: FlowState
    commands: Sequence[AnyCommand]
    """What is to be done now; with the event they tell which nodes have changed."""


def keep(tx: Transaction, run_id: str, advances: Sequence[Advanced]) -> None:
    """Store events of one run, one after the other, with all that follows from them."""
    run_writes.append_events(tx, run_id, [(each.event, each.actor) for each in advances])
    nodes: list[NodeChange] = []
    for each in advances:
        nodes += _keep_steps(tx, run_id, each)
    if nodes:
        run_writes.change_nodes(tx, run_id, nodes)
    for each in advances:
        _keep_run(tx, run_id, each)


def _keep_steps(tx: Transaction, run_id: str, each: Advanced) -> list[NodeChange]:
    """Store what became of steps; what became of other nodes is stored together."""
    nodes = []
    for name in _touched(each.event, each.commands, each.after):
        old, status = each.before.steps.get(name), each.after.steps.get(name)
        if status is None or old == status:
            continue
        is_new = old is None or old.attempt != status.attempt
        if not isinstance(each.after.graph.node(name), StepBase):
            if old is not None and not is_new and old.state is status.state:
                continue
            own = name == getattr(each.event, "step", "")
            nodes.append(
                NodeChange(
                    step=name,
                    attempt=status.attempt,
                    state=status.state,
                    reason=each.reason if own and not is_new else "",
                    is_new=is_new,
                )
            )
        elif old is not None and not is_new:  # an attempt is shown once its targets are on record
            change = _Change(name, old, status, each.event, each.reason)
            _keep_batches(tx, run_id, change)
            _keep_step(tx, run_id, change)
    return nodes


def _keep_run(tx: Transaction, run_id: str, each: Advanced) -> None:
    event, before, after, reason = each.event, each.before, each.after, each.reason
    if after.run is before.run:
        return
    if after.run in TERMINAL_RUN_STATES:
        approvals.lapse(tx, run_id, f"the run is {after.run.value}")
    # Why a run was stopped was said by whoever stopped it; a run that goes on has no why.
    said = _waiting_reason(event, after) if isinstance(event, BatchEvent) else reason
    if after.gave_way:
        said = f"gave way to run {after.yields_to}; it goes on in its turn"
    is_told = before.run is RunState.STOPPING or after.run is RunState.RUNNING
    run_writes.set_run_state(tx, run_id, after.run, each.actor, reason="" if is_told else said)


def _touched(event: AnyEvent, commands: Sequence[AnyCommand], after: FlowState) -> Collection[str]:
    """Names of nodes that may have changed: all, where the event is about the whole run."""
    step = getattr(event, "step", "")
    if not step:
        return after.steps.keys()
    found = {step: None}
    for command in commands:
        if not isinstance(command, FinishRun | GiveWay):
            found[command.step] = None
    return found


@dataclass(frozen=True, slots=True)
class _Change:
    """What an event did to one step; `reason` is about the event's own batch, if it is of one."""

    step: str
    old: StepStatus
    new: StepStatus
    event: AnyEvent
    reason: str


def _keep_step(tx: Transaction, run_id: str, change: _Change) -> None:
    old, new, event = change.old, change.new, change.event
    # A step that waits for its retry is shown by how its last attempt ended.
    is_shown_already = old.state is RunState.SUSPENDED and new.state is not RunState.SKIPPED
    if old.state is new.state or is_shown_already:
        return
    shown = new.state
    if shown is RunState.SUSPENDED and isinstance(event, StepFinished):
        shown = event.state
    why = "" if isinstance(event, BatchEvent) else change.reason
    run_writes.set_step_state(tx, run_id, change.step, new.attempt, shown, reason=why)


def _keep_batches(tx: Transaction, run_id: str, change: _Change) -> None:
    step, old, new, event = change.step, change.old, change.new, change.event
    subject = event.batch if isinstance(event, BatchEvent) else None
    for batch, (before, after) in enumerate(zip(old.batches, new.batches, strict=True)):
        if before is not after:
            count = len(new.batches)
            is_idle = batch == subject and isinstance(event, BatchFinished) and not event.ran
            place = (tx, run_id, step, new.attempt, batch)
            if is_idle and batches.stand_as_before(*place, count):
                continue
            why = change.reason if batch == subject else ""
            batches.set_batch(*place, after, count, reason=why)


def _waiting_reason(event: BatchEvent, after: FlowState) -> str:
    """Why a run waits for a person after `event`; "" when it does not."""
    if after.run is not RunState.WAITING_USER:
        return ""
    states = after.steps[event.step].batches
    return (
        f"batch {event.batch + 1} of {len(states)} of step {event.step} {states[event.batch]};"
        " the next one waits for `jobdeck runs continue`"
    )
