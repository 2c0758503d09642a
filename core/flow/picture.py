"""What is drawn of a graph: its nodes with their kinds and states, its edges with their conditions."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.run import RunState
from core.flow.diagram import DrawnEdge, DrawnNode
from core.flow.graph import Graph

UNDO = "undo"
"""What is written on the way from a step to the one that undoes it."""


def picture(
    graph: Graph, states: Mapping[str, RunState] | None = None
) -> tuple[tuple[DrawnNode, ...], tuple[DrawnEdge, ...]]:
    """Nodes and edges for `core.flow.diagram`; `states`: node -> how it went in a run."""
    known = states or {}
    nodes = tuple(
        DrawnNode(name=node.name, kind=node.kind, state=known.get(node.name))
        for node in graph.nodes
    )
    edges = [
        DrawnEdge(source=edge.source, target=edge.target, label=edge.label) for edge in graph.edges
    ]
    edges += [
        DrawnEdge(source=undone, target=step, label=UNDO) for step, undone in graph.undoes.items()
    ]
    return nodes, tuple(edges)
