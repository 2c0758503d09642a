"""The graph that a run executes: nodes joined by edges that name an outcome.

An ad-hoc command is one node, a job is a chain; both are frozen into the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Self

from pydantic import model_validator

from core.domain.steps import Step
from core.domain.values import Name, Value


class When(StrEnum):
    """The outcome of the source on which an edge is taken."""

    SUCCESS = "success"
    """It succeeded, or its failure is ignored."""


class Edge(Value):
    source: Name
    target: Name
    when: When = When.SUCCESS


class Graph(Value):
    """Nodes are steps, named by the step; the node without incoming edge starts."""

    nodes: tuple[Step, ...]
    edges: tuple[Edge, ...] = ()

    @model_validator(mode="after")
    def _edges_join_nodes(self) -> Self:
        names = {node.name for node in self.nodes}
        for edge in self.edges:
            if edge.source not in names or edge.target not in names:
                raise ValueError(f"edge {edge.source} -> {edge.target} joins no two nodes")
        return self

    def node(self, name: str) -> Step:
        """The step called `name`; KeyError when there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def starts(self) -> tuple[str, ...]:
        """Names of the nodes that nothing leads to."""
        reached = {edge.target for edge in self.edges}
        return tuple(node.name for node in self.nodes if node.name not in reached)

    def after(self, name: str) -> tuple[str, ...]:
        """Names of the nodes that follow `name`."""
        return tuple(edge.target for edge in self.edges if edge.source == name)


def chain(steps: Sequence[Step]) -> Graph:
    """One step after the other."""
    edges = tuple(Edge(source=before.name, target=after.name) for before, after in pairwise(steps))
    return Graph(nodes=tuple(steps), edges=edges)
