"""What is wrong with a flow beyond what its nodes say one by one: all problems at once. Pure.

A flow that passes can be carried out whatever its nodes come to: it has one beginning, every
node can be reached and leads to an end, and no path comes back to where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from core.domain import variables
from core.domain.flow.document import FlowSpec, Node
from core.domain.flow.draft import Draft, Part
from core.domain.flow.edges import Edge, When
from core.domain.flow.nodes import Converge, End, Exclusive, Inclusive, Note, Parallel, Start
from core.domain.flow.speaking import mistakes
from core.domain.steps import LAST_TARGETS, StepBase
from core.errors import Problem, nearest

_MOST = 50
"""Problems that are told at once."""


def check_flow(spec: FlowSpec) -> Sequence[Problem]:
    """Every problem, each with the node or the edge that it is about."""
    return check_draft(Draft.of(spec))


def check_draft(draft: Draft) -> Sequence[Problem]:
    """As `check_flow`, of what can be read; nothing is told that an unread part may explain."""
    shape = _Shape(draft)
    problems = [*variables.check_defaults(draft.parameters or ()), *_names_differ(shape)]
    strangers = [*islice(_strangers(shape), _MOST)]
    problems += strangers
    known = Part.SOME if strangers else draft.read_so_far
    for needed, look in _looks():
        if needed <= known:
            problems += look(shape)
    return problems[:_MOST]


def _looks() -> Sequence[tuple[Part, Callable[[_Shape], Iterable[Problem]]]]:
    """What is looked at, and how much of the flow must be readable for it to be true."""
    return (
        (Part.SOME, _cycles),
        (Part.ALL, _beginnings),
        (Part.SOME, _undoes),
        (Part.EDGES, _gateways),
        (Part.EDGES, _converges),
        (Part.SOME, _doubles),
        (Part.ALL, _targets),
        (Part.SOME, lambda shape: mistakes(shape.draft)),
    )


class _Shape:
    """Edges by node."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.nodes: Mapping[str, Node | None] = dict(draft.nodes)
        self.out: dict[str, list[Edge]] = {name: [] for name in self.nodes}
        self.into: dict[str, list[Edge]] = {name: [] for name in self.nodes}
        self.edges = [
            edge
            for _, edge in draft.edges
            if edge.source in self.nodes and edge.target in self.nodes
        ]
        for edge in self.edges:
            self.out[edge.source].append(edge)
            self.into[edge.target].append(edge)
        steps = (node for node in self.nodes.values() if isinstance(node, StepBase))
        self.undoes = {step.undo for step in steps if step.undo}
        self.places: dict[str, str] = {}
        for index, (name, _) in enumerate(draft.nodes):
            self.places.setdefault(name, f"spec.nodes[{index}]")

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


def _names_differ(shape: _Shape) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, (name, _) in enumerate(shape.draft.nodes):
        first = seen.setdefault(name, index)
        if name and first != index:
            yield Problem(
                where=f"spec.nodes[{index}] ({name})",
                what=f"spec.nodes[{first}] has that name already",
                hint="edges and expressions know a node by its name",
            )


def _strangers(shape: _Shape) -> Iterator[Problem]:
    """Names in edges that no node has; where a node's name cannot be read, it may be any of them."""
    if "" in shape.nodes:
        return
    seen: set[tuple[str, str]] = set()
    for where, edge in shape.draft.edges:
        for name in (edge.source, edge.target):
            if name in shape.nodes or (where, name) in seen:
                continue
            seen.add((where, name))
            near = nearest(name, list(shape.nodes))
            hint = f"did you mean {near}?" if near else "nodes are listed under `nodes`"
            yield Problem(where=where, what=f"there is no node {name}", hint=hint)


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
    if shape.nodes and not shape.path():
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
    unread = {name for name, node in shape.draft.nodes if node is None}
    yield from check_undoes([node for _, node in shape.draft.nodes], "spec.nodes", unread)
    for name in shape.undoes & shape.nodes.keys():
        if shape.into[name] or shape.out[name]:
            yield shape.problem(name, "it only undoes, so no edge leads to it or from it")


def check_undoes(
    nodes: Sequence[Node | None], place: str, unread: Collection[str] = ()
) -> Iterator[Problem]:
    """What is wrong with the names of steps that undo others; `place` is the list's.

    None stands for one that cannot be read; `unread` are their names.
    """
    by_name = {node.name: node for node in nodes if node is not None}
    used: dict[str, str] = {}
    for index, node in enumerate(nodes):
        if not isinstance(node, StepBase) or node.undo is None or node.undo in unread:
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
            what = f"it splits the way, so two edges lead out of it at least; {_few(out)}"
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
    return "there is one" if edges else "there is none"


def _converges(shape: _Shape) -> Iterator[Problem]:
    for name, node in shape.nodes.items():
        if isinstance(node, Converge) and len(shape.into[name]) < 2:
            few = _few(shape.into[name])
            what = f"it joins branches, so two edges lead to it at least; {few}"
            yield shape.problem(name, what)
        if isinstance(node, Converge) and (node.needed or 0) > len(shape.into[name]):
            what = f"it waits for {node.needed} branches, and {len(shape.into[name])} lead to it"
            yield shape.problem(name, what)


def _doubles(shape: _Shape) -> Iterator[Problem]:
    seen: set[str] = set()
    for edge in shape.edges:
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
