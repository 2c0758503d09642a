"""What an event changed, on disk: the run's state, its steps' states, their batches.

Written with the event itself, so what people see never disagrees with what is replayed.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.domain.steps import StepBase
from core.flow.events import AnyEvent, BatchEvent, BatchFinished, StepFinished
from core.flow.machine import FlowState, StepStatus
from core.storage import approvals, batches, run_writes
from core.storage.writer import Transaction


def keep(
    tx: Transaction,
    run_id: str,
    event: AnyEvent,
    before: FlowState,
    after: FlowState,
    actor: str,
    reason: str,
) -> None:
    """Store `event`, which led from `before` to `after`; `reason` is its own."""
    run_writes.append_event(tx, run_id, event, actor)
    for name, status in after.steps.items():
        old = before.steps.get(name)
        if _has_begun(old, status) and not isinstance(after.graph.node(name), StepBase):
            run_writes.open_step(tx, run_id, name, status.attempt, (), status.state)
        # An attempt is shown once its targets are on record.
        if old is not None and old != status and old.attempt == status.attempt:
            change = _Change(name, old, status, event, reason)
            _keep_batches(tx, run_id, change)
            _keep_step(tx, run_id, change)
    if after.run in TERMINAL_RUN_STATES:
        approvals.lapse(tx, run_id, f"the run is {after.run.value}")
    if after.run is not before.run:
        # Why a run was stopped was said by whoever stopped it; a run that goes on has no why.
        said = _waiting_reason(event, after) if isinstance(event, BatchEvent) else reason
        is_told = before.run is RunState.STOPPING or after.run is RunState.RUNNING
        run_writes.set_run_state(tx, run_id, after.run, actor, reason="" if is_told else said)


def _has_begun(old: StepStatus | None, new: StepStatus) -> bool:
    return old is None or old.attempt != new.attempt


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
            if batch == subject and isinstance(event, BatchFinished) and not event.ran:
                batches.stand_as_before(tx, run_id, step, new.attempt, batch, count)
                continue
            why = change.reason if batch == subject else ""
            batches.set_batch(tx, run_id, step, new.attempt, batch, after, count, reason=why)


def _waiting_reason(event: BatchEvent, after: FlowState) -> str:
    """Why a run waits for a person after `event`; "" when it does not."""
    if after.run is not RunState.WAITING_USER:
        return ""
    states = after.steps[event.step].batches
    return (
        f"batch {event.batch + 1} of {len(states)} of step {event.step} {states[event.batch]};"
        " the next one waits for `jobdeck runs continue`"
    )
