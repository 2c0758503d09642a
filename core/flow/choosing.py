"""Who takes part in a run: from expressions to names of hosts, and what is to be said of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from core.domain import targets
from core.domain.job import Parameter, ParameterType
from core.errors import Invalid, NotFound, Problem
from core.flow.definition import ENGINE_HOST, FrozenHost, Narrowed, RunRequest
from core.flow.works import Work


def target_values(parameters: Sequence[Parameter], values: Mapping[str, Any]) -> list[str]:
    """Expressions that were given as parameters."""
    return [
        values[parameter.name]
        for parameter in parameters
        if parameter.type is ParameterType.TARGETS and parameter.name in values
    ]


Away = Mapping[str, str]
"""Hosts that take part only where they are asked for, and why."""


_NOTHING = "nothing to run on"


def choose(
    request: RunRequest,
    work: Work,
    narrowed: Mapping[str, Narrowed],
    inventory: targets.Inventory,
    given: Sequence[str],
) -> dict[str, tuple[str, ...]]:
    """Step -> names of its hosts. A target-list parameter stands in for the job's targets.

    A step that is `narrowed` has all hosts of the steps that will say which of them it runs on.
    """
    if request.hosts is not None:
        _known_hosts(request.hosts, inventory.hosts)
        everywhere: tuple[str, ...] | None = tuple(dict.fromkeys(request.hosts))
    elif text := request.targets or next(iter(given), None) or work.targets:
        everywhere = targets.resolve(targets.parse(text), inventory)
    else:
        everywhere = None
    chosen: dict[str, tuple[str, ...]] = {}
    problems = []
    for step in work.steps:
        if step.runs_once:
            chosen[step.name] = (ENGINE_HOST,)
            continue
        if step.name in narrowed:
            continue
        names = everywhere
        if step.targets is not None:
            names = targets.resolve(targets.parse(step.targets), inventory)
        if names is None:
            where = work.place(step.name, "targets")
            problems.append(Problem(where=where, what="no targets given", hint="add --on EXPR"))
        chosen[step.name] = names or ()
    if problems:
        raise Invalid(_NOTHING, problems)
    for step in work.steps:
        if step.name not in chosen:
            chosen[step.name] = _of_sources(step.name, narrowed, chosen)
    return {step.name: chosen[step.name] for step in work.steps}


def _of_sources(
    step: str, narrowed: Mapping[str, Narrowed], chosen: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Hosts of the steps that narrow a step, which may be narrowed themselves."""
    if step in chosen:
        return chosen[step]
    names = (
        name for source in narrowed[step].steps for name in _of_sources(source, narrowed, chosen)
    )
    return tuple(dict.fromkeys(names))


def refuse_empty(
    request: RunRequest,
    work: Work,
    chosen: Mapping[str, tuple[str, ...]],
    present: Mapping[str, tuple[str, ...]],
    away: Away,
    asked: Collection[str],
) -> None:
    """Invalid where a step has no host left, unless that is allowed.

    `asked`: the facts on which the choice depends.
    """
    problems = []
    for step in work.steps:
        if present[step.name] or step.allow_empty or request.allow_empty:
            continue
        where = work.place(step.name, "targets")
        shown = step.targets or shown_targets(request, work)
        what, hint = f"{shown!r} matches no host", "`jobdeck hosts list` shows all"
        if asked:
            hint = "facts count once they were gathered: `jobdeck facts gather --on all`"
        if absent := chosen[step.name]:
            what = f"every host of {shown!r} is away; {absent[0]}: {away[absent[0]]}"
            hint = "--include-away takes them all the same"
        problems.append(Problem(where=where, what=what, hint=hint))
    if problems:
        raise Invalid(_NOTHING, problems)


def sources(work: Work, inventory: targets.Inventory) -> dict[str, tuple[str, ...]]:
    """Step -> the hosts whose files it takes to its targets; Invalid where there is none."""
    found: dict[str, tuple[str, ...]] = {}
    for step in work.steps:
        if step.fetched_from is None:
            continue
        found[step.name] = targets.resolve(targets.parse(step.fetched_from), inventory)
        if not found[step.name]:
            where = work.place(step.name, "source")
            what = f"{step.fetched_from!r} matches no host"
            raise Invalid("there is nothing to distribute", [Problem(where=where, what=what)])
    return found


def present_sources(
    chosen: Mapping[str, tuple[str, ...]], away: Away
) -> dict[str, tuple[str, ...]]:
    """`sources` without those that are away; Invalid where a step has none left."""
    present = {
        step: tuple(name for name in names if name not in away) for step, names in chosen.items()
    }
    problems = [
        Problem(
            where=f"step {step}: source",
            what=f"every host that has the files is away; {names[0]}: {away[names[0]]}",
            hint="--include-away takes them all the same",
        )
        for step, names in chosen.items()
        if not present[step]
    ]
    if problems:
        raise Invalid("there is nothing to distribute", problems)
    return present


def expressions(
    request: RunRequest, work: Work, narrowed: Mapping[str, Narrowed], given: Sequence[str]
) -> list[str]:
    """The target expressions that choose the hosts."""
    everywhere = request.targets or next(iter(given), None) or work.targets
    texts = [None if request.hosts is not None else everywhere]
    texts += [step.targets for step in work.steps if step.name not in narrowed]
    return [text for text in texts if text is not None]


def facts_asked(texts: Sequence[str], inventory: targets.Inventory) -> frozenset[str]:
    """The facts on which these expressions depend."""
    parsed = map(targets.parse, texts)
    return frozenset(
        fact for expression in parsed for fact in targets.facts_asked(expression, inventory)
    )


def with_facts(
    hosts: tuple[FrozenHost, ...], asked: Collection[str], inventory: targets.Inventory
) -> tuple[FrozenHost, ...]:
    """The hosts with the facts for which they were chosen, and when these were observed."""
    if not asked:
        return hosts
    known = inventory.facts()
    return tuple(
        host.model_copy(
            update={
                "facts": {n: v for n, v in known[host.name].values.items() if n in asked},
                "facts_at": known[host.name].at,
            }
        )
        if host.name in known
        else host
        for host in hosts
    )


def _known_hosts(names: Sequence[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise NotFound("host", name, list(known))


def shown_targets(request: RunRequest, work: Work) -> str:
    """The expression or the list that people gave."""
    if request.hosts is not None:
        return targets.fold(request.hosts)
    return request.targets or work.targets or ""
