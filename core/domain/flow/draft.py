"""A flow as far as it can be read: where some of it is wrong, the rest is still looked at. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from core.domain.flow.document import FlowSpec, Node, in_order
from core.domain.flow.edges import MAX_LINE_CHARACTERS, Edge, parse_edges
from core.domain.job import Parameter
from core.errors import Invalid

_T = TypeVar("_T")
_NODE: TypeAdapter[Node] = TypeAdapter(Node)
_PARAMETERS: TypeAdapter[tuple[Parameter, ...]] = TypeAdapter(tuple[Parameter, ...])


class Part(IntEnum):
    """How much of a flow can be read; each is more than the one before."""

    SOME = 0
    EDGES = 1
    """All edges, and all names of nodes."""
    ALL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Parameters, nodes and edges; of what cannot be read, that it is there."""

    parameters: Sequence[Parameter] | None
    """None: they cannot be read."""
    nodes: Sequence[tuple[str, Node | None]]
    """Names, "" where there is none, and what can be read."""
    edges: Sequence[tuple[str, Edge]]
    """Each with its place."""
    has_all_edges: bool
    """Whether no edge is left out."""

    @property
    def read_so_far(self) -> Part:
        """How much of nodes and edges can be read."""
        if not self.has_all_edges or any(not name for name, _ in self.nodes):
            return Part.SOME
        return Part.ALL if all(node is not None for _, node in self.nodes) else Part.EDGES

    @classmethod
    def of(cls, spec: FlowSpec) -> Draft:
        """A flow that can be read."""
        return _drafted(spec.parameters, [(node.name, node) for node in spec.nodes], spec.edges)

    @classmethod
    def read(cls, raw: Any) -> Draft:
        """What can be read of the plain values of a spec."""
        given = raw if isinstance(raw, Mapping) else {}
        return _drafted(
            _read(_PARAMETERS, given.get("parameters") or ()),
            [*map(_node, _items(given.get("nodes")))],
            None if given.get("edges") is None else _items(given["edges"]),
        )


def _drafted(
    parameters: Sequence[Parameter] | None,
    nodes: Sequence[tuple[str, Node | None]],
    lines: Sequence[Any] | None,
) -> Draft:
    if lines is None:
        read = [node for _, node in nodes if node is not None]
        has_order = len(nodes) == len(read) == len(dict(nodes))
        return Draft(
            parameters=parameters,
            nodes=nodes,
            edges=[("spec.nodes", edge) for edge in in_order(read)] if has_order else [],
            has_all_edges=has_order,
        )
    read_lines = [_line(line) for line in lines]
    return Draft(
        parameters=parameters,
        nodes=nodes,
        edges=[
            (f"spec.edges[{index}]", edge)
            for index, edges in enumerate(read_lines)
            for edge in edges or ()
        ],
        has_all_edges=None not in read_lines,
    )


def _line(line: Any) -> Sequence[Edge] | None:
    if not isinstance(line, str) or len(line) > MAX_LINE_CHARACTERS:
        return None
    try:
        return parse_edges(line)
    except Invalid:
        return None


def _node(raw: Any) -> tuple[str, Node | None]:
    name = raw.get("name") if isinstance(raw, Mapping) else None
    return name if isinstance(name, str) else "", _read(_NODE, raw)


def _read(type_: TypeAdapter[_T], raw: Any) -> _T | None:
    try:
        return type_.validate_python(raw)
    except ValidationError:
        return None


def _items(raw: Any) -> Sequence[Any]:
    return raw if isinstance(raw, list | tuple) else ()
