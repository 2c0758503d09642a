"""What is wrong with a flow beyond what its nodes say one by one: all problems at once. Pure.

A flow that passes can be carried out whatever its nodes come to: it has one beginning, every
node can be reached and leads to an end, and no path comes back to where it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from core.domain import expressions, variables
from core.domain.expressions import UNKNOWN, Kind, Shape, list_of, map_of, one_of
from core.domain.flow.document import FlowSpec, Node
from core.domain.flow.edges import Edge, When, parse_edges
from core.domain.flow.nodes import (
    Approval,
    Converge,
    End,
    Exclusive,
    ForEach,
    Inclusive,
    Loop,
    Nested,
    Note,
    Notify,
    Parallel,
    SetVariables,
    Start,
    Wait,
)
from core.domain.job import ParameterType
from core.domain.steps import LAST_TARGETS, StepBase
from core.errors import Problem, nearest

_MOST = 50
"""Problems that are told at once."""


def check_flow(spec: FlowSpec) -> Sequence[Problem]:
    """Every problem, each with the node or the edge that it is about."""
    problems = [*variables.check_defaults(spec.parameters), *_edges_join_nodes(spec)]
    if problems:
        return problems[:_MOST]
    shape = _Shape(spec)
    for look in (
        _cycles,
        _beginnings,
        _undoes,
        _gateways,
        _converges,
        _doubles,
        _targets,
        _speaks_of,
    ):
        problems += look(shape)
    return problems[:_MOST]


class _Shape:
    """Edges by node."""

    def __init__(self, spec: FlowSpec) -> None:
        self.spec = spec
        self.nodes: Mapping[str, Node] = {node.name: node for node in spec.nodes}
        self.out: dict[str, list[Edge]] = {name: [] for name in self.nodes}
        self.into: dict[str, list[Edge]] = {name: [] for name in self.nodes}
        for edge in spec.wires:
            self.out[edge.source].append(edge)
            self.into[edge.target].append(edge)
        self.undoes = {node.undo for node in spec.nodes if isinstance(node, StepBase) and node.undo}
        self.places = {node.name: f"spec.nodes[{i}]" for i, node in enumerate(spec.nodes)}

    def after(self, name: str) -> list[str]:
        """Targets of the edges out of a node; an edge to itself has a sentence of its own."""
        return [edge.target for edge in self.out[name] if edge.target != name]

    def before(self, name: str) -> list[str]:
        """Sources of the edges into a node, without itself."""
        return [edge.source for edge in self.into[name] if edge.source != name]

    def path(self) -> list[str]:
        """Nodes that are on the way: no notes, and none that only undo."""
        return [
            name
            for name, node in self.nodes.items()
            if not isinstance(node, Note) and name not in self.undoes
        ]

    def problem(self, name: str, what: str, hint: str = "") -> Problem:
        return Problem(where=f"{self.places[name]} ({name})", what=what, hint=hint)


def _edges_join_nodes(spec: FlowSpec) -> Iterator[Problem]:
    names = [node.name for node in spec.nodes]
    known = set(names)
    for index, line in enumerate(spec.edges or ()):
        ends = (end for edge in parse_edges(line) for end in (edge.source, edge.target))
        for name in dict.fromkeys(end for end in ends if end not in known):
            near = nearest(name, names)
            hint = f"did you mean {near}?" if near else "nodes are listed under `nodes`"
            yield Problem(where=f"spec.edges[{index}]", what=f"there is no node {name}", hint=hint)


def _cycles(shape: _Shape) -> Iterator[Problem]:
    """No path comes back: what is repeated is a loop node."""
    waits = {name: len(shape.before(name)) for name in shape.nodes}
    free = [name for name, count in waits.items() if not count]
    for name in free:  # grows as it goes
        for target in shape.after(name):
            waits[target] -= 1
            if not waits[target]:
                free.append(target)
    for name in sorted(set(shape.nodes) - set(free), key=list(shape.nodes).index)[:1]:
        trail = _round(name, shape, set(shape.nodes) - set(free))
        what = f"the path comes back to where it was: {' -> '.join(trail)}"
        yield shape.problem(trail[0], what, "what is repeated belongs in a node of kind `loop`")


def _round(name: str, shape: _Shape, left: Collection[str]) -> list[str]:
    trail: list[str] = []
    while name not in trail:
        trail.append(name)
        name = next(source for source in shape.before(name) if source in left)
    return [name, *reversed(trail[trail.index(name) :])]


def _beginnings(shape: _Shape) -> Iterator[Problem]:
    starts = [name for name in shape.path() if not shape.before(name)]
    if not shape.path():
        yield Problem(where="spec.nodes", what="no node does anything")
    for name in starts[1:]:
        what = f"nothing leads to it, and the flow begins with {starts[0]}"
        yield shape.problem(name, what, f"such as `{starts[0]} -> {name}`")
    for name, node in shape.nodes.items():
        if isinstance(node, Start) and shape.into[name]:
            yield shape.problem(
                name, "nothing comes before a start; drop the edges that lead to it"
            )
        if isinstance(node, End) and shape.out[name]:
            yield shape.problem(name, "an end leads nowhere; drop its edges")
        if isinstance(node, Note) and (shape.out[name] or shape.into[name]):
            yield shape.problem(name, "a note is no part of the way; drop its edges")


def _undoes(shape: _Shape) -> Iterator[Problem]:
    yield from check_undoes(shape.spec.nodes, "spec.nodes")
    for name in shape.undoes & shape.nodes.keys():
        if shape.into[name] or shape.out[name]:
            yield shape.problem(name, "it only undoes, so no edge leads to it or from it")


def check_undoes(nodes: Sequence[Node], place: str) -> Iterator[Problem]:
    """What is wrong with the names of steps that undo others; `place` is the list's."""
    by_name = {node.name: node for node in nodes}
    used: dict[str, str] = {}
    for index, node in enumerate(nodes):
        if not isinstance(node, StepBase) or node.undo is None:
            continue
        where, undo, hint = f"{place}[{index}] ({node.name})", by_name.get(node.undo), ""
        if undo is None:
            what = f"`undo` names no step: {node.undo}"
            near = nearest(node.undo, list(by_name))
            hint = f"did you mean {near}?" if near else ""
        elif not isinstance(undo, StepBase) or undo.undo is not None:
            what = f"{node.undo} cannot undo: it must be a step without `undo`"
        elif undo.name in used:
            what = f"{undo.name} undoes {used[undo.name]} already; each step has its own"
        else:
            used[undo.name] = node.name
            continue
        yield Problem(where=where, what=what, hint=hint)


