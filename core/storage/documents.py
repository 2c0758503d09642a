"""Documents on record: looking them up, listing them, their history, and who uses them.

The door to stored documents; changing them is `document_writes`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from core.errors import NotFound
from core.storage import selectors
from core.storage.document_checks import names
from core.storage.document_rows import Key, StoredDocument, at_revision, find_all, stored_from
from core.storage.document_writes import Action, Documents, PlannedChange, Sealer
from core.storage.snapshot import Snapshot, snapshot
from core.storage.tables import document, document_reference, document_revision

__all__ = [
    "Action",
    "Documents",
    "Filter",
    "Key",
    "PlannedChange",
    "Revision",
    "Sealer",
    "Snapshot",
    "StoredDocument",
    "at_revision",
    "count",
    "every",
    "find_all",
    "get",
    "history",
    "list_documents",
    "names",
    "snapshot",
    "users_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list is narrowed to; empty fields narrow nothing."""

    kind: str = ""
    selector: str = ""
    """Labels and names in the target grammar, such as `env=prod,!legacy`."""
    text: str = ""
    """Words that must all occur in the name, the labels or the spec, in any letter case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One entry of a document's history."""

    revision: int
    change: str
    """`created`, `replaced` or `deleted`."""
    at: str
    actor: str


def get(connection: Connection, kind: str, name: str) -> StoredDocument:
    """The current document; NotFound suggests the nearest name."""
    query = select(document).where(document.c.kind == kind, document.c.name == name)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(kind, name, names(connection, kind))
    return stored_from(row)


def every(connection: Connection, kind: str) -> list[StoredDocument]:
    """All documents of a kind, by name."""
    query = select(document).where(document.c.kind == kind).order_by(document.c.name)
    return [stored_from(row) for row in connection.execute(query)]


def list_documents(
    connection: Connection, where: Filter, *, after: Key | None = None, limit: int
) -> list[StoredDocument]:
    """Up to `limit` documents in the order of kind and name, from behind `after` on.

    The position is a key and not a number, so changes meanwhile neither repeat nor hide others.
    """
    query = select(document).where(_condition(where))
    if after is not None:
        kind, name = after
        behind = and_(document.c.kind == kind, document.c.name > name)
        query = query.where(behind if where.kind else or_(document.c.kind > kind, behind))
    query = query.order_by(document.c.kind, document.c.name).limit(limit)
    return [stored_from(row) for row in connection.execute(query)]


def count(connection: Connection, where: Filter) -> int:
    """How many documents `where` leaves."""
    query = select(func.count()).select_from(document).where(_condition(where))
    return connection.execute(query).scalar_one()


def history(connection: Connection, kind: str, name: str) -> list[Revision]:
    """Every revision, newest first; NotFound when there never was such a document."""
    rows = connection.execute(
        select(document_revision)
        .where(document_revision.c.kind == kind, document_revision.c.name == name)
        .order_by(document_revision.c.revision.desc())
    ).all()
    if not rows:
        raise NotFound(kind, name, names(connection, kind))
    return [
        Revision(revision=row.revision, change=row.change, at=row.at, actor=row.actor)
        for row in rows
    ]


def users_of(connection: Connection, kind: str, name: str) -> list[Key]:
    """The documents that refer to this one, in order."""
    to = document_reference.c
    rows = connection.execute(
        select(to.kind, to.name)
        .where(to.to_kind == kind, to.to_name == name)
        .order_by(to.kind, to.name)
    )
    return [(row.kind, row.name) for row in rows]


def _condition(where: Filter) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [document.c.kind == where.kind] if where.kind else []
    if where.selector:
        parts.append(selectors.condition(where.selector))
    parts += [_contains(word) for word in where.text.split()]
    return and_(True, *parts)


def _contains(word: str) -> ColumnElement[bool]:
    stored: Sequence[ColumnElement[str]] = (document.c.labels, document.c.spec)
    written = json.dumps(word, ensure_ascii=False)[1:-1]  # as it stands inside JSON text
    return or_(
        document.c.name.icontains(word, autoescape=True),
        *(column.icontains(written, autoescape=True) for column in stored),
    )
