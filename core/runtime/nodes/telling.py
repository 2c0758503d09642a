"""Telling people over channels: the notice is in the outbox when the node has succeeded."""

from __future__ import annotations

from core.domain.flow.nodes import Notify
from core.domain.run import RunState
from core.errors import NotFound
from core.runtime.nodes.performance import NodeEnd, Performance


async def tell(performance: Performance, node: Notify) -> NodeEnd:
    subject = await performance.filled(node.subject)
    body = await performance.filled(node.body)
    key = f"node/{performance.run_id}/{node.name}/{performance.attempt}"
    try:
        await performance.services.notify(node.channels, subject, body, key)
    except NotFound as gone:
        return NodeEnd(state=RunState.FAILED, reason=str(gone), is_error=True)
    return NodeEnd()
