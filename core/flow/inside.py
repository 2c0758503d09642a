"""What a run does inside its nodes: the hosts and the dangers of the runs that they will ask for. Pure.

A start answers for them: rails and rules are asked once, of everything that is known, and not in
the middle of a run when nobody is there to answer. Values that nodes make later are not known;
what they come to is judged when the run inside starts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from core.domain.flow import GraphNode, Nested
from core.flow import choosing, dangers, nesting, planning, works
from core.flow.dangers import StepHit
from core.flow.definition import FrozenHost, RunDefinition


@dataclass(frozen=True, slots=True)
class HostInside:
    """A host that only runs inside touch."""

    name: str
    environment: str | None = None
    """As of the start; None: the documents of now say it."""


def hosts(
    definition: RunDefinition, nodes: Collection[str] | None = None
) -> list[FrozenHost | HostInside]:
    """The run's own hosts, and those that runs of these `nodes` touch besides; None: of all nodes."""
    own = {host.name for host in definition.hosts}
    return [*definition.hosts, *(each for each in only(definition, nodes) if each.name not in own)]


def only(definition: RunDefinition, nodes: Collection[str] | None = None) -> list[HostInside]:
    """The hosts that runs of these nodes touch, each once."""
    names = {
        name
        for node, work in definition.works.items()
        if nodes is None or node in nodes
        for name in work.hosts
    }
    return [HostInside(name) for name in sorted(names)]


def find_dangers(
    definition: RunDefinition,
    documents: planning.Documents,
    *,
    ahead: Mapping[str, Sequence[int]] | None = None,
    nodes: Collection[str] | None = None,
) -> list[StepHit]:
    """As `dangers.find`, with what runs of `nodes` meet; None: of all nodes."""
    found = dangers.find(definition, documents, ahead=ahead)
    for node, child in definitions(definition, documents):
        if nodes is None or node.name in nodes:
            found += [
                replace(hit, step=f"{node.name} > {hit.step}")
                for hit in find_dangers(child, documents)
            ]
    return found


def definitions(
    definition: RunDefinition, documents: planning.Documents
) -> Iterator[tuple[GraphNode, RunDefinition]]:
    """Node -> what its runs do, as far as it is known: no access, no values that are made later."""
    request = definition.request
    for node in definition.graph.nodes:
        if not isinstance(node, Nested) or request is None:
            continue
        frozen = definition.works[node.name]
        child = nesting.request_of(node, request, definition.targets, documents, frozen.revision)
        if nesting.is_on_each_host(node):
            child = child.model_copy(update={"targets": None, "hosts": frozen.hosts})
        work = works.work_of(child, documents)
        narrowed = works.narrowed(work)
        chosen = choosing.choose(child, work, narrowed, documents.inventory, ())
        names = list(dict.fromkeys(name for own in chosen.values() for name in own))
        grouped = planning.group_variables(documents)
        yield (
            node,
            RunDefinition(
                title=work.title,
                origin=work.origin,
                graph=work.graph,
                hosts=tuple(planning.freeze_host(name, documents, grouped) for name in names),
                step_hosts={
                    step: tuple(names.index(name) for name in own) for step, own in chosen.items()
                },
                scripts=planning.scripts_of(work, documents),
                parameters=_known(node),
                targets=choosing.shown_targets(child, work),
                works=nesting.freeze(child, work, documents),
                request=child,
            ),
        )


def _known(node: Nested) -> dict[str, object]:
    return {
        name: value
        for name, value in node.parameters.items()
        if not (isinstance(value, str) and "${" in value)
    }
