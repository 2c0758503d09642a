"""Which edges are taken when a node has ended, and which nodes that lets begin. Pure.

Every edge is decided once, as taken or as dead. A node begins when all edges into it are decided
and at least one was taken; a converge that waits for a number begins with that arrival. A node
into which only dead edges lead never begins, and all edges out of it are dead with it. So a join
never waits for a branch that cannot come, and in a graph without cycles every run comes to an end
or waits for something that has a name (the dead-path elimination of WS-BPEL 2.0, section 11.6.2).

A node that did not end well, and from which no edge leads on, decides nothing: what follows it
waits until somebody tries it again, ignores it or chooses a way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from core.domain.flow import Converge, Edge, Exclusive, When
from core.domain.run import RunState
from core.flow.state import BAD, GOES_ON, Arrivals, FlowState


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a node ended, as its edges see it."""

    state: RunState
    holds: Collection[int] = ()
    """Indices of the edges out of it whose condition holds."""
    tag: str = ""
    is_error: bool = False
    """It could not be done at all."""


def chosen(state: FlowState, name: str, outcome: Outcome) -> frozenset[int] | None:
    """The edges that are taken; None where nothing leads on from a node that ended badly."""
    graph = state.graph
    fitting = [index for index in graph.out[name] if _fits(index, graph.edges[index], outcome)]
    if isinstance(graph.node(name), Exclusive):
        fitting = fitting[:1]
    if outcome.state not in GOES_ON:
        return frozenset(fitting) or None
    return frozenset(
        fitting or [index for index in graph.out[name] if graph.edges[index].otherwise]
    )


def _fits(index: int, edge: Edge, outcome: Outcome) -> bool:
    if edge.otherwise:
        return False
    if edge.condition is not None and index not in outcome.holds:
        return False
    if edge.tag is not None and edge.tag != outcome.tag:
        return False
    if edge.tag is not None and edge.when is When.SUCCESS and outcome.state in BAD:
        return True
    match edge.when:
        case When.SUCCESS:
            return outcome.state in GOES_ON
        case When.FAILURE:
            return outcome.state in BAD
        case When.ERROR:
            return outcome.state in BAD and outcome.is_error
        case When.ALWAYS:
            return outcome.state in BAD or outcome.state in GOES_ON


def decide(
    state: FlowState, name: str, taken: Collection[int]
) -> tuple[FlowState, tuple[str, ...]]:
    """All edges out of `name` decided, those of `taken` as taken; and the nodes that may begin."""
    graph = state.graph
    edges, arrivals = dict(state.edges), dict(state.arrivals)
    ready: list[str] = []
    rest = [(index, index in taken) for index in graph.out[name]]
    for index, is_taken in rest:  # grows as it goes
        if index in edges:
            continue
        edges[index] = is_taken
        target = graph.edges[index].target
        before = arrivals.get(target, Arrivals())
        after = arrivals[target] = Arrivals(
            taken=before.taken + is_taken, dead=before.dead + (not is_taken)
        )
        if target in state.steps:
            continue  # a converge that needed fewer, or a node that the run was started at
        if _begins(graph.node(target), len(graph.into[target]), before, after):
            ready.append(target)
        elif after.dead == len(graph.into[target]):
            rest += [(out, False) for out in graph.out[target]]
    return replace(state, edges=edges, arrivals=arrivals), tuple(ready)


def _begins(node: object, edges: int, before: Arrivals, after: Arrivals) -> bool:
    needed = node.needed if isinstance(node, Converge) else None
    is_all = after.taken + after.dead == edges
    if needed is None or needed > edges:
        return is_all and after.taken > 0
    if before.taken < needed <= after.taken:
        return True
    # All are decided and too few came: it begins, and says so.
    return is_all and 0 < after.taken < needed


def forget(state: FlowState, names: Collection[str]) -> FlowState:
    """Nothing is decided any more about the edges out of these nodes."""
    graph = state.graph
    undecided = {index for name in names for index in graph.out[name]}
    edges = {index: taken for index, taken in state.edges.items() if index not in undecided}
    return replace(state, edges=edges, arrivals=count(state, edges))


def count(state: FlowState, edges: Mapping[int, bool]) -> dict[str, Arrivals]:
    """Arrivals by node, from edges that are decided."""
    found: dict[str, Arrivals] = {}
    for index, is_taken in edges.items():
        target = state.graph.edges[index].target
        before = found.get(target, Arrivals())
        found[target] = Arrivals(before.taken + is_taken, before.dead + (not is_taken))
    return found


def passed_by(state: FlowState, name: str) -> frozenset[int]:
    """The edges that are taken out of a node that is left out."""
    return chosen(state, name, Outcome(RunState.SKIPPED)) or frozenset()
