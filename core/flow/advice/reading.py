"""A run as it is on record, as what advice is made from.

What a node reads is not declared anywhere: a step may name an output in a script. So a node is taken
to use another when it mentions the other's name or the name of one of its outputs, anywhere. That
finds too much rather than too little, and leaves a suggestion out rather than give a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.flow.advice.timings import FinishedRun, NodeTiming
from core.flow.graph import Graph

_NAME = re.compile(r"[\w-]+")
_WORD = re.compile(r"\w+")
_READS_FILES = frozenset({"push", "distribute"})
"""Kinds of steps that put values into files whose text is not in the definition."""


@dataclass(frozen=True, slots=True)
class NodeAttempt:
    """One attempt of a node; times in seconds after any moment, the same for the whole run."""

    node: str
    started_s: float
    ended_s: float
    outputs: frozenset[str] = frozenset()
    """Their names."""


@dataclass(frozen=True, slots=True)
class HostAttempt:
    """What one attempt of a node took on one host; of several, the last counts."""

    node: str
    host: str
    took_s: float
    has_failed: bool


def finished_run(
    definition: Mapping[str, Any],
    attempts: Sequence[NodeAttempt],
    hosts: Iterable[HostAttempt],
) -> FinishedRun:
    """The run as advice sees it; `definition` is its frozen one in JSON, attempts in their order."""
    graph = Graph.model_validate(definition["graph"])
    by_node: dict[str, list[NodeAttempt]] = {}
    for attempt in attempts:
        by_node.setdefault(attempt.node, []).append(attempt)
    last = {(found.node, found.host): found for found in hosts}
    texts = _texts_of_nodes(definition)
    produced = {name: frozenset().union(*(a.outputs for a in by_node[name])) for name in by_node}
    nodes = tuple(
        NodeTiming(
            name=name,
            started_s=found[0].started_s,
            ended_s=found[-1].ended_s,
            attempts=len(found),
            hosts_s={host: each.took_s for (node, host), each in last.items() if node == name},
            failed_hosts=frozenset(
                host for (node, host), each in last.items() if node == name and each.has_failed
            ),
            timeout_s=getattr(graph.node(name), "timeout_s", None),
            uses=frozenset(
                other
                for other in by_node
                if other != name and _mentions(texts[name], {other, *produced[other]})
            ),
        )
        for name, found in by_node.items()
    )
    return FinishedRun(
        nodes=nodes,
        edges=tuple(_taken(graph, nodes)),
        declared=_declared(definition, graph),
        used=frozenset().union(*texts.values()),
    )


def _mentions(words: frozenset[str], names: Iterable[str]) -> bool:
    """Whether every word of one of the names is there; a name may have dots, which no word has."""
    return any(words.issuperset(_NAME.findall(name)) for name in names)


def _taken(graph: Graph, nodes: Sequence[NodeTiming]) -> Iterator[tuple[str, str]]:
    """Edges whose target began after their source had ended."""
    timings = {timing.name: timing for timing in nodes}
    for edge in graph.edges:
        source, target = timings.get(edge.source), timings.get(edge.target)
        if source and target and target.started_s >= source.ended_s:
            yield edge.source, edge.target


def _declared(definition: Mapping[str, Any], graph: Graph) -> frozenset[str]:
    """Parameters, where every text that could refer to one is known."""
    if any(node.kind in _READS_FILES for node in graph.nodes):
        return frozenset()
    return frozenset(definition.get("parameters", {}))


def _texts_of_nodes(definition: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Node -> every word of its definition, of its script, and of the edges that lead to it."""
    graph = definition["graph"]
    found: dict[str, set[str]] = {}
    for node in graph["nodes"]:
        own = {key: value for key, value in node.items() if key not in ("name", "kind")}
        script = definition.get("scripts", {}).get(node["name"], {})
        found[node["name"]] = set(_words([own, script]))
    for edge in graph.get("edges", ()):
        found[edge["target"]].update(_words(edge.get("condition", "")))
    return {name: frozenset(words) for name, words in found.items()}


def _words(data: Any) -> Iterator[str]:
    """Words of all strings in JSON data, with their hyphens and without."""
    if isinstance(data, str):
        yield from _NAME.findall(data)
        yield from _WORD.findall(data)
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _words([key, value])
    elif isinstance(data, Sequence):
        for value in data:
            yield from _words(value)
