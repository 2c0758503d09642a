"""What became of a document: its revisions, and what differs between two of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from core.api.routes import TheEngine, asks, router
from core.api.values import Answer, Page
from core.domain import changes
from core.domain.authorization import ObjectKind, Verb
from core.domain.documents import kind_of
from core.errors import NotFound
from core.storage import documents
from core.storage.documents import Revision
from core.storage.reading import Connection

routes = router("documents")

_ONE = "{kind}/{name}"
_DELETED = "deleted"


class RevisionOut(Answer):
    """One entry of a history."""

    revision: int
    change: str = Field(description="`created`, `replaced` or `deleted`")
    at: str
    actor: str


class History(Page[RevisionOut]):
    """Every revision of a document."""


class FieldChangeOut(Answer):
    """One place that differs; null is "not there". Secrets are never shown."""

    path: str
    before: Any
    after: Any


class DocumentDiff(Answer):
    """What differs between two revisions."""

    from_revision: int = Field(description="0 is before there was any")
    to_revision: int
    changes: list[FieldChangeOut]


@routes.get("/documents/{kind}/{name}/history", operation_id="getDocumentHistory")
@asks(Verb.READ, ObjectKind.DOCUMENT, _ONE)
async def history(kind: str, name: str, engine: TheEngine) -> History:
    """Every revision, newest first; also of a document that was deleted."""
    kind = kind_of(kind).name
    found = await engine.store.reader.read(lambda c: documents.history(c, kind, name))
    return History(items=[RevisionOut.model_validate(row) for row in found])


@routes.get("/documents/{kind}/{name}/diff", operation_id="diffDocument")
@asks(Verb.READ, ObjectKind.DOCUMENT, _ONE)
async def diff(
    kind: str,
    name: str,
    engine: TheEngine,
    from_: Annotated[
        int | None, Query(alias="from", ge=1, description="empty: the one before `to`")
    ] = None,
    to: Annotated[int | None, Query(ge=1, description="empty: the newest")] = None,
) -> DocumentDiff:
    """What changed from one revision to another."""
    kind = kind_of(kind).name

    def read(c: Connection) -> DocumentDiff:
        known = {row.revision: row for row in documents.history(c, kind, name)}
        last = max(known) if to is None else to
        first = max((r for r in known if r < last), default=0) if from_ is None else from_
        for revision in (first, last):
            if revision and revision not in known:
                raise NotFound(
                    "revision", str(revision), [*map(str, known)], place=f"{kind} {name!r}"
                )
        before, after = (_body(c, kind, name, known.get(r)) for r in (first, last))
        found = changes.diff(before, after)
        return DocumentDiff(
            from_revision=first,
            to_revision=last,
            changes=[FieldChangeOut.model_validate(change) for change in found],
        )

    return await engine.store.reader.read(read)


def _body(c: Connection, kind: str, name: str, row: Revision | None) -> dict[str, Any]:
    """The document's body at a revision; empty where there was none."""
    if row is None or row.change == _DELETED:
        return {}
    return documents.at_revision(c, kind, name, row.revision).body()
