"""Runs with output in a store, made without executing anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import func, select

from core.storage import output, tables
from core.storage.chunks import Piece
from core.storage.store import Store
from core.storage.writer import Transaction
from tests.support.waiting import until

AT = "2026-01-01T00:00:00.000000Z"
_PATIENCE_S = 20


def write(store: Store, do: Callable[[Transaction], Any]) -> Any:
    """One write, committed."""
    return store.writer.submit(do).result(_PATIENCE_S)


def piece(data: bytes, stream: str = "out", at: str = AT) -> Piece:
    return Piece(stream=stream, data=data, at=at)


def add_run(
    store: Store, run_id: str, hosts: Sequence[str], *, job: str = "", **fields: Any
) -> list[int]:
    """A run of one step that has succeeded on these hosts; the ids of its targets."""

    def make(tx: Transaction) -> list[int]:
        row = {
            "id": run_id,
            "title": "",
            "origin": f"job/{job}@1" if job else "adhoc",
            "job": job,
            "state": "succeeded",
            "actor": "me",
            "created_at": tx.at,
            "finished_at": tx.at,
            "target_count": len(hosts),
            "counts": "{}",
            "summary": "",
            **fields,
        }
        tx.connection.execute(tables.run.insert(), row)
        common = {"run_id": run_id, "step": "main", "attempt": 1, "state": "success"}
        last = tx.connection.execute(select(func.max(tables.target_run.c.id))).scalar() or 0
        ids = [last + 1 + n for n in range(len(hosts))]
        rows = [
            {**common, "id": id_, "ordinal": n, "host": host, "attempt_id": f"{run_id}{n}"[-26:]}
            for n, (id_, host) in enumerate(zip(ids, hosts, strict=True))
        ]
        tx.connection.execute(tables.target_run.insert(), rows)
        return ids

    return list(write(store, make))


def put(store: Store, run_id: str, target: int, pieces: Sequence[Piece]) -> int:
    """Append to what a target printed; its size then."""
    offset = store.reader.read_now(lambda c: output.size(c, target))
    addition = output.Addition(target_run_id=target, offset=offset, pieces=pieces)
    write(store, lambda tx: output.append(tx, run_id, [addition]))
    return store.reader.read_now(lambda c: output.size(c, target))


def wait_for_index(store: Store) -> None:
    """Until the search index has come to all output."""
    until(lambda: store.reader.read_now(store.indexer.behind) == 0)
