"""Documents: one path for every kind to list, read, create, replace and delete."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Query, Request, Response
from pydantic import Field

from core.api import cursors, headers
from core.api.kinds import RawDocument
from core.api.openapi import fails
from core.api.problems import PreconditionRequired
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.values import Answer, Cursor, Limit, Page
from core.domain.authorization import ObjectKind, Verb
from core.domain.documents import Document, kind_of, parse
from core.errors import AlreadyExists, Invalid, Problem, StaleRevision
from core.storage import documents
from core.storage.documents import Filter, StoredDocument
from core.storage.reading import Connection
from core.storage.writer import Transaction

routes = router("documents")

_ONE = "{kind}/{name}"


class DocumentOut(Answer):
    """A document as it is stored; secrets are references."""

    kind: str
    name: str
    labels: dict[str, str]
    spec: dict[str, Any] = Field(description="defaults are left out: what a person would write")
    revision: int
    created_at: str
    updated_at: str
    updated_by: str


class DocumentPage(Page[DocumentOut]):
    """A part of a list of documents."""

    total: int | None = Field(None, description="how many there are in all; on the first page")


@routes.get("/documents/{kind}", operation_id="listDocuments")
@asks(Verb.READ, ObjectKind.DOCUMENT, "{kind}")
async def list_documents(
    kind: str,
    engine: TheEngine,
    selector: Annotated[
        str, Query(description="names and labels, such as `env=prod,!legacy`")
    ] = "",
    q: Annotated[str, Query(description="words in the name, the labels or the spec")] = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> DocumentPage:
    """Documents of a kind, in order of name."""
    kind = kind_of(kind).name
    scope = f"documents {kind} {selector} {q}"
    where = Filter(kind=kind, selector=selector, text=q)
    after = cursors.text_position(scope, cursor)
    position = None if after is None else (kind, after)

    def read(c: Connection) -> tuple[list[StoredDocument], int | None]:
        found = documents.list_documents(c, where, after=position, limit=limit + 1)
        return found, documents.count(c, where) if position is None else None

    found, total = await engine.store.reader.read(read)
    more = len(found) > limit
    return DocumentPage(
        items=[_out(stored) for stored in found[:limit]],
        next_cursor=cursors.encode(scope, found[limit - 1].document.name) if more else None,
        total=total,
    )


@routes.post(
    "/documents/{kind}", status_code=201, operation_id="createDocument", responses=fails(409)
)
@asks(Verb.CREATE, ObjectKind.DOCUMENT, "{kind}")
async def create(
    kind: str,
    body: Annotated[RawDocument, Body()],
    response: Response,
    engine: TheEngine,
    actor: TheActor,
) -> DocumentOut:
    """Store a new document."""
    document = _parsed(body, kind)
    stored = await engine.store.writer.write(
        lambda tx: engine.documents.create(tx, document, actor.name)
    )
    return _created(stored, response)


@routes.get(
    "/documents/{kind}/{name}",
    operation_id="getDocument",
    response_model=DocumentOut,
    responses={304: {"description": "the revision in `If-None-Match` is the current one"}},
)
@asks(Verb.READ, ObjectKind.DOCUMENT, _ONE)
async def get(
    kind: str,
    name: str,
    request: Request,
    response: Response,
    engine: TheEngine,
    revision: Annotated[int | None, Query(ge=1, description="empty: the current one")] = None,
) -> DocumentOut | Response:
    """One document, as it is or as it was; its revision is the ETag."""
    kind = kind_of(kind).name

    def read(c: Connection) -> DocumentOut:
        if revision is None:
            return _out(documents.get(c, kind, name))
        return _as_it_was(c, kind, name, revision)

    found = await engine.store.reader.read(read)
    tag = headers.etag(found.revision)
    known = headers.if_none_match(request)
    if known is not None and known.allow(found.revision):
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return found


@routes.put(
    "/documents/{kind}/{name}",
    operation_id="replaceDocument",
    responses={201: {"model": DocumentOut}, **fails(409, 412, 428)},
)
@asks(Verb.REPLACE, ObjectKind.DOCUMENT, _ONE)
async def replace(
    kind: str,
    name: str,
    body: Annotated[RawDocument, Body()],
    request: Request,
    response: Response,
    engine: TheEngine,
    actor: TheActor,
) -> DocumentOut:
    """Put a document in the place of the revision in `If-Match`.

    `If-None-Match: *` creates it, if there is none. Writing what is already there changes
    nothing.
    """
    document = _parsed(body, kind, name)
    based_on, absent = headers.if_match(request), headers.if_none_match(request)
    if absent is not None and absent.any and based_on is None:
        try:
            stored = await engine.store.writer.write(
                lambda tx: engine.documents.create(tx, document, actor.name)
            )
        except AlreadyExists as error:
            raise StaleRevision(error.message, hint="replace it with If-Match") from error
        return _created(stored, response)
    if based_on is None:
        raise PreconditionRequired(
            f"replacing {document.kind} {name!r} needs the revision that it is based on",
            hint='If-Match: "REVISION" of what was read, or If-None-Match: * to create',
        )

    def write(tx: Transaction) -> StoredDocument:
        _require(tx.connection, document.kind, name, based_on)
        return engine.documents.replace(tx, document, actor.name)

    stored = await engine.store.writer.write(write)
    response.headers["ETag"] = headers.etag(stored.revision)
    return _out(stored)


@routes.delete(
    "/documents/{kind}/{name}",
    status_code=204,
    operation_id="deleteDocument",
    responses=fails(409, 412),
)
@asks(Verb.DELETE, ObjectKind.DOCUMENT, _ONE)
async def delete(
    kind: str, name: str, request: Request, engine: TheEngine, actor: TheActor
) -> None:
    """Delete a document that no other refers to. Its history stays; its secrets go."""
    kind = kind_of(kind).name
    based_on = headers.if_match(request)

    def write(tx: Transaction) -> None:
        if based_on is not None:
            _require(tx.connection, kind, name, based_on)
        engine.documents.delete(tx, kind, name, actor.name)

    await engine.store.writer.write(write)


def _parsed(body: Any, kind: str, name: str | None = None) -> Document:
    """The body's document; Invalid when the path names another one."""
    document = parse(body)
    wanted = {"kind": kind_of(kind).name, "name": document.name if name is None else name}
    problems = [
        Problem(where=field, what=f"must be {value!r}, as in the path")
        for field, value in wanted.items()
        if getattr(document, field) != value
    ]
    if problems:
        raise Invalid("the body is not the document that the path names", problems)
    return document


def _require(c: Connection, kind: str, name: str, tags: headers.Tags) -> None:
    current = documents.get(c, kind, name).revision
    if not tags.allow(current):
        raise StaleRevision(
            f"{kind} {name!r} is at revision {current}, which is not in If-Match",
            hint="read it again, then repeat the change",
        )


def _created(stored: StoredDocument, response: Response) -> DocumentOut:
    found = _out(stored)
    response.status_code = 201
    response.headers["ETag"] = headers.etag(found.revision)
    response.headers["Location"] = f"/api/v1/documents/{found.kind}/{found.name}"
    return found


def _as_it_was(c: Connection, kind: str, name: str, revision: int) -> DocumentOut:
    past = documents.at_revision(c, kind, name, revision)
    known = [row for row in documents.history(c, kind, name) if row.revision <= revision]
    made = next((row for row in known if row.change == "created"), known[-1])
    return DocumentOut(
        **past.body(),
        revision=revision,
        created_at=made.at,
        updated_at=known[0].at,
        updated_by=known[0].actor,
    )


def _out(stored: StoredDocument) -> DocumentOut:
    return DocumentOut(
        **stored.document.body(),
        revision=stored.revision,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        updated_by=stored.updated_by,
    )
