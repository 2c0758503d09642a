"""The journal: every committed fact, as pages or as a stream that never ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any, cast

import msgspec
from fastapi import Query, Request
from pydantic import Field

from core.api import headers, sse
from core.api.routes import TheEngine, asks, router
from core.api.values import Answer, Limit
from core.domain.authorization import ObjectKind, Verb
from core.errors import Invalid, Problem
from core.runtime.engine import Engine
from core.storage import journal
from core.storage.journal import Entry
from core.storage.reading import Connection

routes = router("events")


class EventOut(Answer):
    """One committed fact."""

    seq: int = Field(description="rises in the order of commits; never given twice")
    at: str
    actor: str
    type: str = Field(description="such as `document.replaced` or `run.state`")
    subject: str = Field(description="`kind/name` of a document, id of a run or a host key")
    data: dict[str, Any]


class EventPage(Answer):
    """A part of the journal, oldest first."""

    items: list[EventOut]
    next: int = Field(description="`after` of the next page; the same as given where all is read")


@routes.get(
    "/events",
    operation_id="listEvents",
    response_model=EventPage,
    responses={200: {"content": {sse.MEDIA_TYPE: {}}}},
)
@asks(Verb.READ, ObjectKind.EVENT)
async def events(
    request: Request,
    engine: TheEngine,
    after: Annotated[int | None, Query(ge=0, le=10**18, description="an entry's `seq`")] = None,
    before: Annotated[
        int | None,
        Query(
            ge=1,
            le=10**18,
            description="the newest entries before this `seq`, which may lie beyond the end:"
            " read backwards, page by page; `after` has no part in it",
        ),
    ] = None,
    type_: Annotated[list[str] | None, Query(alias="type", description="any of these")] = None,
    subject: str = "",
    limit: Limit = 100,
) -> EventPage | sse.EventStream:
    """Entries after `after`.

    `Accept: text/event-stream` follows the journal for ever: each entry is an event
    whose id is its `seq`. It begins after `Last-Event-ID`, else after `after`, else with
    what is committed from now on, and ends with an event `bye` when the engine stops.
    """
    types = tuple(type_ or ())
    last = await engine.store.reader.read(journal.last_seq)
    if sse.MEDIA_TYPE in request.headers.get("Accept", ""):
        seen = headers.last_event_id(request)
        start = _known(last if seen is None and after is None else seen or after or 0, last)
        return sse.EventStream(_follow(engine, start, types, subject))
    if before is not None:
        items = await engine.store.reader.read(
            lambda c: journal.read_before(c, before, limit, types=types, subject=subject)
        )
        shown = [EventOut.model_validate(entry) for entry in items]
        return EventPage(items=shown, next=min(before - 1, last))
    start = _known(after or 0, last)

    def read(c: Connection) -> EventPage:
        found = journal.read_after(c, start, limit, types=types, subject=subject)
        everything = len(found) < limit
        return EventPage(
            items=[EventOut.model_validate(entry) for entry in found],
            next=max(start, journal.last_seq(c)) if everything else found[-1].seq,
        )

    return await engine.store.reader.read(read)


def _known(start: int, last: int) -> int:
    """A cursor beyond the journal's end belongs to another database; waiting there would skip."""
    if start > last:
        what = f"is beyond the journal, which ends at {last}"
        hint = "the database is another one, or was restored: begin again"
        problem = Problem(where="after", what=what, hint=hint)
        raise Invalid("the journal has no such entry", [problem])
    return start


async def _follow(
    engine: Engine, start: int, types: tuple[str, ...], subject: str
) -> AsyncGenerator[bytes, None]:
    source: AsyncIterator[Entry] = engine.store.feed.follow(start, types=types, subject=subject)
    entries = cast(AsyncGenerator[Entry, None], source)
    try:
        async for entry in entries:
            yield sse.encode(entry.type, msgspec.json.encode(entry), entry.seq)
        yield sse.BYE
    finally:
        await entries.aclose()
