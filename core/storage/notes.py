"""Notes on runs: what people want the next reader to know. Only ever added."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, insert, select

from core.storage.tables import run_note
from core.storage.writer import Transaction


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One note on a run."""

    id: int
    at: str
    actor: str
    text: str


_COLUMNS = [run_note.c[name] for name in Note.__struct_fields__]


def add(tx: Transaction, run_id: str, actor: str, text: str) -> Note:
    """Keep a note."""
    values = {"at": tx.at, "actor": actor, "text": text}
    result = tx.connection.execute(insert(run_note), {"run_id": run_id, **values})
    assert result.inserted_primary_key is not None
    tx.journal(actor, "run.noted", run_id, {"text": text})
    return Note(id=int(result.inserted_primary_key[0]), **values)


def of_run(
    connection: Connection, run_id: str, *, after: int = 0, limit: int = 1_000_000
) -> list[Note]:
    """Notes on a run, oldest first; `after` is the last `id` of the page before."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(run_note.c.run_id == run_id, run_note.c.id > after)
        .order_by(run_note.c.id)
        .limit(limit)
    )
    return [Note(**row._mapping) for row in rows]
