"""The batches of rolling steps on record. Changing them is part of one transaction, and journalled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from core.domain.run import TERMINAL_BATCH_STATES, BatchState
from core.storage.tables import step_batch
from core.storage.writer import Transaction, timestamp


class BatchRow(msgspec.Struct, frozen=True, kw_only=True):
    """One batch of one attempt of a step."""

    step: str
    attempt: int
    batch: int
    """From 0."""
    state: BatchState
    reason: str
    planned_at: str | None
    """When a staggered batch is to start."""
    started_at: str | None
    finished_at: str | None
    """When its targets had ended; a soak begins then."""


_COLUMNS = [step_batch.c[name] for name in BatchRow.__struct_fields__]


def batches_of(
    connection: Connection, run_id: str, step: str = "", attempt: int = 0
) -> list[BatchRow]:
    """Batches of a run in order, or those of one attempt of a step."""
    query = (
        select(*_COLUMNS)
        .where(step_batch.c.run_id == run_id)
        .order_by(step_batch.c.step, step_batch.c.attempt, step_batch.c.batch)
    )
    if step:
        query = query.where(step_batch.c.step == step, step_batch.c.attempt == attempt)
    names = BatchRow.__struct_fields__
    return [
        msgspec.convert(dict(zip(names, row, strict=True)), BatchRow)
        for row in connection.execute(query)
    ]


def open_batches(
    tx: Transaction,
    run_id: str,
    step: str,
    attempt: int,
    states: Sequence[BatchState],
    offsets_s: Sequence[float] | None,
) -> None:
    """Record the batches of an attempt that opens, with their planned times where they have any."""
    rows = []
    for batch, state in enumerate(states):
        planned_at = None
        if offsets_s is not None:
            planned_at = timestamp(tx.now + timedelta(seconds=offsets_s[batch]))
        rows.append(
            {
                "run_id": run_id,
                "step": step,
                "attempt": attempt,
                "batch": batch,
                "state": state.value,
                "planned_at": planned_at,
                "started_at": tx.at if state is BatchState.RUNNING else None,
            }
        )
    tx.connection.execute(insert(step_batch), rows)
    for row in rows:
        if row["started_at"] is not None:
            _journal(tx, row, len(rows), "")


def set_batch(
    tx: Transaction,
    run_id: str,
    step: str,
    attempt: int,
    batch: int,
    state: BatchState,
    count: int,
    *,
    reason: str = "",
) -> None:
    """Change the state of a batch, one of `count`. No `reason` keeps the last one."""
    place = {"run_id": run_id, "step": step, "attempt": attempt, "batch": batch}
    here = [step_batch.c[name] == value for name, value in place.items()]
    values: dict[str, Any] = {"state": state.value}
    if reason:
        values["reason"] = reason[:500]
    if state is BatchState.RUNNING:
        # One whose targets are asked again has begun before.
        started_at = func.coalesce(step_batch.c.started_at, tx.at)
        values |= {"started_at": started_at, "finished_at": None, "reason": ""}
    tx.connection.execute(update(step_batch).where(*here).values(**values))
    if state in TERMINAL_BATCH_STATES or state in (BatchState.SOAKING, BatchState.CHECKING):
        # The first of these states is the end of its targets.
        first = step_batch.c.started_at.is_not(None), step_batch.c.finished_at.is_(None)
        tx.connection.execute(update(step_batch).where(*here, *first).values(finished_at=tx.at))
    _journal(tx, {**place, "state": state.value}, count, reason)


def stand_as_before(
    tx: Transaction, run_id: str, step: str, attempt: int, batch: int, count: int
) -> bool:
    """A batch that had nothing to do in an attempt stands as it stood after the one before.

    False where there is none before, and nothing is changed.
    """
    earlier = batches_of(tx.connection, run_id, step, attempt - 1)
    before = next((row for row in earlier if row.batch == batch), None)
    if before is None:
        return False
    place = {"run_id": run_id, "step": step, "attempt": attempt, "batch": batch}
    kept = ("state", "reason", "planned_at", "started_at", "finished_at")
    tx.connection.execute(
        update(step_batch)
        .where(*(step_batch.c[name] == value for name, value in place.items()))
        .values({name: getattr(before, name) for name in kept})
    )
    _journal(tx, {**place, "state": before.state.value}, count, before.reason)
    return True


def _journal(tx: Transaction, row: dict[str, Any], count: int, reason: str) -> None:
    data = {name: row[name] for name in ("step", "attempt", "batch", "state")}
    tx.journal("engine", "run.batch", row["run_id"], {**data, "of": count, "reason": reason})
