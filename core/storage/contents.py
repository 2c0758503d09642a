"""Which contents there are, and who refers to each: documents and runs.

A row stands only for a file that is on the disk (`blobs.py`): it comes after the file, and goes
before it. What no document names and no run on record has sent is unused; it goes when it has
been so for a time of grace.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from core.domain.files.contents import KIND
from core.errors import Invalid, NotFound, Problem
from core.storage.document_rows import batches
from core.storage.tables import content, document_reference, run_content
from core.storage.writer import Transaction

_NAMED = 10


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """One content, and who refers to it."""

    sha256: str
    size_bytes: int
    added_at: str
    added_by: str
    used_at: str
    """When it was last added, named by a document or a run, or given up by a document."""
    used_by: list[str]
    """Documents: `job/deploy`."""
    runs: int
    """Runs on record that have sent it, or will."""


def add(tx: Transaction, sha256: str, size_bytes: int, actor: str) -> None:
    """Put a content on record whose file is on disk; one that is there is used anew."""
    if known(tx.connection, [sha256]):
        touch(tx, [sha256])
        return
    row = {"sha256": sha256, "size_bytes": size_bytes, "added_at": tx.at, "added_by": actor}
    tx.connection.execute(insert(content), {**row, "used_at": tx.at})
    tx.journal(actor, "content.added", f"{KIND}/{sha256}", {"size_bytes": size_bytes})


def known(connection: Connection, wanted: Collection[str]) -> set[str]:
    """Those of `wanted` that there are."""
    column = content.c.sha256
    return {
        found
        for some in batches(wanted)
        for found in connection.execute(select(column).where(column.in_(some))).scalars()
    }


def all_known(connection: Connection) -> frozenset[str]:
    """Every content that there is."""
    return frozenset(connection.execute(select(content.c.sha256)).scalars())


def require(connection: Connection, wanted: Collection[str]) -> None:
    """Invalid, with what is missing, unless there are all of `wanted`."""
    if missing := sorted(set(wanted) - known(connection, wanted)):
        raise Invalid(
            "the run has no way to its contents",
            [Problem(where=each, what="there is no such content") for each in missing[:_NAMED]],
            hint="`jobdeck contents add FILE` brings one",
        )


def hold(tx: Transaction, run_id: str, wanted: Collection[str]) -> None:
    """Keep `wanted` for as long as the run is on record; Invalid where one is missing."""
    if not wanted:
        return
    require(tx.connection, wanted)
    rows = [{"run_id": run_id, "sha256": each} for each in sorted(set(wanted))]
    tx.connection.execute(insert(run_content), rows)
    touch(tx, wanted)


def touch(tx: Transaction, used: Collection[str]) -> None:
    """Begin their time of grace anew."""
    for some in batches(used):
        tx.connection.execute(
            update(content).where(content.c.sha256.in_(some)).values(used_at=tx.at)
        )


def get(connection: Connection, sha256: str) -> Content:
    """One content; NotFound."""
    rows = connection.execute(select(content).where(content.c.sha256 == sha256)).all()
    if not rows:
        raise NotFound(KIND, sha256)
    return _with_users(connection, rows)[0]


def listed(connection: Connection, begins: str, after: str, limit: int) -> list[Content]:
    """Contents whose SHA-256 begins with `begins`, from the one after `after` on."""
    sha256 = content.c.sha256
    query = (
        select(content)
        .where(sha256.startswith(begins, autoescape=True), sha256 > after)
        .order_by(sha256)
        .limit(limit)
    )
    return _with_users(connection, connection.execute(query).all())


def total_bytes(connection: Connection, without: str = "") -> int:
    """Size of all together, but for one."""
    query = select(func.sum(content.c.size_bytes)).where(content.c.sha256 != without)
    return connection.execute(query).scalar() or 0


def unused(connection: Connection, before: str) -> dict[str, int]:
    """What has been unused since `before` -> its size."""
    query = select(content.c.sha256, content.c.size_bytes).where(_is_unused(before))
    return {row.sha256: row.size_bytes for row in connection.execute(query.order_by("sha256"))}


def forget(tx: Transaction, some: Sequence[str], before: str) -> list[str]:
    """Take those off the record that are still unused; which they are."""
    gone = delete(content).where(content.c.sha256.in_(some), _is_unused(before))
    return list(tx.connection.execute(gone.returning(content.c.sha256)).scalars())


def _is_unused(before: str) -> ColumnElement[bool]:
    link = document_reference.c
    named = exists().where(link.to_kind == KIND, link.to_name == content.c.sha256)
    sent = exists().where(run_content.c.sha256 == content.c.sha256)
    return and_(content.c.used_at < before, ~named, ~sent)


def _with_users(connection: Connection, found: Sequence[Row[*tuple[Any, ...]]]) -> list[Content]:
    link = document_reference.c
    users: dict[str, list[str]] = {row.sha256: [] for row in found}
    runs: dict[str, int] = {}
    for some in batches(users):
        named = select(link.kind, link.name, link.to_name).where(
            link.to_kind == KIND, link.to_name.in_(some)
        )
        for row in connection.execute(named.order_by(link.kind, link.name)):
            users[row.to_name].append(f"{row.kind}/{row.name}")
        sent = select(run_content.c.sha256, func.count()).where(run_content.c.sha256.in_(some))
        runs |= {row[0]: row[1] for row in connection.execute(sent.group_by(run_content.c.sha256))}
    return [
        Content(**row._mapping, used_by=users[row.sha256], runs=runs.get(row.sha256, 0))
        for row in found
    ]
