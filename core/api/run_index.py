"""Any place of a long output: which chunks hold it, what is in a chunk, where a text occurs.

A viewer asks for the index once, then for the few chunks that it shows. How long the
output is, and how many targets it is merged from, makes no difference to it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.api import cursors
from core.api.routes import TheEngine, asks, router
from core.api.run_groups import Attempt
from core.api.run_output import Piece
from core.api.run_places import EVERY_STEP, selection_of
from core.api.values import Answer, Cursor, Page, readable
from core.domain.authorization import ObjectKind, Verb
from core.executors.protocol import Stream
from core.storage import output_index, runs
from core.storage.output_index import IndexedChunk, SelectedSegments, Selection
from core.storage.output_matches import MatchesPage, count_matches
from core.storage.reading import Connection
from core.storage.runs import TargetRow

routes = router("runs")

MOST_INDEXED = 20_000
MOST_READ = 64
"""Chunks (of up to 64 KiB) of one answer."""

Step = Annotated[
    str,
    Query(description=f"empty: the step that started last; `{EVERY_STEP}`: all, every attempt"),
]
Ordinals = Annotated[
    list[int] | None, Query(max_length=1000, description="these targets; empty: all")
]
Streams = Annotated[list[Stream] | None, Query(description="empty: all")]
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


class OutputIndex(Page[ChunkPlace]):
    """Chunks in the order of arrival, and whose they are."""

    targets: list[OfTarget]


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


class OutputMatches(Page[ChunkMatchesOut]):
    """Chunks in which a text occurs."""


@routes.get("/runs/{run}/output/index", operation_id="indexRunOutput")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def index(
    run: str,
    engine: TheEngine,
    step: Step = "",
    attempt: Attempt = 0,
    ordinal: Ordinals = None,
    streams: Streams = None,
    cursor: Cursor = None,
    limit: Most = 5000,
) -> OutputIndex:
    """Which chunks hold the output of these targets, and how many lines begin in each.

    A line ends with its line end, or where another stream's or target's bytes follow.
    """
    scope = f"index {run} {step} {attempt} {ordinal} {streams}"
    after = cursors.number_position(scope, cursor)

    def read(c: Connection) -> tuple[list[IndexedChunk], dict[int, TargetRow]]:
        selection = _selection(c, run, step, attempt, ordinal, streams)
        found = output_index.index(c, selection, after=after, limit=limit)
        return found, runs.targets_by_id(c, {chunk.target_run_id for chunk in found})

    found, targets = await engine.store.reader.read(read)
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
        next_cursor=cursors.encode(scope, found[-1].number) if len(found) == limit else None,
        targets=_of_targets(targets),
    )


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

    def read(c: Connection) -> tuple[list[SelectedSegments], dict[int, TargetRow]]:
        selection = Selection(run_id=runs.get(c, run).id, streams=frozenset(streams or ()))
        found = list(output_index.read_chunks(c, selection, chunk))
        return found, runs.targets_by_id(c, {chunk.target_run_id for chunk in found})

    found, targets = await engine.store.reader.read(read)
    return OutputChunks(
        chunks=[
            ChunkPieces(
                chunk=item.number,
                target=item.target_run_id,
                pieces=[
                    Piece(
                        offset=segment.offset,
                        stream=Stream(segment.stream),
                        at=segment.at,
                        **readable(segment.data),
                    )
                    for segment in item.segments
                ],
            )
            for item in found
        ],
        targets=_of_targets(targets),
    )


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
    cursor: Cursor = None,
    limit: Most = 5000,
) -> OutputMatches:
    """In which chunks of these targets' output a text occurs, and how often.

    How much is read for one page is bounded: a page may be short, or empty, and still have a
    `next_cursor`.
    """
    scope = f"matches {run} {step} {attempt} {ordinal} {streams} {q}"
    after = cursors.number_position(scope, cursor)

    def find(c: Connection) -> MatchesPage:
        selection = _selection(c, run, step, attempt, ordinal, streams)
        return count_matches(c, engine.store.indexer, selection, q, after=after, limit=limit)

    found = await engine.store.reader.read(find)
    return OutputMatches(
        items=[ChunkMatchesOut(chunk=item.number, count=item.count) for item in found.chunks],
        next_cursor=None if found.position is None else cursors.encode(scope, found.position),
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


def _of_targets(targets: dict[int, TargetRow]) -> list[OfTarget]:
    return [
        OfTarget(
            target=row.id, host=row.host, ordinal=row.ordinal, step=row.step, attempt=row.attempt
        )
        for row in targets.values()
    ]
