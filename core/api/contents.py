"""Files that belong to jobs: kept once under their SHA-256, named by steps."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.requests import Request

from core.api import cursors
from core.api.openapi import fails
from core.api.problems import UnsupportedMediaType
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.values import Answer, Cursor, Limit, Page
from core.domain.authorization import ObjectKind, Verb
from core.domain.patterns import SHA256
from core.storage import contents

routes = router("contents")

MEDIA_TYPE = "application/octet-stream"
_BYTES = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}

Sha256 = Annotated[str, Path(pattern=SHA256, description="as `sha256sum` prints it")]


class ContentOut(Answer):
    """A content, and who refers to it."""

    sha256: str
    size_bytes: int
    added_at: str
    added_by: str
    used_at: str = Field(description="last added, named, or given up by a document")
    used_by: list[str] = Field(description="documents, such as `job/deploy`")
    runs: int = Field(description="runs on record that have sent it, or will")


class ContentVerdict(Answer):
    """Whether a content is what it was."""

    sha256: str
    fault: str = Field(description="what is wrong with it; empty: nothing")


@routes.get("/contents", operation_id="listContents")
@asks(Verb.READ, ObjectKind.CONTENT)
async def list_(
    engine: TheEngine,
    begins: Annotated[
        str, Query(pattern="^[0-9a-f]{0,64}$", description="with a SHA-256 that begins so")
    ] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ContentOut]:
    """Contents in the order of their SHA-256."""
    scope = f"contents {begins}"
    after = cursors.text_position(scope, cursor) or ""
    found = await engine.store.reader.read(lambda c: contents.listed(c, begins, after, limit + 1))
    items = [ContentOut.model_validate(each) for each in found[:limit]]
    more = cursors.encode(scope, items[-1].sha256) if len(found) > limit else None
    return Page(items=items, next_cursor=more)


@routes.get("/contents/{sha256}", operation_id="getContent", responses=fails(404))
@asks(Verb.READ, ObjectKind.CONTENT, "{sha256}")
async def get(sha256: Sha256, engine: TheEngine) -> ContentOut:
    """One content, without its bytes."""
    found = await engine.store.reader.read(lambda c: contents.get(c, sha256))
    return ContentOut.model_validate(found)


@routes.get(
    "/contents/{sha256}/bytes",
    operation_id="readContent",
    response_class=FileResponse,
    responses={200: {"content": _BYTES}, **fails(404)},
)
@asks(Verb.READ, ObjectKind.CONTENT, "{sha256}")
async def read(sha256: Sha256, engine: TheEngine) -> FileResponse:
    """The exact bytes. All of them are looked at first: a damaged content is given to nobody."""
    path = await engine.contents.checked(sha256)
    headers = {"X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=MEDIA_TYPE, filename=sha256, headers=headers)


@routes.get("/contents/{sha256}/verify", operation_id="verifyContent", responses=fails(404))
@asks(Verb.READ, ObjectKind.CONTENT, "{sha256}")
async def verify(sha256: Sha256, engine: TheEngine) -> ContentVerdict:
    """Read all of a content, and say whether it is still what its SHA-256 says."""
    return ContentVerdict(sha256=sha256, fault=await engine.contents.fault(sha256))


@routes.put(
    "/contents/{sha256}/bytes",
    operation_id="putContent",
    responses=fails(409, 415),
    openapi_extra={"requestBody": {"required": True, "content": _BYTES}},
)
@asks(Verb.CREATE, ObjectKind.CONTENT, "{sha256}")
async def put(sha256: Sha256, request: Request, engine: TheEngine, actor: TheActor) -> ContentOut:
    """Keep a content: all of it is on disk, with this SHA-256, when this answers; else nothing is.

    One that is there already is replaced by the same bytes, which mends a damaged one.
    """
    if request.headers.get("Content-Type") != MEDIA_TYPE:
        raise UnsupportedMediaType(
            "the body must be bytes and say so", hint=f"Content-Type: {MEDIA_TYPE}"
        )
    found = await engine.contents.receive(sha256, request.stream(), actor.name)
    return ContentOut.model_validate(found)
