"""Nodes whose work are runs of their own: what these runs are asked to do, and that it can be done. Pure.

Everything that can be found out before the start is: that what is run exists, at which revision,
that it does not run itself, that its parameters fit, and which hosts it touches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from core.domain import targets, variables
from core.domain.flow import ForEach, Nested
from core.domain.job import ParameterType
from core.domain.targets import Inventory
from core.errors import Invalid, OpsError, Problem
from core.flow import choosing, works
from core.flow.definition import ENGINE_HOST, FrozenWork, RunRequest

MAX_DEPTH = 10
"""Runs inside runs."""


class Documents(works.Documents, Protocol):
    """The documents that nodes run, and the hosts that they may run on."""

    @property
    def inventory(self) -> Inventory: ...


def freeze(
    request: RunRequest, work: works.Work, documents: Documents, trail: Sequence[str] = ()
) -> dict[str, FrozenWork]:
    """Node -> what it runs. Invalid with every node that cannot do what it says."""
    trail = (*trail, work.origin.partition("@")[0])
    found = {}
    problems = []
    for node in work.graph.nodes:
        if not isinstance(node, Nested):
            continue
        where = work.places.get(node.name, "")
        try:
            found[node.name] = _freeze(request, work, node, documents, trail)
        except OpsError as error:
            problems += [
                Problem(where=f"{where}.{each.where}".strip("."), what=each.what, hint=each.hint)
                for each in error.problems
            ] or [Problem(where=where, what=error.message, hint=error.hint)]
    if problems:
        raise Invalid("a node cannot do what it says", problems)
    return found


def _freeze(
    request: RunRequest,
    work: works.Work,
    node: Nested,
    documents: Documents,
    trail: Sequence[str],
) -> FrozenWork:
    child = request_of(node, request, work.targets or "", documents, node.revision)
    of_child = works.work_of(child, documents)
    again = of_child.origin.partition("@")[0]
    if node.work is not None and again in trail:
        raise Invalid(f"it would run itself: {' > '.join((*trail, again))}")
    if len(trail) >= MAX_DEPTH:
        raise Invalid(f"runs inside runs go {MAX_DEPTH} deep at most: {' > '.join(trail)}")
    _check_parameters(node, of_child)
    if isinstance(node, ForEach) and node.hosts is not None:
        chosen = targets.resolve(targets.parse(node.hosts), documents.inventory)
        child = child.model_copy(update={"targets": None, "hosts": chosen})
    narrowed = works.narrowed(of_child)
    of_steps = choosing.choose(child, of_child, narrowed, documents.inventory, ())
    hosts = {name for names in of_steps.values() for name in names} - {ENGINE_HOST}
    for each in freeze(child, of_child, documents, trail).values():
        hosts |= set(each.hosts)
    revision = int(of_child.origin.rpartition("@")[2]) if node.work is not None else None
    return FrozenWork(revision=revision, hosts=tuple(sorted(hosts)))


def is_on_each_host(node: Nested) -> bool:
    """Whether it has a run for every host, on it."""
    return isinstance(node, ForEach) and node.hosts is not None


def request_of(
    node: Nested,
    parent: RunRequest,
    usual_targets: str,
    documents: Documents,
    revision: int | None,
) -> RunRequest:
    """What a run of the node is asked to do, before it is given values.

    It runs on the node's own targets, or those that its work names, or the parent's:
    `usual_targets` are those where the parent's request names none.
    """
    child = RunRequest(
        job=node.job,
        flow=node.flow,
        step=node.step,
        revision=revision if node.work else None,
        targets=node.targets,
        run_as=parent.run_as,
        include_away=parent.include_away,
        allow_empty=parent.allow_empty,
    )
    if node.targets is not None or works.work_of(child, documents).targets is not None:
        return child
    if parent.hosts is not None:
        return child.model_copy(update={"hosts": parent.hosts})
    return child.model_copy(update={"targets": parent.targets or usual_targets or None})


def with_values(
    child: RunRequest,
    node: Nested,
    values: Mapping[str, Any],
    item: Any,
    documents: Documents,
) -> RunRequest:
    """The request with its values; the item of a for-each is the parameter or variable that is
    called so, and the host where it is one.
    """
    if not isinstance(node, ForEach):
        return child.model_copy(update={"parameters": dict(values)})
    if node.hosts is not None:
        child = child.model_copy(update={"targets": None, "hosts": (str(item),)})
    declared = {each.name for each in works.work_of(child, documents).parameters}
    if node.item in declared:
        return child.model_copy(update={"parameters": {node.item: item, **values}})
    env = {node.item: variables.as_text(item)}
    return child.model_copy(update={"parameters": dict(values), "env": env})


def _check_parameters(node: Nested, of_child: works.Work) -> None:
    """Names fit and what is required is given; values that are made later are checked then."""
    if node.work is None:
        return
    names = {parameter.name for parameter in of_child.parameters}
    item = node.item if isinstance(node, ForEach) else None
    given = {*node.parameters, *({item} & names if item else ())}
    known = {
        name: value
        for name, value in node.parameters.items()
        if not (isinstance(value, str) and "${" in value)
    }
    late = given - known.keys()
    problems = [
        Problem(where=f"parameters.{name}", what="what is run has no such parameter")
        for name in sorted(given - names)
    ]
    for parameter in of_child.parameters:
        if parameter.required and parameter.name not in given:
            what = f"{parameter.name} is required by what is run, and not given"
            problems.append(Problem(where="parameters", what=what))
        if parameter.type is ParameterType.SECRET and parameter.name in given:
            what = "is a secret; a node gives none"
            problems.append(Problem(where=f"parameters.{parameter.name}", what=what))
    if problems:
        raise Invalid("its parameters do not fit", problems)
    rest = [p for p in of_child.parameters if p.name not in late]
    variables.bind(rest, known)
