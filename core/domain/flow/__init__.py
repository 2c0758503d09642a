"""Flows as people define them: nodes, edges, and what must hold before one is saved."""

from core.domain.flow.checking import check_draft, check_flow, check_undoes
from core.domain.flow.document import EdgeLine, FlowSpec, GraphNode, Node, OnFailure, in_order
from core.domain.flow.draft import Draft
from core.domain.flow.edges import Edge, When, parse_edges
from core.domain.flow.nodes import (
    Call,
    Control,
    Converge,
    End,
    EndResult,
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
from core.domain.flow.speaking import names_known
from core.domain.steps.base import OnTimeout

__all__ = [
    "Call",
    "Control",
    "Converge",
    "Draft",
    "Edge",
    "EdgeLine",
    "End",
    "EndResult",
    "Exclusive",
    "FlowSpec",
    "ForEach",
    "GraphNode",
    "Inclusive",
    "Loop",
    "Nested",
    "Node",
    "Note",
    "OnFailure",
    "OnTimeout",
    "Parallel",
    "Recorded",
    "SetVariables",
    "Start",
    "Wait",
    "When",
    "check_draft",
    "check_flow",
    "check_undoes",
    "in_order",
    "names_known",
    "parse_edges",
]
