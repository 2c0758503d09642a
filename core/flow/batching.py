"""Which steps of a run roll, by which rules, and in which batches. Pure.

A step rolls when it says `rolling`, or when the start does; what the start says
is laid over what the step says. A rolling step without an expression takes the
one of its hosts' environment, and is one batch where there is none. All of it is
settled before the start: the frozen steps say everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import ValidationError

from core.domain import variables
from core.domain.access import EnvironmentSpec
from core.domain.documents import problems_of
from core.domain.job import JobSpec
from core.domain.rolling import (
    ALL_AT_ONCE,
    Batches,
    Candidate,
    Rolling,
    fractions,
    planned_offsets,
    resolve,
)
from core.domain.steps import Step
from core.domain.targets import Inventory
from core.errors import Invalid, Problem
from core.flow.definition import FrozenHost, RunRequest
from core.flow.works import Work


class Documents(Protocol):
    """What is looked at beside the frozen hosts."""

    @property
    def environments(self) -> Mapping[str, EnvironmentSpec]: ...
    @property
    def inventory(self) -> Inventory: ...
    def job(self, name: str, revision: int | None = None) -> tuple[JobSpec, int]: ...


@dataclass(slots=True)
class Rolled:
    """The steps with their settled rules, and their batches."""

    steps: list[Step] = field(default_factory=list)
    batches: dict[str, Batches] = field(default_factory=dict)
    offsets_s: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Step -> planned start of each staggered batch, in seconds after the step's own."""
    seed: str = ""
    """What chance follows from; "" where nothing depends on it."""


def roll(
    request: RunRequest,
    work: Work,
    hosts: Sequence[FrozenHost],
    step_hosts: Mapping[str, Sequence[int]],
    documents: Documents,
) -> Rolled:
    """Settle the rules of every step. Raises: Invalid, NotFound."""
    rolled = Rolled()
    for step in work.steps:
        if step.runs_once or (step.rolling or request.rolling) is None:
            rolled.steps.append(step)
            continue
        try:
            targets = {ordinal: hosts[ordinal] for ordinal in step_hosts[step.name]}
            _roll_step(rolled, step, request, targets, documents)
        except Invalid as error:
            # What the start says is its own flag; what only the job says is found there.
            prefix = "" if request.rolling is not None else work.place(step.name, "")
            raise _under(prefix, error) from None
    if request.rolling is not None and not rolled.batches:
        raise Invalid("nothing rolls: every step of the job runs once, on the engine's machine")
    return rolled


def _roll_step(
    rolled: Rolled,
    step: Step,
    request: RunRequest,
    targets: Mapping[int, FrozenHost],
    documents: Documents,
) -> None:
    rolling = _merged(request.rolling, step.rolling)
    if rolling.batch is None:
        usual = _usual_expression(targets.values(), documents)
        rolling = rolling.model_copy(update={"batch": usual})
    if rolling.health is not None:
        _check_health(rolling.health, documents)
    ranks = _ranks(rolling.rank, targets, documents)
    candidates = [
        Candidate(ordinal, host.name, ranks.get(ordinal)) for ordinal, host in targets.items()
    ]
    seed = f"{request.seed}/{step.name}"
    batches = resolve(candidates, rolling, seed)
    rolled.steps.append(step.model_copy(update={"rolling": rolling}))
    rolled.batches[step.name] = batches
    if rolling.stagger is not None:
        random = fractions(seed, len(batches))
        rolled.offsets_s[step.name] = planned_offsets(rolling.stagger, random)
    if rolling.uses_chance:
        rolled.seed = request.seed


def _merged(said: Rolling | None, weaker: Rolling | None) -> Rolling:
    if said is None:
        assert weaker is not None
        return weaker
    try:
        return said.over(weaker)
    except ValidationError as error:
        raise Invalid(
            "the start and the step do not fit together", problems_of(error, Rolling, "rolling")
        ) from None


def _usual_expression(targets: Iterable[FrozenHost], documents: Documents) -> str:
    """What the targets' environments roll by; one batch where they say nothing."""
    names = sorted({host.environment for host in targets if host.environment is not None})
    found = {name: batch for name in names if (batch := documents.environments[name].batch)}
    if len(set(found.values())) > 1:
        said = ", ".join(f"{name} says {batch!r}" for name, batch in found.items())
        raise Invalid(
            "the targets' environments roll differently",
            [Problem(where="rolling.batch", what=f"is missing, and {said}", hint="--batch EXPR")],
        )
    return next(iter(found.values()), ALL_AT_ONCE)


def _check_health(name: str, documents: Documents) -> None:
    """A check is started by the engine, which knows no values and waits for nobody."""
    job, _ = documents.job(name)
    problems = []
    try:
        variables.bind(job.parameters, {})
    except Invalid as error:
        problems += [
            f"has parameters that nobody would give: {problem}" for problem in error.problems
        ]
    if any(step.rolling is not None for step in job.steps):
        problems.append("rolls itself")
    if problems:
        raise Invalid(
            f"job {name} cannot be a health check",
            [Problem(where="rolling.health", what=f"job {name} {what}") for what in problems],
        )


def _ranks(
    attribute: str | None, targets: Mapping[int, FrozenHost], documents: Documents
) -> dict[int, str]:
    """Ordinal -> value of the rank attribute: a label, or else a variable."""
    if attribute is None:
        return {}
    inventory = documents.inventory.hosts
    found = {}
    for ordinal, host in targets.items():
        values = {
            **host.variables,
            **(inventory[host.name].labels if host.name in inventory else {}),
        }
        if attribute in values:
            found[ordinal] = values[attribute]
    if targets and not found:
        what = f"no target has a label or a variable {attribute!r}"
        raise Invalid("nothing to rank by", [Problem(where="rolling.rank", what=what)])
    return found


def _under(prefix: str, error: Invalid) -> Invalid:
    problems = [
        Problem(where=f"{prefix}{problem.where}", what=problem.what, hint=problem.hint)
        for problem in error.problems
    ]
    return Invalid(error.message, problems, hint=error.hint)