def _gateways(shape: _Shape) -> Iterator[Problem]:
    for name, node in shape.nodes.items():
        out = shape.out[name]
        if isinstance(node, Exclusive | Inclusive | Parallel) and len(out) < 2:
            what = f"it splits the way, so two edges lead out of it at least; there is {_few(out)}"
            yield shape.problem(name, what)
        if sum(edge.otherwise for edge in out) > 1:
            yield shape.problem(name, "more than one edge says `otherwise`")
        if isinstance(node, Parallel) and any(edge.label for edge in out):
            what = "it goes all ways, so its edges have no condition"
            yield shape.problem(name, what, "kind `inclusive` goes those whose condition holds")
        if isinstance(node, Exclusive):
            plain = [edge for edge in out if edge.is_plain and edge.when is When.SUCCESS]
            if plain and plain[0] is not out[-1]:
                what = f"no edge behind `{plain[0]}` is ever taken: that one has no condition"
                yield shape.problem(name, what)


def _few(edges: Sequence[Edge]) -> str:
    return "one" if edges else "none"


def _converges(shape: _Shape) -> Iterator[Problem]:
    for name, node in shape.nodes.items():
        if isinstance(node, Converge) and len(shape.into[name]) < 2:
            few = _few(shape.into[name])
            what = f"it joins branches, so two edges lead to it at least; there is {few}"
            yield shape.problem(name, what)
        if isinstance(node, Converge) and (node.needed or 0) > len(shape.into[name]):
            what = f"it waits for {node.needed} branches, and {len(shape.into[name])} lead to it"
            yield shape.problem(name, what)


def _doubles(shape: _Shape) -> Iterator[Problem]:
    seen: set[str] = set()
    for edge in shape.spec.wires:
        if edge.source == edge.target:
            yield shape.problem(edge.source, "an edge leads from it to itself")
        elif str(edge) in seen:
            yield shape.problem(edge.source, f"`{edge}` stands twice")
        seen.add(str(edge))


def _targets(shape: _Shape) -> Iterator[Problem]:
    for name, node in shape.nodes.items():
        speaks = isinstance(node, StepBase) and node.targets in LAST_TARGETS
        if speaks and not _steps_before(name, shape):
            what = "its targets are those of the step before, and there is none"
            yield shape.problem(name, what)


def _steps_before(name: str, shape: _Shape) -> bool:
    rest, seen = [name], {name}
    for each in rest:  # grows as it goes
        for edge in shape.into[each]:
            node = shape.nodes[edge.source]
            if isinstance(node, StepBase) and not node.runs_once:
                return True
            if edge.source not in seen:
                seen.add(edge.source)
                rest.append(edge.source)
    return False


