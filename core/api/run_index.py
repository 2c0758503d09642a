"""Any place of a long output: which chunks hold it, what is in a chunk, where a text occurs.

A viewer asks for the index once, then for the few chunks that it shows. How long the
output is, and how many targets it is merged from, makes no difference to it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.api.routes import TheEngine, asks, router
from core.api.run_groups import Attempt
from core.api.run_output import Piece
from core.api.run_places import EVERY_STEP, selection_of
from core.api.values import Answer, readable
from core.domain.authorization import ObjectKind, Verb
from core.domain.run import TERMINAL_RUN_STATES
from core.executors.protocol import Stream
from core.storage import output_index, runs
from core.storage.output_index import SelectedSegments, Selection
from core.storage.output_matches import MatchesPage, count_matches
from core.storage.reading import Connection

routes = router("runs")

MOST_INDEXED = 20_000
MOST_WAIT_S = 30
MOST_READ = 64
"""Chunks (of up to 64 KiB) of one answer."""

_NEXT = "`after` of the next page; the same as given where nothing follows"

Step = Annotated[
    str,
    Query(description=f"empty: the step that started last; `{EVERY_STEP}`: all, every attempt"),
]
Ordinals = Annotated[
    list[int] | None, Query(max_length=1000, description="these targets; empty: all")
]
Streams = Annotated[list[Stream] | None, Query(description="empty: all")]
After = Annotated[int, Query(ge=0, le=10**18, description="a chunk: begin with what follows it")]
Most = Annotated[int, Query(ge=1, le=MOST_INDEXED, description="most chunks of one page")]


class OfTarget(Answer):
    """Whose output it is."""

    target: int = Field(description="number of the target, for this answer's chunks")
    host: str
    ordinal: int
    step: str
    attempt: int


class ChunkPlace(Answer):
    """A chunk, without its bytes."""

    chunk: int = Field(description="rises in the order of arrival")
    target: int
    at: str = Field(description="when the chunk began")
    size_bytes: int
    lines: int = Field(description="lines that begin in it")
    continues: bool = Field(description="whether it begins within a line of the chunk before")


class OutputIndex(Answer):
    """Chunks in the order of arrival, and whose they are."""

    items: list[ChunkPlace]
    targets: list[OfTarget]
    next: int = Field(description=_NEXT)
    more: bool = Field(description="whether there was more than one page holds")
    ended: bool = Field(description="whether the run has ended: nothing is added to its output")


class ChunkPieces(Answer):
    """What is in a chunk."""

    chunk: int
    target: int
    pieces: list[Piece]


class OutputChunks(Answer):
    """The chunks that were asked for, in the order of arrival; one that is gone is left out."""

    chunks: list[ChunkPieces]
    targets: list[OfTarget]


class ChunkMatchesOut(Answer):
    """How often a text occurs in a chunk."""

    chunk: int
    count: int = Field(description="occurrences that end in it, also those that overlap")


class OutputMatches(Answer):
    """Chunks in which a text occurs."""

    items: list[ChunkMatchesOut]
    next: int = Field(description=_NEXT)
    more: bool = Field(description="whether there is output that was not looked at yet")


@routes.get("/runs/{run}/output/index", operation_id="indexRunOutput")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def index(
    run: str,
    engine: TheEngine,
    step: Step = "",
    attempt: Attempt = 0,
    ordinal: Ordinals = None,
    streams: Streams = None,
    after: After = 0,
    limit: Most = 5000,
    wait_s: Annotated[
        float,
        Query(ge=0, le=MOST_WAIT_S, description="how long to wait for news where there is nothing"),
    ] = 0,
) -> OutputIndex:
    """Which chunks hold the output of these targets, and how many lines begin in each.

    A line ends with its line end, or where another stream's or target's bytes follow. A wait may
    end early with nothing.
    """

    def read(c: Connection) -> OutputIndex:
        selection = _selection(c, run, step, attempt, ordinal, streams)
        found = output_index.index(c, selection, after=after, limit=limit)
        return OutputIndex(
            items=[
                ChunkPlace(
                    chunk=chunk.number,
                    target=chunk.target_run_id,
                    at=chunk.at,
                    size_bytes=chunk.size_bytes,
                    lines=chunk.lines,
                    continues=chunk.continues,
                )
                for chunk in found
            ],
            targets=_of_targets(c, {chunk.target_run_id for chunk in found}),
            next=found[-1].number if found else after,
            more=len(found) == limit,
            ended=runs.get(c, run).state in TERMINAL_RUN_STATES,
        )

    row = await engine.store.reader.read(lambda c: runs.get(c, run))
    with engine.outputs.follow(row.id) as news:
        answer = await engine.store.reader.read(read)
        if answer.items or answer.ended or not wait_s:
            return answer
        await news.wait(wait_s)
    return await engine.store.reader.read(read)


@routes.get("/runs/{run}/output/chunks", operation_id="readRunOutputChunks")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def read_chunks(
    run: str,
    engine: TheEngine,
    chunk: Annotated[
        list[int], Query(min_length=1, max_length=MOST_READ, description="numbers of chunks")
    ],
    streams: Streams = None,
) -> OutputChunks:
    """What is in chunks that the index named."""

    def read(c: Connection) -> OutputChunks:
        selection = Selection(run_id=runs.get(c, run).id, streams=frozenset(streams or ()))
        found = list(output_index.read_chunks(c, selection, chunk))
        return OutputChunks(
            chunks=[_pieces(item) for item in found],
            targets=_of_targets(c, {item.target_run_id for item in found}),
        )

    return await engine.store.reader.read(read)


@routes.get("/runs/{run}/output/matches", operation_id="countRunOutputMatches")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def matches(
    run: str,
    engine: TheEngine,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=1000,
            pattern=r"^[^\n]+$",
            description="within a line; letter case is ignored",
        ),
    ],
    step: Step = "",
    attempt: Attempt = 0,
    ordinal: Ordinals = None,
    streams: Streams = None,
    after: After = 0,
    limit: Most = 5000,
) -> OutputMatches:
    """In which chunks of these targets' output a text occurs, and how often.

    How much is read for one page is bounded: a page may be short, or empty, and still have more
    after it.
    """

    def find(c: Connection) -> MatchesPage:
        selection = _selection(c, run, step, attempt, ordinal, streams)
        return count_matches(c, engine.store.indexer, selection, q, after=after, limit=limit)

    found = await engine.store.reader.read(find)
    return OutputMatches(
        items=[ChunkMatchesOut(chunk=item.number, count=item.count) for item in found.chunks],
        next=found.position,
        more=found.more,
    )


def _selection(
    c: Connection,
    run: str,
    step: str,
    attempt: int,
    ordinals: list[int] | None,
    streams: list[Stream] | None,
) -> Selection:
    run_id = runs.get(c, run).id
    return Selection(
        run_id=run_id,
        targets=selection_of(c, run_id, step=step, attempt=attempt, ordinals=ordinals or ()),
        streams=frozenset(streams or ()),
    )


def _pieces(chunk: SelectedSegments) -> ChunkPieces:
    pieces = [
        Piece(
            offset=segment.offset,
            stream=Stream(segment.stream),
            at=segment.at,
            **readable(segment.data),
        )
        for segment in chunk.segments
    ]
    return ChunkPieces(chunk=chunk.number, target=chunk.target_run_id, pieces=pieces)


def _of_targets(c: Connection, ids: set[int]) -> list[OfTarget]:
    return [
        OfTarget(
            target=row.id, host=row.host, ordinal=row.ordinal, step=row.step, attempt=row.attempt
        )
        for row in runs.targets_by_id(c, ids).values()
    ]
