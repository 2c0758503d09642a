"""Sealed secrets as rows. What is inside them is the vault's business."""

from __future__ import annotations

from collections.abc import Set

import msgspec
from sqlalchemy import Connection, delete, insert, select

from core.storage.tables import secret
from core.storage.writer import Transaction


class SealedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed secret."""

    id: str
    owner: str
    nonce: bytes
    ciphertext: bytes
    key_id: str
    fingerprint: bytes


_COLUMNS = [secret.c[name] for name in SealedRow.__struct_fields__]


def add(tx: Transaction, row: SealedRow) -> None:
    """Keep a sealed secret."""
    tx.connection.execute(insert(secret), {**msgspec.structs.asdict(row), "created_at": tx.at})


def find(connection: Connection, id_: str) -> SealedRow | None:
    """The sealed secret of this id."""
    row = connection.execute(select(*_COLUMNS).where(secret.c.id == id_)).first()
    return None if row is None else SealedRow(**row._mapping)


def id_of(connection: Connection, owner: str, fingerprint: bytes) -> str | None:
    """Id of the owner's newest secret with this fingerprint."""
    query = select(secret.c.id).where(secret.c.owner == owner, secret.c.fingerprint == fingerprint)
    return connection.execute(query.order_by(secret.c.id.desc()).limit(1)).scalar()


def owner_of(connection: Connection, id_: str) -> str | None:
    """Whose secret it is; None when there is no such secret."""
    return connection.execute(select(secret.c.owner).where(secret.c.id == id_)).scalar()


def delete_owner(tx: Transaction, prefix: str) -> None:
    """Delete every secret whose owner begins with `prefix`, which ends with a slash."""
    assert prefix.endswith("/"), "without its slash, `a/b` would take `a/bc` along"
    after = prefix[:-1] + chr(ord("/") + 1)
    tx.connection.execute(delete(secret).where(secret.c.owner >= prefix, secret.c.owner < after))


def key_ids(connection: Connection) -> Set[str]:
    """The master keys under which anything is sealed."""
    return {row[0] for row in connection.execute(select(secret.c.key_id).distinct())}