_ANY = map_of({}, is_open=True)
_HOST = map_of(
    {
        "name": one_of(Kind.STRING),
        "step": one_of(Kind.STRING),
        "state": one_of(Kind.STRING),
        "code": one_of(Kind.STRING),
        "exit_code": UNKNOWN,
        "outputs": _ANY,
    }
)
_NODE = map_of(
    {
        "state": one_of(Kind.STRING),
        "attempt": one_of(Kind.NUMBER),
        "outputs": _ANY,
        "total": one_of(Kind.NUMBER),
        "succeeded": one_of(Kind.NUMBER),
        "failed": one_of(Kind.NUMBER),
        "hosts": list_of(_HOST),
    }
)
_PARAMETERS = {
    ParameterType.STRING: one_of(Kind.STRING),
    ParameterType.CHOICE: one_of(Kind.STRING),
    ParameterType.TARGETS: one_of(Kind.STRING),
    ParameterType.NUMBER: one_of(Kind.NUMBER),
    ParameterType.BOOL: one_of(Kind.BOOL),
    ParameterType.LIST: list_of(UNKNOWN),
    ParameterType.MAP: _ANY,
    ParameterType.SECRET: UNKNOWN,
}


def names_known(spec: FlowSpec) -> dict[str, Shape]:
    """What expressions of the flow may speak of, and of which kinds it is."""
    return {
        "params": map_of({each.name: _PARAMETERS[each.type] for each in spec.parameters}),
        "vars": _ANY,
        "nodes": map_of({node.name: _NODE for node in spec.nodes}),
        "run": map_of({"id": one_of(Kind.STRING), "title": one_of(Kind.STRING)}),
        "hosts": list_of(_HOST),
        "now": one_of(Kind.TIME),
    }


_EVENT = map_of(
    {
        "type": one_of(Kind.STRING),
        "subject": one_of(Kind.STRING),
        "actor": one_of(Kind.STRING),
        "at": one_of(Kind.STRING),
        "data": _ANY,
    }
)
_ROUND = {"round": one_of(Kind.NUMBER), "last": _ANY}


def _speaks_of(shape: _Shape) -> Iterator[Problem]:
    """Names and kinds in expressions, as far as they can be known before a start."""
    known = names_known(shape.spec)
    for name, node in shape.nodes.items():
        where = shape.places[name]
        for place, text, more, wanted in _expressions(node):
            for mistake in expressions.check(text, known | more, wanted):
                yield _mistaken(f"{where}.{place} ({name})", text, mistake)
        for place, text, more in _templates(node):
            for mistake in expressions.check_template(text, known | more):
                yield _mistaken(f"{where}.{place} ({name})", text, mistake)
    for edge in shape.spec.wires:
        if edge.condition is not None:
            for mistake in expressions.check(edge.condition, known, Kind.BOOL):
                yield _mistaken(f"edge {edge.source} -> {edge.target}", edge.condition, mistake)


def _mistaken(where: str, text: str, mistake: expressions.Mistake) -> Problem:
    return Problem(where=where, what=f"`{text}`: {mistake.what}", hint=mistake.hint)


Said = Iterator[tuple[str, str, dict[str, Shape]]]
"""(field, text, names that it may speak of besides the rest)"""


def _expressions(node: Any) -> Iterator[tuple[str, str, dict[str, Shape], Kind | None]]:
    """As `Said`, and the kind that the value has to be."""
    match node:
        case SetVariables():
            for name, text in node.variables.items():
                yield f"variables.{name}", text, {}, None
        case Wait():
            if node.until is not None:
                yield "until", node.until, {}, Kind.TIME
            if node.event is not None:
                yield "event", node.event, {"event": _EVENT}, Kind.BOOL
        case ForEach() if node.items is not None:
            yield "items", node.items, {}, Kind.LIST
        case Loop():
            if node.repeat_while is not None:
                yield "repeat_while", node.repeat_while, _ROUND, Kind.BOOL
            if node.repeat_until is not None:
                yield "repeat_until", node.repeat_until, _ROUND, Kind.BOOL
        case _:
            return


def _templates(node: Any) -> Said:
    match node:
        case Approval():
            yield "message", node.message, {}
        case Notify():
            yield "subject", node.subject, {}
            yield "body", node.body, {}
        case End() if node.message is not None:
            yield "message", node.message, {}
        case Nested():
            more: dict[str, Shape] = {}
            if isinstance(node, ForEach):
                more = {node.item: UNKNOWN}
            elif isinstance(node, Loop):
                more = _ROUND
            for name, value in node.parameters.items():
                if isinstance(value, str):
                    yield f"parameters.{name}", value, more
        case _:
            return
