"""Sealed secrets as rows. What is inside them is the vault's business."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Sequence, Set
from datetime import timedelta

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from core.storage.tables import document_reference, secret, setting
from core.storage.writer import Transaction, timestamp


class SealedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed secret."""

    id: str
    owner: str
    nonce: bytes
    ciphertext: bytes
    key_id: str
    fingerprint: bytes
    wrapped_key: bytes | None
    """Its data key under the master key; None: a text of the first scheme."""


_FINGERPRINTS = "vault.fingerprints"
_COLUMNS = [secret.c[name] for name in SealedRow.__struct_fields__]
_NEWEST = select(*_COLUMNS).order_by(secret.c.id.desc()).limit(bindparam("most"))
_DELETE = delete(secret).where(
    secret.c.owner >= bindparam("first"), secret.c.owner < bindparam("end")
)


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
    tx.connection.execute(_DELETE, {"first": prefix, "end": after})


def key_ids(connection: Connection) -> Set[str]:
    """The master keys under which anything is sealed."""
    return {row[0] for row in connection.execute(select(secret.c.key_id).distinct())}


def newest(connection: Connection, most: int) -> Sequence[SealedRow]:
    """The `most` that came last, the newest first."""
    rows = connection.execute(_NEWEST, {"most": most})
    return [SealedRow(**row._mapping) for row in rows]


def every(connection: Connection) -> Iterator[SealedRow]:
    """All of them, oldest first."""
    for row in connection.execute(select(*_COLUMNS).order_by(secret.c.id)):
        yield SealedRow(**row._mapping)


def replace(tx: Transaction, row: SealedRow) -> None:
    """Put a row in the place of the one that has its id."""
    values = msgspec.structs.asdict(row)
    tx.connection.execute(update(secret).where(secret.c.id == row.id).values(**values))


def counts(connection: Connection) -> tuple[int, int]:
    """How many there are, and how many of them have no data key of their own."""
    query = select(func.count(), func.count().filter(secret.c.wrapped_key.is_(None)))
    total, old = connection.execute(query.select_from(secret)).one()
    return total, old


def fingerprint_key(connection: Connection) -> tuple[str, bytes] | None:
    """The master key that wraps the key of fingerprints, and that; None: it is derived."""
    query = select(setting.c.value).where(setting.c.name == _FINGERPRINTS)
    value = connection.execute(query).scalar()
    if value is None:
        return None
    key_id, wrapped = str(value).split(":")
    return key_id, base64.b64decode(wrapped)


def keep_fingerprint_key(tx: Transaction, key_id: str, wrapped: bytes) -> None:
    """Keep it in the place of the one before."""
    tx.connection.execute(delete(setting).where(setting.c.name == _FINGERPRINTS))
    value = f"{key_id}:{base64.b64encode(wrapped).decode('ascii')}"
    tx.connection.execute(insert(setting), {"name": _FINGERPRINTS, "value": value})


class KeptSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A document's secret as lists show it: everything but the secret."""

    owner: str
    """`kind/name/field`."""
    created_at: str
    used_at: str | None
    """To the hour; None: never."""
    used_by: list[str]
    """`kind/name` of the documents that refer to the one whose it is."""


def listed(connection: Connection, after: str, limit: int) -> list[KeptSecret]:
    """Documents' secrets by owner, from the one after `after` on; runs' own are left out."""
    query = (
        select(secret.c.owner, func.max(secret.c.created_at), func.max(secret.c.used_at))
        .where(secret.c.owner > after, secret.c.owner.not_like("run/%"))
        .group_by(secret.c.owner)
        .order_by(secret.c.owner)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    users: dict[tuple[str, str], list[str]] = {}
    for key in {_document_of(owner) for owner, *_ in rows}:
        link = document_reference.c
        found = connection.execute(
            select(link.kind, link.name)
            .where(link.to_kind == key[0], link.to_name == key[1])
            .order_by(link.kind, link.name)
        )
        users[key] = [f"{kind}/{name}" for kind, name in found]
    return [
        KeptSecret(
            owner=owner, created_at=created, used_at=used, used_by=users[_document_of(owner)]
        )
        for owner, created, used in rows
    ]


def touch(tx: Transaction, ids: Collection[str]) -> None:
    """Note that they are used now; nothing is written where that was noted in the last hour."""
    an_hour_ago = timestamp(tx.now - timedelta(hours=1))
    stale = or_(secret.c.used_at.is_(None), secret.c.used_at < an_hour_ago)
    tx.connection.execute(update(secret).where(secret.c.id.in_(ids), stale).values(used_at=tx.at))


def _document_of(owner: str) -> tuple[str, str]:
    kind, name, _ = owner.split("/", 2)
    return kind, name
