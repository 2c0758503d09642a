"""How long a run is likely to take, by how long its nodes took in earlier runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median

from core.flow.graph import Graph


def typical(durations_s: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Node -> the median of its durations in seconds."""
    found: dict[str, list[float]] = {}
    for name, duration_s in durations_s:
        found.setdefault(name, []).append(duration_s)
    return {name: median(each) for name, each in found.items()}


def longest_way_s(graph: Graph, typical_s: Mapping[str, float]) -> float | None:
    """Seconds along the way through the graph that takes longest; None where no node ever ran.

    A node that never ran counts as nothing, and of ways that exclude each other the longer one
    is taken: it is what one has to reckon with.
    """
    if not typical_s.keys() & {node.name for node in graph.nodes}:
        return None
    ends_s: dict[str, float] = {}
    for name in _in_order(graph):
        before = (ends_s[graph.edges[index].source] for index in graph.into[name])
        ends_s[name] = max(before, default=0.0) + typical_s.get(name, 0.0)
    return max(end_s for name, end_s in ends_s.items() if name not in graph.undoes)


def _in_order(graph: Graph) -> list[str]:
    """Nodes after those that lead to them."""
    waits = {name: len(edges) for name, edges in graph.into.items()}
    free = [name for name, count in waits.items() if not count]
    for name in free:  # grows as it goes
        for index in graph.out[name]:
            target = graph.edges[index].target
            waits[target] -= 1
            if not waits[target]:
                free.append(target)
    return free
