"""Flows: nodes joined by edges, and what they are given."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from core.domain.findings import misread
from core.domain.flow.edges import MAX_LINE_CHARACTERS, Edge, parse_edges
from core.domain.flow.nodes import (
    Approval,
    Call,
    Control,
    Converge,
    End,
    Exclusive,
    ForEach,
    Inclusive,
    Loop,
    Note,
    Notify,
    Parallel,
    Recorded,
    SetVariables,
    Start,
    Wait,
)
from core.domain.job import WorkSpec
from core.domain.steps import AnyStep, StepBase
from core.errors import Invalid

Node = Annotated[
    AnyStep
    | Start
    | End
    | Note
    | Exclusive
    | Parallel
    | Inclusive
    | Converge
    | SetVariables
    | Wait
    | Approval
    | Notify
    | Call
    | ForEach
    | Loop,
    Field(discriminator="kind"),
]
"""A step or a control; both have a name, and `kind` says what else."""


GraphNode = Annotated[Node | Recorded, Field(discriminator="kind")]
"""A node of a run: as it was written, or what stands in its place."""


class OnFailure(StrEnum):
    """What follows when a node has failed and no edge leads on from it."""

    STOP = "stop"
    """The other branches end what they have begun; then the run has failed, and can be taken up."""
    ROLL_BACK = "roll_back"
    """The same, and then what was done is undone, the last thing first."""


def _reads(line: str) -> str:
    try:
        parse_edges(line)
    except Invalid as error:
        raise misread(error) from None
    return line


EdgeLine = Annotated[str, StringConstraints(max_length=MAX_LINE_CHARACTERS), AfterValidator(_reads)]
"""A path or one edge with its condition, as `core.domain.flow.edges` reads it."""


class FlowSpec(WorkSpec):
    """Nodes and the edges that join them."""

    nodes: tuple[Node, ...] = Field(min_length=1, max_length=2000)
    edges: tuple[EdgeLine, ...] | None = Field(
        None,
        max_length=5000,
        description="such as `a -> b`, `a -> c on failure`; empty: one node after the other",
    )
    on_failure: OnFailure = OnFailure.STOP

    @cached_property
    def wires(self) -> tuple[Edge, ...]:
        """Its edges, one by one."""
        if self.edges is None:
            return in_order(self.nodes)
        return tuple(edge for line in self.edges for edge in parse_edges(line))

    @property
    def steps(self) -> tuple[StepBase, ...]:
        """Those of its nodes that are steps."""
        return tuple(node for node in self.nodes if isinstance(node, StepBase))


def in_order(nodes: Sequence[StepBase | Control]) -> tuple[Edge, ...]:
    """One node after the other, without those that only undo and those that only tell."""
    undo = {node.undo for node in nodes if isinstance(node, StepBase) and node.undo}
    path = [node for node in nodes if node.name not in undo and not isinstance(node, Note)]
    return tuple(Edge(source=a.name, target=b.name) for a, b in pairwise(path))
