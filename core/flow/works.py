"""What a request runs, whatever it names: a saved job, a flow or one step, in one shape. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from core.domain.flow import Control, FlowSpec, Nested, Recorded, SetVariables, Wait
from core.domain.job import JobSpec, Parameter, WorkSpec
from core.domain.steps import Step, StepBase
from core.errors import Invalid, NotFound, Problem
from core.flow.definition import ADHOC, Narrowed, RunRequest, Which
from core.flow.graph import Graph, chain
from core.flow.operating import cannot_start_at


class Documents(Protocol):
    """The documents that are run."""

    def job(self, name: str, revision: int | None = None) -> tuple[JobSpec, int]: ...
    def flow(self, name: str, revision: int | None = None) -> tuple[FlowSpec, int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Steps in a graph, and what they are given."""

    title: str
    origin: str
    graph: Graph
    spec: WorkSpec = field(default_factory=WorkSpec)
    """What the job or the flow says besides; nothing of an ad-hoc step."""
    places: Mapping[str, str]
    """Step -> where it stands, for people: `job steps[2]`."""

    @property
    def parameters(self) -> Sequence[Parameter]:
        return self.spec.parameters

    @property
    def targets(self) -> str | None:
        return self.spec.targets

    @property
    def concurrency(self) -> int:
        return self.spec.concurrency

    @property
    def steps(self) -> Sequence[Step]:
        return self.graph.steps

    def place(self, step: str, field: str) -> str:
        """Where a field of a step stands; an ad-hoc step's stand in the request itself."""
        where = self.places[step]
        return f"{where}.{field}" if where else field


def work_of(request: RunRequest, documents: Documents) -> Work:
    """What the request runs. Raises NotFound; Invalid where it starts in a place where it cannot."""
    work = _named(request, documents)
    _check_begin(work, request)
    return work


def _named(request: RunRequest, documents: Documents) -> Work:
    if request.job is not None:
        job, revision = documents.job(request.job, request.revision)
        return Work(
            title=request.job,
            origin=f"job/{request.job}@{revision}",
            graph=chain(job.steps),
            spec=job,
            places={step.name: f"job steps[{index}]" for index, step in enumerate(job.steps)},
        )
    if request.flow is not None:
        flow, revision = documents.flow(request.flow, request.revision)
        return Work(
            title=request.flow,
            origin=f"flow/{request.flow}@{revision}",
            graph=Graph(nodes=flow.nodes, edges=flow.wires, on_failure=flow.on_failure),
            spec=flow,
            places={node.name: f"flow nodes[{index}]" for index, node in enumerate(flow.nodes)},
        )
    assert request.step is not None
    step = request.step
    if step.undo is not None:
        raise Invalid("an ad-hoc step has no other that could undo it; drop `undo`")
    title = " ".join(str(getattr(step, "command", "") or step.name).split())[:200]
    return Work(title=title, origin=ADHOC, graph=chain((step,)), places={step.name: ""})


def _check_begin(work: Work, request: RunRequest) -> None:
    """The run can begin where it is asked to, without what is to be left out."""
    names = [node.name for node in work.graph.nodes]
    for name in (request.start_at, *request.without):
        if name is not None and name not in names:
            raise NotFound("node", name, names)
    problems = [
        Problem(where="without", what=f"node {name} is not optional", hint="say `optional` in it")
        for name in request.without
        if not work.graph.node(name).optional
    ]
    if request.start_at is not None and (why := cannot_start_at(work.graph, request.start_at)):
        problems.append(Problem(where="start_at", what=f"the run cannot start there: {why}"))
    if problems:
        raise Invalid("the run cannot begin like that", problems)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a node came to in an earlier run."""

    run: str
    """The run's id."""
    outputs: Mapping[str, Any]


_FREEZES = (StepBase, Nested, SetVariables, Wait)
"""Nodes that do something; where the way leads is decided anew, and no approval is gone past."""


def with_outcomes(work: Work, outcomes: Mapping[str, Outcome]) -> Work:
    """The work with what earlier runs came to in the place of nodes.

    What would undo such a node is left out too: there is nothing to undo.
    """
    names = [node.name for node in work.graph.nodes]
    problems = []
    for name in outcomes:
        if name not in names:
            raise NotFound("node", name, names)
        if not isinstance(work.graph.node(name), _FREEZES) or name in work.graph.undoes:
            what = "it cannot be frozen: it only decides, asks people, or undoes"
            problems.append(Problem(where=f"frozen.{name}", what=what))
    if problems:
        raise Invalid("the run cannot begin like that", problems)
    undone = {undo for undo, of in work.graph.undoes.items() if of in outcomes}
    nodes = tuple(
        _recorded(work, node.name, outcomes[node.name]) if node.name in outcomes else node
        for node in work.graph.nodes
        if node.name not in undone
    )
    graph = Graph(nodes=nodes, edges=work.graph.edges, on_failure=work.graph.on_failure)
    return replace(work, graph=graph)


def _recorded(work: Work, name: str, outcome: Outcome) -> Recorded:
    node = work.graph.node(name)
    return Recorded(
        kind="recorded",
        name=name,
        run=outcome.run,
        outputs=dict(outcome.outputs),
        is_shared=not isinstance(node, Control) or node.shares_outputs,
        optional=node.optional,
    )


def narrowed(work: Work) -> dict[str, Narrowed]:
    """Step -> how earlier steps say which of its targets it runs on.

    Invalid where a step asks for those of the one before it, and none is.
    """
    found = {}
    problems = []
    for step in work.steps:
        if step.targets is None and (of := work.graph.undoes.get(step.name)):
            found[step.name] = Narrowed(steps=(of,), which=Which.STARTED)
        elif step.targets in set(Which) - {Which.STARTED}:
            before = nearest_steps(work.graph, step.name)
            found[step.name] = Narrowed(steps=before, which=Which(step.targets))
            if not before:
                what = f"{step.targets} speaks of the step before, and there is none"
                problems.append(Problem(where=work.place(step.name, "targets"), what=what))
    if problems:
        raise Invalid("nothing to run on", problems)
    return found


def nearest_steps(graph: Graph, name: str) -> tuple[str, ...]:
    """The steps with targets from which paths lead to a node without another such step between."""
    found: dict[str, None] = {}
    seen = {name}
    rest = [name]
    for each in rest:  # grows as it goes
        for index in graph.into[each]:
            source = graph.edges[index].source
            if source in seen:
                continue
            seen.add(source)
            if source in graph.step_names and not graph.step(source).runs_once:
                found[source] = None
            else:
                rest.append(source)
    return tuple(found)
