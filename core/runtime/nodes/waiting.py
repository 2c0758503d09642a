"""Waiting: for some time, until a moment, or until the journal tells of something."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from core.domain import expressions
from core.domain.flow import Wait
from core.domain.run import RunState
from core.runtime.nodes.performance import STOPPED, NodeEnd, Performance
from core.storage.journal import Entry
from core.storage.writer import timestamp


async def wait(performance: Performance, node: Wait) -> NodeEnd | None:
    """The moment is settled when the node begins: a later engine waits for the same one."""
    begun_at, kept = await performance.begun()
    if node.event is not None:
        return await _for_event(performance, node, node.event, begun_at, kept)
    if node.for_s is not None:
        moment = begun_at + timedelta(seconds=node.for_s)
    elif "until" in kept:
        moment = datetime.fromisoformat(kept["until"])
    else:
        assert node.until is not None
        value = await performance.value(node.until)
        if not isinstance(value, datetime):
            return NodeEnd(state=RunState.FAILED, reason=f"`until` is no moment: {node.until}")
        moment = value
        if moment <= performance.services.clock.now():
            reason = f"`until` was over when it began: {timestamp(moment)}"
            return NodeEnd(state=RunState.FAILED, reason=reason)
        await performance.keep({"until": moment.isoformat()})
    if await performance.sleep_until(moment):
        return NodeEnd(outputs={"until": moment.isoformat()})
    return STOPPED if performance.stopped.is_set() else None


async def _for_event(
    performance: Performance, node: Wait, text: str, begun_at: datetime, kept: dict[str, Any]
) -> NodeEnd | None:
    services = performance.services
    after = kept.get("after")
    if after is None:
        after = services.journal.latest()
        await performance.keep({"after": after})
    found: list[Entry] = []
    looking = asyncio.ensure_future(_first(performance, text, after, found))
    try:
        if node.timeout_s is None:
            await performance.idle(asyncio.shield(looking))
        else:
            deadline = begun_at + timedelta(seconds=node.timeout_s)
            sleeping = asyncio.ensure_future(performance.sleep_until(deadline))
            try:
                await asyncio.wait({looking, sleeping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleeping.cancel()
    finally:
        looking.cancel()
    if found:
        entry = found[0]
        return NodeEnd(outputs={"event": _as_value(entry)})
    if performance.stopped.is_set():
        return STOPPED
    if performance.is_leaving:
        return None
    return NodeEnd(state=RunState.TIMED_OUT, reason=f"nothing happened within {node.timeout_s:g} s")


async def _first(performance: Performance, text: str, after: int, found: list[Entry]) -> None:
    """Put the first entry for which the condition holds into `found`."""
    expression = expressions.parse(text)
    scope = await performance.scope(expression.names)
    async for entry in performance.services.journal.follow(after):
        event = expressions.as_value(_as_value(entry))
        # An entry that has not what the condition asks for is another kind of entry.
        with suppress(expressions.ExpressionFault):
            if expression.holds({**scope, "event": event}):
                found.append(entry)
                return


def _as_value(entry: Entry) -> dict[str, Any]:
    return {
        "type": entry.type,
        "subject": entry.subject,
        "actor": entry.actor,
        "at": entry.at,
        "data": entry.data,
    }
