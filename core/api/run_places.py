"""Places in a run: from what a request names to the attempt, or the target, that it means."""

from __future__ import annotations

from core.domain.run import TargetState
from core.errors import Invalid, NotFound, Problem
from core.storage import runs
from core.storage.reading import Connection
from core.storage.runs import StepRow, TargetFilter, TargetRow


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
        raise NotFound(f"attempt of step {name}", str(attempt))
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

    One that was not run again stands for the attempt in which it succeeded.
    """
    if (ordinal is None) == (host is None):
        problem = Problem(where="ordinal", what="give `ordinal` or `host`, one of the two")
        raise Invalid("the query does not name a target", [problem])
    place = attempt_of(connection, run_id, step, attempt)
    rows = targets_of(connection, run_id, place)
    for row in rows:
        if row.ordinal == ordinal or row.host == host:
            return row
    named = host if host is not None else str(ordinal)
    known = [row.host for row in rows] if host is not None else []
    raise NotFound(f"target of step {place.step}", named, known)


def targets_of(connection: Connection, run_id: str, place: StepRow) -> list[TargetRow]:
    """The targets of an attempt; where one was carried over, the row of its success."""
    where = TargetFilter(step=place.step, attempt=place.attempt)
    rows = runs.targets_of(connection, run_id, where)
    carried = {row.ordinal for row in rows if row.state is TargetState.LAST_SUCCESS}
    attempt = place.attempt
    successes: dict[int, TargetRow] = {}
    while carried and attempt > 1:
        attempt -= 1
        before = runs.targets_of(connection, run_id, TargetFilter(step=place.step, attempt=attempt))
        for row in before:
            if row.ordinal in carried and row.state is not TargetState.LAST_SUCCESS:
                successes[row.ordinal] = row
                carried.discard(row.ordinal)
    return [successes.get(row.ordinal, row) for row in rows]
