"""Dry runs: what is kept of a request, who is to be probed, and whether a plan still holds. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.domain.changes import NEW_SECRET
from core.domain.inventory import Protocol
from core.domain.steps import CommandStep, Given, StepBase
from core.domain.values import SecretRef
from core.domain.variables import as_text
from core.errors import Invalid, PlanOutOfDate, Problem
from core.flow.awaiting import awaited
from core.flow.comparing import HIDDEN, definition_changes, digest
from core.flow.definition import FrozenHost, RunDefinition, RunRequest

_SHORT = 60
"""Characters of a value that is shown inside a sentence."""


class PlanLevel(StrEnum):
    """How far a dry run goes."""

    PLAN = "plan"
    """Everything is resolved; nothing leaves the engine."""
    PROBE = "probe"
    """As plan, and every target is asked whether the work could begin there."""
    CHECK = "check"
    """As probe, and steps that can be tried without an effect are."""

    @property
    def asks_hosts(self) -> bool:
        """Whether anything leaves the engine."""
        return self is not PlanLevel.PLAN


class PlanState(StrEnum):
    """How a dry run stands."""

    PROBING = "probing"
    READY = "ready"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    """The engine ended while it was probing."""


def with_secret_names(definition: RunDefinition, names: Collection[str]) -> RunDefinition:
    """A definition whose secrets are known by name only."""
    nothing = SecretRef(secret=NEW_SECRET)
    return definition.model_copy(update={"secrets": dict.fromkeys(sorted(names), nothing)})


def from_plan(planned: RunDefinition, given: RunRequest) -> RunRequest:
    """The request of a start that names a plan: the plan's, with what it does not keep.

    Secrets, parameters (the secret ones), number of hosts and change number are `given`. One
    that says everything itself takes only what chance has made of it.
    """
    if given.job is not None or given.step is not None:
        return given.model_copy(update={"seed": given.seed or planned.seed})
    return request_of(planned).model_copy(
        update={
            "plan": given.plan,
            "parameters": {**request_of(planned).parameters, **given.parameters},
            "secrets": given.secrets,
            "confirm_hosts": given.confirm_hosts,
            "change": given.change or planned.change or None,
            "acknowledge": given.acknowledge,
            "priority": given.priority or request_of(planned).priority,
            "override": given.override,
        }
    )


def request_of(planned: RunDefinition) -> RunRequest:
    """What was asked for, without secrets and confirmations; chance falls as it did."""
    assert planned.request is not None, "every plan keeps its request"
    return planned.request.model_copy(update={"seed": planned.seed})


def with_hidden(request: RunRequest, secret_parameters: Collection[str]) -> RunRequest:
    """A kept request made whole, to see what it would do now: its secrets are `***`."""
    hidden = dict.fromkeys(secret_parameters, HIDDEN)
    return request.model_copy(update={"parameters": {**request.parameters, **hidden}})


def check_fresh(plan_id: str, planned: RunDefinition, now: RunDefinition) -> None:
    """Raise PlanOutOfDate with everything that changed, unless `now` would do as planned."""
    if digest(planned) == digest(now):
        return
    problems = [
        Problem(where=change.path, what=_in_words(change.before, change.after))
        for change in definition_changes(planned, now)
        if change.path != "change"
    ] or [Problem(where="steps", what="the hosts are the same, in another order")]
    raise PlanOutOfDate(
        f"plan {plan_id} is out of date: something else would run now; nothing was started",
        problems=problems,
        hint=f"`jobdeck plans compare {plan_id}` shows all of it; then plan anew",
    )


def _in_words(before: Any, after: Any) -> str:
    was, now = (
        "nothing" if value is None else value if isinstance(value, str) else _json(value)
        for value in (before, after)
    )
    if max(len(was), len(now)) > _SHORT or "\n" in was + now:
        return "is another text now" if isinstance(after, str) else "has changed"
    return f"was {was}, is {now} now"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One host under one account, and what the work needs there."""

    ordinal: int
    account: str | None
    steps: tuple[StepBase, ...]
    interpreters: tuple[str, ...]
    rehearses: bool = False
    """It tries the one step without an effect, instead of looking around."""

    @property
    def is_detached(self) -> bool:
        """Whether the host is to keep any of the work."""
        return any(step.is_detached for step in self.steps)


def is_rehearsed(definition: RunDefinition, step: StepBase) -> bool:
    """Whether a check tries the step; values that only a run brings make it impossible."""
    if awaited(definition, step):
        return False
    hosts = [definition.hosts[ordinal] for ordinal in definition.step_hosts[step.name]]
    if not hosts:
        return False
    own = {"JOBDECK_RUN": "-", "JOBDECK_STEP": step.name, "JOBDECK_ATTEMPT": "1",
           "JOBDECK_HOST": hosts[0].name, "JOBDECK_ADDRESS": hosts[0].address}  # fmt: skip
    values = {**hosts[0].variables, **definition.parameters, **step.env, **definition.env, **own}
    env = {name: as_text(value) for name, value in values.items()}
    try:
        given = Given(script=definition.scripts.get(step.name), env=env)
        return step.rehearsal(given) is not None
    except (ValueError, Invalid):
        return False


def asked(definition: RunDefinition, level: PlanLevel) -> Sequence[Probe]:
    """Everything that a dry run of this level asks."""
    found = list(probes(definition))
    if level is PlanLevel.CHECK:
        found += rehearsals(definition)
    return found


def rehearsals(definition: RunDefinition) -> Iterator[Probe]:
    """Every target of every step that can be tried without an effect."""
    for step in definition.graph.steps:
        if is_rehearsed(definition, step):
            for ordinal in definition.step_hosts[step.name]:
                yield Probe(
                    ordinal=ordinal, account=None, steps=(step,), interpreters=(), rehearses=True
                )


def probes(definition: RunDefinition) -> Sequence[Probe]:
    """Every host under every account that would log in there, in the order of the hosts."""
    found: dict[tuple[int, str | None], list[StepBase]] = {}
    for step in definition.graph.steps:
        if not step.enters_host:
            continue  # nothing is run on the host
        for ordinal in definition.step_hosts[step.name]:
            host = definition.hosts[ordinal]
            account = definition.account_for(step, host)
            if host.protocol is Protocol.LOCAL:
                account = None
            found.setdefault((ordinal, account), []).append(step)
    return [
        Probe(
            ordinal=ordinal,
            account=account,
            steps=tuple(steps),
            interpreters=tuple(
                dict.fromkeys(
                    name
                    for step in steps
                    if (name := _interpreter(definition, definition.hosts[ordinal], step))
                )
            ),
        )
        for (ordinal, account), steps in sorted(found.items(), key=lambda item: item[0][0])
    ]


def _interpreter(definition: RunDefinition, host: FrozenHost, step: StepBase) -> str | None:
    """What must be installed on `host`; command lines are read by a shell of the host's own."""
    if host.protocol is Protocol.WINRM and isinstance(step, CommandStep):
        return host.shell
    return step.interpreter(definition.scripts.get(step.name))
