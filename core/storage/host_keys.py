"""Host keys on record: rows and their values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from core.domain.hostkeys import KeySource, KeyStatus, KnownKey
from core.errors import NotFound
from core.storage.tables import host_key
from core.storage.writer import Transaction


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One key on record, with its id and its history."""

    id: str
    first_seen_at: str
    key: KnownKey


def _key_row(row: Row[Any]) -> KeyRow:
    decided_at = datetime.fromisoformat(row.decided_at) if row.decided_at else None
    return KeyRow(
        id=row.id,
        first_seen_at=row.first_seen_at,
        key=KnownKey(
            pattern=row.pattern,
            public_key=row.public_key,
            status=KeyStatus(row.status),
            authority=bool(row.authority),
            host=row.host,
            source=KeySource(row.source),
            decided_by=row.decided_by or "",
            decided_at=decided_at,
        ),
    )


def list_keys(
    connection: Connection,
    *,
    status: KeyStatus | None = None,
    after: str = "",
    limit: int = 100_000,
) -> list[KeyRow]:
    """Oldest first; `after` is the id of the last one of the page before."""
    query = select(host_key).where(host_key.c.id > after).order_by(host_key.c.id).limit(limit)
    if status is not None:
        query = query.where(host_key.c.status == status.value)
    return [_key_row(row) for row in connection.execute(query)]


def by_ids(connection: Connection, ids: Sequence[str]) -> list[KeyRow]:
    """The keys that have one of these ids."""
    rows = connection.execute(select(host_key).where(host_key.c.id.in_(ids)))
    return [_key_row(row) for row in rows]


def add(tx: Transaction, id_: str, key: KnownKey, actor: str) -> KeyRow | None:
    """Put a key on record; None when the same key is there already, which is left as it is."""
    known = tx.connection.execute(
        select(host_key.c.id).where(
            host_key.c.pattern == key.pattern,
            host_key.c.public_key == key.public_key,
            host_key.c.authority == int(key.authority),
        )
    ).first()
    if known is not None:
        return None
    decided = key.status is not KeyStatus.PENDING
    tx.connection.execute(
        insert(host_key),
        {
            "id": id_,
            "pattern": key.pattern,
            "key_type": key.key_type,
            "public_key": key.public_key,
            "fingerprint": key.fingerprint,
            "status": key.status.value,
            "authority": int(key.authority),
            "host": key.host,
            "source": key.source.value,
            "first_seen_at": tx.at,
            "decided_at": tx.at if decided else None,
            "decided_by": (key.decided_by or actor) if decided else None,
        },
    )
    _journal(tx, id_, key, actor)
    return by_ids(tx.connection, [id_])[0]


def decide(tx: Transaction, id_: str, status: KeyStatus, actor: str) -> KeyRow:
    """Approve or revoke a key that is on record; NotFound when it is not."""
    changed = tx.connection.execute(
        update(host_key)
        .where(host_key.c.id == id_)
        .values(status=status.value, decided_at=tx.at, decided_by=actor)
    )
    if not changed.rowcount:
        raise NotFound("host key", id_)
    row = by_ids(tx.connection, [id_])[0]
    _journal(tx, id_, row.key, actor)
    return row


def _journal(tx: Transaction, id_: str, key: KnownKey, actor: str) -> None:
    data = {"host": key.host, "pattern": key.pattern, "fingerprint": key.fingerprint}
    tx.journal(actor, f"host_key.{key.status.value}", id_, {**data, "authority": key.authority})
