"""Nodes that end in the moment in which they begin."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from core.domain import expressions
from core.domain.flow import Control, Converge, End, Exclusive, Inclusive, Recorded, SetVariables
from core.domain.run import RunState
from core.flow.state import Arrivals
from core.runtime.nodes.performance import NodeEnd, Performance


async def go_on(_performance: Performance, _node: Control) -> NodeEnd:
    """Nothing is done; a gateway's ways are chosen by their conditions, which are asked at its end."""
    return NodeEnd()


def has_no_way(performance: Performance, node: Control, holds: Collection[int]) -> str:
    """Why a gateway leads nowhere; "" where it leads on, or is none."""
    if not isinstance(node, Exclusive | Inclusive):
        return ""
    graph = performance.definition.graph
    ways = [
        index
        for index in graph.out[node.name]
        if index in holds or graph.edges[index].condition is None
    ]
    return "" if ways else "no condition holds, and no edge says `otherwise`"


async def converge(performance: Performance, node: Converge) -> NodeEnd:
    arrived = performance.state.arrivals.get(node.name, Arrivals()).taken
    if node.needed is not None and arrived < node.needed:
        return NodeEnd(
            state=RunState.FAILED,
            reason=f"{arrived} branches arrived, and it waits for {node.needed}",
        )
    return NodeEnd()


async def set_variables(performance: Performance, node: SetVariables) -> NodeEnd:
    """Each sees those that were set before it."""
    found: dict[str, Any] = {}
    for name, text in node.variables.items():
        known = {**performance.progress.outputs, **found}
        found[name] = expressions.to_json(await performance.value(text, {"vars": known}))
    return NodeEnd(outputs=found)


async def end(performance: Performance, node: End) -> NodeEnd:
    return NodeEnd(reason="" if node.message is None else await performance.filled(node.message))


async def recorded(_performance: Performance, node: Recorded) -> NodeEnd:
    """Nothing is performed: a test has frozen it."""
    return NodeEnd(outputs=node.outputs, reason=f"not performed: outputs of run {node.run}")
