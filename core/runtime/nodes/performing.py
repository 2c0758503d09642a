"""Which node is performed how."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from core.domain.expressions import ExpressionFault, NotAValue
from core.domain.flow import (
    Call,
    Control,
    Converge,
    End,
    Exclusive,
    ForEach,
    Inclusive,
    Loop,
    Nested,
    Note,
    Parallel,
    Recorded,
    SetVariables,
    Start,
    Wait,
)
from core.domain.flow.nodes import Approval, Notify
from core.domain.run import RunState
from core.errors import Invalid
from core.runtime.nodes import asking, instant, nested, telling, waiting
from core.runtime.nodes.performance import NodeEnd, Performance

PERFORMERS: Mapping[type[Control], Callable[[Performance, Any], Awaitable[NodeEnd | None]]] = {
    Start: instant.go_on,
    Note: instant.go_on,
    Parallel: instant.go_on,
    Exclusive: instant.go_on,
    Inclusive: instant.go_on,
    Converge: instant.converge,
    SetVariables: instant.set_variables,
    End: instant.end,
    Recorded: instant.recorded,
    Wait: waiting.wait,
    Approval: asking.ask,
    Notify: telling.tell,
    Call: nested.call,
    ForEach: nested.for_each,
    Loop: nested.loop,
}


async def perform(performance: Performance) -> NodeEnd | None:
    """How the node ended; None when the engine goes first, and the next one takes it up."""
    node = performance.node
    try:
        performing = PERFORMERS[type(node)](performance, node)
        if isinstance(node, Nested) and node.timeout_s is not None:
            end = await _in_time(performance, node.timeout_s, performing)
        else:
            end = await performing
    except (ExpressionFault, NotAValue) as fault:
        return NodeEnd(state=RunState.FAILED, reason=str(fault), is_error=True)
    if end is None:
        return None
    try:
        holds = await performance.progress.holding(performance.state, node.name, end.state)
    except Invalid as fault:
        reason = f"what follows cannot be decided: {fault}"
        return replace(end, state=RunState.FAILED, reason=reason)
    if end.state is RunState.SUCCEEDED and (why := instant.has_no_way(performance, node, holds)):
        return replace(end, state=RunState.FAILED, reason=why)
    return replace(end, holds=holds)


async def _in_time(
    performance: Performance, timeout_s: float, performing: Awaitable[NodeEnd | None]
) -> NodeEnd | None:
    """How it ended; what takes longer than `timeout_s` from its beginning is stopped."""
    begun_at, _ = await performance.begun()
    work = asyncio.ensure_future(performing)
    alarm = asyncio.ensure_future(performance.sleep_until(begun_at + timedelta(seconds=timeout_s)))
    try:
        await asyncio.wait({work, alarm}, return_when=asyncio.FIRST_COMPLETED)
        is_late = not work.done() and alarm.done() and alarm.result()
        if is_late:
            performance.stop(force=False)
        end = await work
    finally:
        alarm.cancel()
    if is_late and end is not None and end.state is RunState.STOPPED:
        reason = f"it took longer than {timeout_s:g} s, and was stopped"
        return replace(end, state=RunState.TIMED_OUT, reason=reason)
    return end
