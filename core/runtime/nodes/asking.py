"""Asking people: an approval is on record before anybody is told, and so is every vote."""

from __future__ import annotations

import asyncio
import hashlib
import json

from core.domain.approval import ApprovalState
from core.domain.flow.nodes import Approval
from core.domain.run import RunState
from core.errors import Invalid
from core.flow.comparing import digest
from core.runtime.nodes.performance import STOPPED, NodeEnd, Performance
from core.storage.approvals import ApprovalPlace

_ENDS = {
    ApprovalState.APPROVED: RunState.SUCCEEDED,
    ApprovalState.DENIED: RunState.REJECTED,
    ApprovalState.TIMED_OUT: RunState.TIMED_OUT,
    ApprovalState.LAPSED: RunState.REJECTED,
}


async def ask(performance: Performance, node: Approval) -> NodeEnd | None:
    approvals = performance.services.approvals
    place = ApprovalPlace(run_id=performance.run_id, step=node.name, attempt=performance.attempt)
    subject = _subject(performance)
    try:
        await approvals.open(
            place,
            node.asked,
            message=await performance.filled(node.message),
            requester=performance.requester,
            digest=subject,
        )
    except Invalid as impossible:
        return NodeEnd(state=RunState.FAILED, reason=str(impossible), is_error=True)
    deciding = asyncio.ensure_future(approvals.wait(place, digest=subject))
    await performance.idle(asyncio.shield(deciding))
    if not deciding.done():
        deciding.cancel()
        if performance.is_leaving and not performance.stopped.is_set():
            return None
        await approvals.withdraw(place, "the run was stopped")
        return STOPPED
    row = deciding.result()
    return NodeEnd(state=_ENDS[row.state], reason=row.reason, outputs=dict(row.outputs))


def _subject(performance: Performance) -> str:
    """Of what is approved: what runs, where, and the values that it has come to."""
    values = json.dumps(performance.progress.outputs, sort_keys=True, default=str)
    return hashlib.sha256(f"{digest(performance.definition)}{values}".encode()).hexdigest()
