"""The graph that a run executes: nodes joined by edges that name an outcome.

An ad-hoc command is one node, a job is a chain, a flow is drawn; all are frozen into the run.
A graph has no cycle: what is repeated is a run of its own (`core.domain.flow.Loop`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Self

from pydantic import model_validator

from core.domain.flow import Edge, GraphNode, OnFailure, in_order
from core.domain.steps import Step, StepBase
from core.domain.values import Value


class Graph(Value):
    """Nodes and edges. A node without incoming edge starts, unless it only undoes."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[Edge, ...] = ()
    on_failure: OnFailure = OnFailure.STOP

    @model_validator(mode="after")
    def _edges_join_nodes(self) -> Self:
        for edge in self.edges:
            if edge.source not in self._by_name or edge.target not in self._by_name:
                raise ValueError(f"edge {edge.source} -> {edge.target} joins no two nodes")
        return self

    @cached_property
    def _by_name(self) -> dict[str, GraphNode]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Those of the nodes that are steps, in their order."""
        return tuple(node for node in self.nodes if isinstance(node, StepBase))

    @cached_property
    def step_names(self) -> frozenset[str]:
        return frozenset(step.name for step in self.steps)

    @cached_property
    def undoes(self) -> Mapping[str, str]:
        """Step that only undoes -> the step that it undoes."""
        return {node.undo: node.name for node in self.steps if node.undo is not None}

    @cached_property
    def preemptible(self) -> frozenset[str]:
        """Steps after which, or between whose batches, the run may give way to another."""
        return frozenset(step.name for step in self.steps if step.preemptible) - self.undoes.keys()

    @cached_property
    def out(self) -> Mapping[str, tuple[int, ...]]:
        """Node -> indices of the edges that leave it, in their order."""
        return self._indices(edge.source for edge in self.edges)

    @cached_property
    def into(self) -> Mapping[str, tuple[int, ...]]:
        """Node -> indices of the edges that lead to it."""
        return self._indices(edge.target for edge in self.edges)

    def _indices(self, names: Iterable[str]) -> Mapping[str, tuple[int, ...]]:
        found: dict[str, list[int]] = {node.name: [] for node in self.nodes}
        for index, name in enumerate(names):
            found[name].append(index)
        return {name: tuple(indices) for name, indices in found.items()}

    def node(self, name: str) -> GraphNode:
        """The node called `name`; KeyError when there is none."""
        return self._by_name[name]

    def step(self, name: str) -> Step:
        """The step called `name`; KeyError when no step is called so."""
        node = self._by_name[name]
        if not isinstance(node, StepBase):
            raise KeyError(name)
        return node

    @cached_property
    def starts(self) -> tuple[str, ...]:
        """Names of the nodes that the run begins with."""
        return tuple(
            node.name
            for node in self.nodes
            if not self.into[node.name] and node.name not in self.undoes and node.kind != "note"
        )

    def with_steps(self, steps: Iterable[Step]) -> Graph:
        """The same graph, whose steps say more."""
        new = {step.name: step for step in steps}
        nodes = tuple(new.get(node.name, node) for node in self.nodes)
        return Graph(nodes=nodes, edges=self.edges, on_failure=self.on_failure)

    def after(self, name: str) -> frozenset[str]:
        """Every node that some path leads to from `name`."""
        return self._reached(name, lambda node: (self.edges[i].target for i in self.out[node]))

    def before(self, name: str) -> frozenset[str]:
        """Every node from which some path leads to `name`."""
        return self._reached(name, lambda node: (self.edges[i].source for i in self.into[node]))

    def _reached(self, name: str, near: Callable[[str], Iterable[str]]) -> frozenset[str]:
        found: set[str] = set()
        rest = [name]
        while rest:
            for each in near(rest.pop()):
                if each not in found:
                    found.add(each)
                    rest.append(each)
        return frozenset(found)


def chain(steps: Sequence[Step]) -> Graph:
    """One step after the other."""
    return Graph(nodes=tuple(steps), edges=in_order(steps))
