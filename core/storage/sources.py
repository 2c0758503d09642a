"""Inventory sources on record: how they answered, and which hosts they made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import zstandard
from sqlalchemy import Connection, delete, insert, select

from core.domain.sources import HostAction, HostChange, Owned, digest
from core.storage.document_writes import Documents
from core.storage.tables import document, source_host, source_state
from core.storage.writer import Transaction


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """How a source answered."""

    source: str
    asked_at: str
    failure: str = ""
    """Why the latest look failed; "" where it did not."""
    good_at: str | None = None
    """When it last gave an answer that could be read."""


def states(connection: Connection) -> dict[str, SourceState]:
    """How every source that was ever asked answered, by its name."""
    columns = [source_state.c[name] for name in SourceState.__struct_fields__]
    rows = connection.execute(select(*columns).order_by(source_state.c.source))
    return {row.source: SourceState(**row._mapping) for row in rows}


def failing(connection: Connection) -> dict[str, str]:
    """Sources that did not answer when they were last asked, and why."""
    query = select(source_state.c.source, source_state.c.failure).join(
        document,
        (document.c.kind == "inventory-source") & (document.c.name == source_state.c.source),
    )
    rows = connection.execute(query.where(source_state.c.failure != ""))
    return {row.source: row.failure for row in rows}


def last_good(connection: Connection, source: str) -> list[dict[str, Any]] | None:
    """The documents of the last good answer; None where there never was one."""
    query = select(source_state.c.good).where(source_state.c.source == source)
    packed = connection.execute(query).scalar()
    if packed is None:
        return None
    found: list[dict[str, Any]] = msgspec.json.decode(
        zstandard.ZstdDecompressor().decompress(packed)
    )
    return found


def owned(connection: Connection) -> dict[str, Owned]:
    """Every host that a source made, by its name."""
    return {
        row.host: Owned(source=row.source, digest=row.digest, vanished_at=row.vanished_at)
        for row in connection.execute(select(source_host))
    }


def answered(tx: Transaction, source: str, bodies: Sequence[Mapping[str, Any]], actor: str) -> None:
    """Record a good answer; journalled where the last one was none."""
    packed = zstandard.ZstdCompressor(level=3).compress(msgspec.json.encode(bodies))
    before = states(tx.connection).get(source)
    _put(tx, source, failure="", good_at=tx.at, good=packed)
    if before is not None and before.failure:
        tx.journal(actor, "source.answered", f"inventory-source/{source}", {"hosts": len(bodies)})


def failed(tx: Transaction, source: str, failure: str, actor: str) -> None:
    """Record a failure; the last good answer stays. The same failure again is not journalled."""
    row = tx.connection.execute(select(source_state).where(source_state.c.source == source)).first()
    good_at, good = (row.good_at, row.good) if row else (None, None)
    _put(tx, source, failure=failure, good_at=good_at, good=good)
    if row is None or row.failure != failure:
        tx.journal(actor, "source.failed", f"inventory-source/{source}", {"reason": failure})


def _put(tx: Transaction, source: str, **values: Any) -> None:
    tx.connection.execute(delete(source_state).where(source_state.c.source == source))
    tx.connection.execute(insert(source_state), {"source": source, "asked_at": tx.at, **values})


def carry_out(
    tx: Transaction, documents: Documents, source: str, changes: Sequence[HostChange], actor: str
) -> None:
    """Make the hosts what the source says; all of it, or nothing."""
    done = [change for change in changes if change.action not in _NOTHING]
    written = [change for change in done if change.document is not None]
    documents.apply(tx, [c.document for c in written if c.document is not None], actor)
    for change in done:
        _own(tx, source, change)
    counts: dict[str, list[str]] = {}
    for change in done:
        counts.setdefault(change.action.value, []).append(change.host)
    if done:
        tx.journal(actor, "source.applied", f"inventory-source/{source}", counts)


_NOTHING = frozenset({HostAction.KEEP, HostAction.UNCHANGED})


def _own(tx: Transaction, source: str, change: HostChange) -> None:
    its_own = source_host.c.host == change.host
    if change.document is None:
        vanish = source_host.update().where(its_own).values(vanished_at=tx.at)
        tx.connection.execute(vanish)
        return
    tx.connection.execute(delete(source_host).where(its_own))
    row = {"host": change.host, "source": source, "digest": digest(change.document)}
    tx.connection.execute(insert(source_host), row)
