"""Runs that others approve before they begin: one approval for each rule of level review.

Such a run is accepted like any other and waits; what is approved is its frozen definition, so
nothing that changes in between changes what runs. The record alone decides: an engine that
comes back between a decision and what follows from it looks at it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from core.domain.approval import ApprovalSpec, ApprovalState
from core.domain.run import RunState
from core.errors import NotFound
from core.flow.comparing import digest
from core.flow.definition import RunDefinition
from core.flow.events import AnyEvent, ReviewRefused
from core.runtime.approvals import Approvals
from core.storage import documents
from core.storage.approvals import ApprovalPlace, ApprovalRow
from core.storage.reading import Connection
from core.storage.schedules import schedule_of
from core.storage.writer import Transaction

_PREFIX = "rule/"
"""No step's name has a slash."""

_ENDS = {
    ApprovalState.DENIED: RunState.REJECTED,
    ApprovalState.LAPSED: RunState.REJECTED,
    ApprovalState.TIMED_OUT: RunState.TIMED_OUT,
}


def requester_of(connection: Connection, actor: str) -> str:
    """The person behind a start: of a schedule's, who wrote the schedule last."""
    schedule = schedule_of(actor)
    if schedule is None:
        return actor
    with suppress(NotFound):
        return documents.get(connection, "schedule", schedule).updated_by
    return actor


def ask(
    tx: Transaction,
    approvals: Approvals,
    run_id: str,
    wanted: Mapping[str, ApprovalSpec],
    definition: RunDefinition,
    actor: str,
) -> None:
    """Ask for every rule, in the transaction that creates the run.

    Raises Invalid where nobody could ever approve one of them.
    """
    if not wanted:
        return
    subject, requester = digest(definition), requester_of(tx.connection, actor)
    for rule, spec in wanted.items():
        place = ApprovalPlace(run_id=run_id, step=f"{_PREFIX}{rule}")
        approvals.ask(tx, place, spec, message=spec.message, requester=requester, digest=subject)


def reason_of(wanted: Mapping[str, ApprovalSpec]) -> str:
    """Why a run waits."""
    rules = ", ".join(wanted)
    return f"rule {rules}: others approve it before it begins; `jobdeck approvals list`"


def judge(rows: Sequence[ApprovalRow], definition: RunDefinition) -> tuple[AnyEvent | None, str]:
    """What the approvals of a waiting run mean for it, and why; no event: it waits still."""
    asked = [row for row in rows if row.step.startswith(_PREFIX)]
    for row in asked:
        if (end := _ENDS.get(row.state)) is not None:
            rule = row.step.removeprefix(_PREFIX)
            return ReviewRefused(state=end), f"rule {rule}: {row.state.value}: {row.reason}"
    if all(row.state is ApprovalState.APPROVED for row in asked):
        return definition.beginning, ""
    return None, ""
