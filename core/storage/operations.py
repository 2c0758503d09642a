"""What people asked of a run after its start: who, when, what, of which targets, why.

A record is written in the transaction of the action itself and is never changed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, insert, select

from core.domain.targets import fold
from core.storage.tables import run_operation
from core.storage.writer import Transaction

_MOST_CHARACTERS = 400
"""Of names of hosts in one journal entry; the record has them all."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was asked of a run."""

    id: int
    at: str
    actor: str
    action: str
    step: str
    """"" where it is about the run as a whole."""
    attempt: int
    """The attempt that it is about; 0 where it is about none."""
    batch: int | None
    targets: list[str]
    """Names of the hosts that it is about; empty: it names none."""
    reason: str
    change: str
    """The change number under which it was asked; "" where none was given."""


_COLUMNS = [run_operation.c[name] for name in Operation.__struct_fields__]


def add(
    tx: Transaction,
    run_id: str,
    actor: str,
    action: str,
    *,
    step: str = "",
    attempt: int = 0,
    batch: int | None = None,
    targets: Sequence[str] = (),
    reason: str = "",
    change: str = "",
) -> None:
    """Record what `actor` asked."""
    place = {"step": step, "attempt": attempt, "batch": batch}
    tx.connection.execute(
        insert(run_operation),
        {
            "run_id": run_id,
            "at": tx.at,
            "actor": actor,
            "action": action,
            **place,
            "targets": json.dumps(list(targets), ensure_ascii=False),
            "reason": reason,
            "change": change,
        },
    )
    told = {name: value for name, value in place.items() if value not in ("", 0, None)}
    if change:
        told["change"] = change
    if targets:
        told |= {"hosts": fold(targets)[:_MOST_CHARACTERS], "count": len(targets)}
    tx.journal(actor, "run.operation", run_id, {"action": action, **told, "reason": reason})


def of_run(
    connection: Connection, run_id: str, *, after: int = 0, limit: int = 1_000_000
) -> list[Operation]:
    """What was asked of a run, oldest first; `after` is the last `id` of the page before."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(run_operation.c.run_id == run_id, run_operation.c.id > after)
        .order_by(run_operation.c.id)
        .limit(limit)
    )
    return [Operation(**{**row._mapping, "targets": json.loads(row.targets)}) for row in rows]
