"""What a request comes to, by one state of the record. Nothing here waits or writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.domain.run import RunState
from core.errors import Invalid, Problem
from core.flow import dangers, inside, planning, works
from core.flow.definition import RunDefinition, RunRequest
from core.storage import hosts, runs
from core.storage.documents import Snapshot, snapshot
from core.storage.reading import Connection


@dataclass(frozen=True, slots=True)
class Moment:
    """What a request is resolved by."""

    documents: Snapshot
    away: Mapping[str, str]
    """Hosts that take part in nothing that does not ask for them, and why."""
    outcomes: Mapping[str, works.Outcome]
    """What the frozen nodes of the request came to."""


def moment_of(c: Connection, request: RunRequest, now: datetime) -> Moment:
    """The moment of a request. Invalid with every frozen node that has no good end."""
    return Moment(snapshot(c), hosts.away(c, now), _outcomes(c, request))


def resolve(request: RunRequest, moment: Moment) -> RunDefinition:
    """What would run, if the guard rails let it."""
    return planning.resolve(request, moment.documents, moment.away, moment.outcomes)


def resolve_and_look(
    request: RunRequest, moment: Moment
) -> tuple[RunDefinition, list[dangers.StepHit]]:
    """What would run, and the dangers that it meets."""
    definition = resolve(request, moment)
    return definition, inside.find_dangers(definition, moment.documents)


def _outcomes(connection: Connection, request: RunRequest) -> dict[str, works.Outcome]:
    found, problems = {}, []
    for node, run_id in request.frozen.items():
        row = runs.get(connection, run_id)
        ends = [each for each in runs.steps_of(connection, row.id) if each.step == node]
        if ends and ends[-1].state is RunState.SUCCEEDED:
            found[node] = works.Outcome(row.id, ends[-1].outputs)
            continue
        what = (
            f"it did not succeed in run {row.id}" if ends else f"it did not begin in run {row.id}"
        )
        problems.append(Problem(where=f"frozen.{node}", what=what))
    if problems:
        raise Invalid("a node cannot be frozen", problems)
    return found
