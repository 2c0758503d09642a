"""What targets printed: pages from any offset, exact bytes, a live stream, search."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from core.api import cursors, headers, sse
from core.api.routes import TheEngine, asks, router
from core.api.run_groups import PRINTED, Attempt, StepName
from core.api.run_places import target_of
from core.api.values import Answer, Cursor, Limit, Page, Text, readable
from core.domain.authorization import ObjectKind, Verb
from core.domain.run import TERMINAL_RUN_STATES
from core.executors.protocol import Stream
from core.runtime.engine import Engine
from core.storage import output, runs
from core.storage.output import Arrival, Segment
from core.storage.output_search import Found, FoundPage, search_run
from core.storage.reading import Connection
from core.storage.runs import TargetRow

routes = router("runs")

PAGE_BYTES = 256 * 1024
MOST_PAGE_BYTES = 4 * 1024 * 1024
RAW_BYTES = 1024 * 1024
"""Read at once where exact bytes are asked for: what a slow reader keeps in memory."""
ARRIVALS = 64
"""Chunks (of up to 64 KiB) that a live reader is given at once."""
LOOK_AGAIN_S = 3600.0
"""The signal wakes a live reader; this is for a signal that never comes."""
BYTES = "application/octet-stream"


class Piece(Text):
    """Consecutive output of one stream of one target."""

    offset: int = Field(description="place of the first byte in the target's output, all streams")
    stream: Stream
    at: str


class OutputPage(Answer):
    """A part of one target's output."""

    pieces: list[Piece]
    next_offset: int | None = Field(description="where the next page begins; null at the end")
    size_bytes: int = Field(description="bytes kept so far")
    dropped_bytes: int = Field(description="bytes over the cap, which were not kept")
    removed_bytes: int = Field(description="bytes that were kept once, until retention took them")


class Match(Answer):
    """A line of output that a search found: the first of its target."""

    host: str
    ordinal: int
    step: str
    attempt: int
    stream: Stream
    line: int = Field(description="number of the line in its stream, from 1")
    text: str


class MatchPage(Page[Match]):
    """What a search found."""


