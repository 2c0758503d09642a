"""Places in a run: from what a request names to the attempt, or the target, that it means."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.errors import Invalid, NotFound, Problem
from core.storage import runs
from core.storage.reading import Connection
from core.storage.runs import StepRow, TargetFilter, TargetRow

EVERY_STEP = "*"
"""Stands for all attempts of all steps, where a request may mean them; no step has this name."""


def attempt_of(connection: Connection, run_id: str, step: str, attempt: int) -> StepRow:
    """The attempt of `step`; "" is the step that started last, 0 its latest attempt."""
    rows = runs.steps_of(connection, run_id)
    if not rows:
        raise NotFound("step", step or "(any)")
    name = step or rows[-1].step
    known = [row for row in rows if row.step == name]
    if not known:
        raise NotFound("step", step, list(dict.fromkeys(row.step for row in rows)))
    found = [row for row in known if attempt in (0, row.attempt)]
    if not found:
        raise NotFound("attempt", str(attempt), place=f"step {name}")
    return max(found, key=lambda row: row.attempt)


def target_of(
    connection: Connection,
    run_id: str,
    *,
    step: str,
    attempt: int,
    ordinal: int | None,
    host: str | None,
) -> TargetRow:
    """The target that a request names by its ordinal or its host.

    One that was not run again stands for the attempt in which it ran.
    """
    if (ordinal is None) == (host is None):
        problem = Problem(where="ordinal", what="give `ordinal` or `host`, one of the two")
        raise Invalid("the query does not name a target", [problem])
    place = attempt_of(connection, run_id, step, attempt)
    where = TargetFilter(
        step=place.step, attempt=place.attempt, ordinal=ordinal, host="" if host is None else host
    )
    found = _carried_back(connection, run_id, runs.targets_of(connection, run_id, where), where)
    if not found or host == "":
        known = runs.targets_of(connection, run_id, TargetFilter(step=place.step)) if host else []
        named = str(ordinal) if host is None else host
        raise NotFound("target", named, [row.host for row in known], place=f"step {place.step}")
    return found[0]


def selection_of(
    connection: Connection, run_id: str, *, step: str, attempt: int, ordinals: Sequence[int]
) -> frozenset[int] | None:
    """The ids of the targets that a request means; None for all of the run.

    No ordinals mean all targets. One that was not run again stands for the attempt in which it ran.
    """
    if step == EVERY_STEP:
        if not ordinals:
            return None
        wheres = [TargetFilter(ordinal=ordinal) for ordinal in ordinals]
        found = [row for where in wheres for row in runs.targets_of(connection, run_id, where)]
    elif ordinals:
        found = [
            target_of(connection, run_id, step=step, attempt=attempt, ordinal=ordinal, host=None)
            for ordinal in ordinals
        ]
    else:
        found = targets_of(connection, run_id, attempt_of(connection, run_id, step, attempt))
    return frozenset(row.id for row in found)


def targets_of(connection: Connection, run_id: str, place: StepRow) -> list[TargetRow]:
    """The targets of an attempt; where one was carried over, the row of what ran."""
    where = TargetFilter(step=place.step, attempt=place.attempt)
    rows = runs.targets_of(connection, run_id, where)
    return _carried_back(connection, run_id, rows, where)


def _carried_back(
    connection: Connection, run_id: str, rows: Sequence[TargetRow], where: TargetFilter
) -> list[TargetRow]:
    """`rows`, each that was not run again replaced by the one that ran: they share their id."""
    ran = {row.attempt_id: row for row in rows}
    for attempt in range(where.attempt - 1, 0, -1):
        before = msgspec.structs.replace(where, attempt=attempt)
        earlier = runs.targets_of(connection, run_id, before)
        carried = {row.attempt_id: row for row in earlier if row.attempt_id in ran}
        if not carried:
            break
        ran |= carried
    return [ran[row.attempt_id] for row in rows]