@routes.get(
    "/runs/{run}/output",
    operation_id="getRunOutput",
    response_model=OutputPage,
    responses={200: {"content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}},
)
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def get_output(
    run: str,
    request: Request,
    engine: TheEngine,
    step: StepName = "",
    attempt: Attempt = 0,
    ordinal: Annotated[int | None, Query(ge=0)] = None,
    host: str | None = None,
    offset: Annotated[int, Query(description="negative counts from the end")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_PAGE_BYTES, description="bytes")] = PAGE_BYTES,
    streams: Annotated[list[Stream] | None, Query(description="empty: all")] = None,
) -> OutputPage | Response:
    """One target's output, named by its ordinal or its host.

    `Accept: application/octet-stream` gives the exact bytes from `offset` to the end,
    of stdout and stderr unless `streams` says otherwise.
    """

    def find(c: Connection) -> TargetRow:
        run_id = runs.get(c, run).id
        return target_of(c, run_id, step=step, attempt=attempt, ordinal=ordinal, host=host)

    target = await engine.store.reader.read(find)
    wanted = tuple(streams or ())
    if BYTES in request.headers.get("Accept", ""):
        raw = _raw(engine, target.id, offset, wanted or PRINTED)
        return StreamingResponse(raw, media_type=BYTES)
    page = await engine.store.reader.read(
        lambda c: output.read(c, target.id, offset, limit, wanted)
    )
    return OutputPage(
        pieces=[Piece(**_piece(segment)) for segment in page.segments],
        next_offset=page.next_offset if page.next_offset < page.size else None,
        size_bytes=page.size,
        dropped_bytes=target.dropped_bytes,
        # A target's size is recorded when it ends; what is stored of one that runs may be more.
        removed_bytes=max(0, target.size_bytes - page.size),
    )


@routes.get(
    "/runs/{run}/output/stream",
    status_code=200,
    operation_id="followRunOutput",
    response_class=Response,
    responses={200: {"content": {sse.MEDIA_TYPE: {}}}},
)
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def follow_output(
    run: str,
    request: Request,
    engine: TheEngine,
    after: Annotated[
        str | None, Query(pattern=headers.EVENT_ID, description="an event's id")
    ] = None,
) -> sse.EventStream:
    """Output of all targets as it is committed: events `output`, then `end` when the run ended.

    Begins with the first output, or after `Last-Event-ID` or `after`.
    """
    row = await engine.store.reader.read(lambda c: runs.get(c, run))
    seen = headers.last_output_id(request) or headers.output_id(after or "0")
    return sse.EventStream(_follow(engine, row.id, *seen))


@routes.get("/runs/{run}/search", operation_id="searchRunOutput")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def search(
    run: str,
    engine: TheEngine,
    q: Annotated[str, Query(min_length=1, max_length=1000, description="letter case is ignored")],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> MatchPage:
    """Targets whose output contains a text, in the run's order.

    How much is read for one page is bounded: a page may be short, or empty, and still have a
    `next_cursor`.
    """
    scope = f"search {run} {q}"
    after = cursors.number_position(scope, cursor)

    def find(c: Connection) -> FoundPage:
        run_id = runs.get(c, run).id
        return search_run(c, engine.store.indexer, run_id, q, limit=limit, after=after)

    found = await engine.store.reader.read(find)
    return MatchPage(
        items=[Match(**match_fields(item)) for item in found.items],
        next_cursor=None if found.position is None else cursors.encode(scope, found.position),
    )


def match_fields(found: Found) -> dict[str, Any]:
    """The fields of a `Match`."""
    return {
        "host": found.host,
        "ordinal": found.ordinal,
        "step": found.step,
        "attempt": found.attempt,
        "stream": found.stream,
        "line": found.line_number,
        "text": found.line,
    }


async def _raw(
    engine: Engine, target_id: int, offset: int, streams: tuple[str, ...]
) -> AsyncIterator[bytes]:
    """Exact bytes, a bounded part at a time; ends where the output ended when asked first."""
    end: int | None = None
    while end is None or offset < end:
        page = await engine.store.reader.read(
            lambda c, start=offset: output.read(c, target_id, start, RAW_BYTES, streams)  # type: ignore[misc]
        )
        end = page.size if end is None else end
        for segment in page.segments:
            yield segment.data
        if page.next_offset == offset:
            return
        offset = page.next_offset


async def _follow(
    engine: Engine, run_id: str, after: int, shown: int
) -> AsyncGenerator[bytes, None]:
    """Events for every chunk after `after`; of the first one, `shown` segments were sent before."""
    targets: dict[int, TargetRow] = {}

    def look(c: Connection) -> tuple[bool, list[Arrival]]:
        ended = runs.get(c, run_id).state in TERMINAL_RUN_STATES
        arrivals = output.arrivals(c, run_id, after, ARRIVALS)
        if any(arrival.target_run_id not in targets for arrival in arrivals):
            later = runs.targets_of(c, run_id, after=max(targets, default=0))
            targets.update((row.id, row) for row in later)
        return ended, arrivals

    with engine.outputs.follow(run_id) as follower:
        while True:
            closed = engine.outputs.closed
            ended, arrivals = await engine.store.reader.read(look)
            for arrival in arrivals:
                for event in _events(arrival, targets[arrival.target_run_id], shown):
                    yield event
                after, shown = arrival.seq, 0
            if len(arrivals) == ARRIVALS:
                continue
            if ended or closed:
                yield sse.encode("end", b"{}") if ended else sse.BYE
                return
            await follower.wait(LOOK_AGAIN_S)


def _events(arrival: Arrival, target: TargetRow, shown: int) -> Iterable[bytes]:
    """One event a segment. The id of a chunk's last one is the chunk's number alone.

    A reader that is cut off within a chunk goes on with the next segment of it.
    """
    for place, segment in enumerate(arrival.segments[shown:], start=shown + 1):
        last = place == len(arrival.segments)
        data = {
            "host": target.host,
            "step": target.step,
            "attempt": target.attempt,
            "ordinal": target.ordinal,
            **_piece(segment),
        }
        id_ = str(arrival.seq) if last else f"{arrival.seq - 1}.{place}"
        yield sse.encode("output", msgspec.json.encode(data), id_)


def _piece(segment: Segment) -> dict[str, Any]:
    return {
        "offset": segment.offset,
        "stream": segment.stream,
        "at": segment.at,
        **readable(segment.data),
    }
