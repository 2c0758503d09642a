"""What targets printed: stored in chunks, read back from any place.

The offset of a byte is its place in its target's output, over all streams. A
page is found by one look at the index, and only the chunks it lies in are
read and unpacked, however long the output is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Select, select

from core.storage.caps import Caps, Limit, RunBudget, TargetBudget
from core.storage.chunks import CHUNK_BYTES, Chunk, Piece, Segment, pack, parts_of, unpack
from core.storage.tables import output_chunk
from core.storage.writer import Transaction

__all__ = [
    "CHUNK_BYTES",
    "Addition",
    "Arrival",
    "Caps",
    "Limit",
    "Page",
    "Piece",
    "RunBudget",
    "Segment",
    "TargetBudget",
    "append",
    "arrivals",
    "iter_all",
    "read",
    "size",
    "stream_sizes",
]

_c = output_chunk.c
_CHUNK = (_c.offset, _c.size_bytes, _c.layout, _c.codec, _c.at, _c.data)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A part of one target's output."""

    segments: tuple[Segment, ...]
    next_offset: int
    """Where the next page starts; equal to `size` at the end."""
    size: int
    """Bytes stored so far, over all streams."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk that a live reader of a run has not seen yet."""

    seq: int
    """The reader's next cursor."""
    target_run_id: int
    segments: tuple[Segment, ...]


class Addition(msgspec.Struct, frozen=True, kw_only=True):
    """Pieces that follow what a target has printed before."""

    target_run_id: int
    offset: int
    """The target's size before."""
    pieces: Sequence[Piece]


def append(tx: Transaction, run_id: str, additions: Iterable[Addition]) -> None:
    """Store what several targets of a run printed, in one statement.

    Whoever appends knows the sizes, so nothing is looked up; an offset that is not
    the target's size breaks the order of its chunks, and is refused where it repeats one.
    """
    rows = []
    for addition in additions:
        offset = addition.offset
        for chunk in pack(addition.pieces):
            rows.append(
                {
                    **msgspec.structs.asdict(chunk),
                    "run_id": run_id,
                    "target_run_id": addition.target_run_id,
                    "offset": offset,
                }
            )
            offset += chunk.size_bytes
    if rows:
        tx.connection.execute(output_chunk.insert(), rows)


def size(connection: Connection, target_run_id: int) -> int:
    """Bytes stored for a target, over all streams; 0 for one that printed nothing."""
    last = connection.execute(
        select(_c.offset + _c.size_bytes)
        .where(_c.target_run_id == target_run_id)
        .order_by(_c.offset.desc())
        .limit(1)
    ).scalar()
    return last or 0


def stream_sizes(connection: Connection, target_run_id: int) -> dict[str, int]:
    """Stream -> bytes stored of it; where a harvest of the host's own files goes on."""
    layouts = connection.execute(select(_c.layout).where(_c.target_run_id == target_run_id))
    sizes: dict[str, int] = {}
    for row in layouts:
        for part in parts_of(row.layout):
            sizes[part.stream] = sizes.get(part.stream, 0) + part.size_bytes
    return sizes


def read(
    connection: Connection,
    target_run_id: int,
    offset: int,
    limit_bytes: int,
    streams: Collection[str] = (),
) -> Page:
    """Up to `limit_bytes` from `offset` on; a negative offset counts from the end.

    `streams` narrows what is given back and counted; offsets stay those of the whole.
    """
    total = size(connection, target_run_id)
    start = max(0, total + offset) if offset < 0 else min(offset, total)
    place, left = start, limit_bytes
    segments = []
    for segment in _segments(connection, target_run_id, start):
        if left <= 0:
            break
        place = segment.offset + len(segment.data)
        if streams and segment.stream not in streams:
            continue
        cut = _part(segment, 0, left)
        segments.append(cut)
        left -= len(cut.data)
        place = cut.offset + len(cut.data)
    return Page(segments=tuple(segments), next_offset=place, size=total)


def iter_all(
    connection: Connection, target_run_id: int, streams: Collection[str] = ()
) -> Iterator[Segment]:
    """The whole output in order, a chunk in memory at a time."""
    for segment in _segments(connection, target_run_id, 0):
        if not streams or segment.stream in streams:
            yield segment


def arrivals(connection: Connection, run_id: str, after: int, limit: int) -> list[Arrival]:
    """Up to `limit` chunks of any target of a run, stored after the cursor `after`, in order."""
    rows = connection.execute(
        select(_c.seq, _c.target_run_id, *_CHUNK)
        .where(_c.run_id == run_id, _c.seq > after)
        .order_by(_c.seq)
        .limit(limit)
    ).mappings()
    return [
        Arrival(seq=row["seq"], target_run_id=row["target_run_id"], segments=tuple(_unpacked(row)))
        for row in rows
    ]


def _segments(connection: Connection, target_run_id: int, start: int) -> Iterator[Segment]:
    """Segments from `start` on; chunks are fetched one by one as they are asked for."""
    of_target = select(*_CHUNK).where(_c.target_run_id == target_run_id)
    first = of_target.where(_c.offset <= start).order_by(_c.offset.desc()).limit(1)
    later = of_target.where(_c.offset > start).order_by(_c.offset)
    for row in chain(_rows(connection, first), _rows(connection, later)):
        for segment in _unpacked(row):
            if segment.offset + len(segment.data) > start:
                yield _part(segment, max(0, start - segment.offset), len(segment.data))


def _rows(connection: Connection, query: Select[Any]) -> Iterator[RowMapping]:
    with connection.execute(query.execution_options(yield_per=1)) as result:
        yield from result.mappings()


def _unpacked(row: RowMapping) -> Iterator[Segment]:
    chunk = Chunk(**{name: row[name] for name in Chunk.__struct_fields__})
    return unpack(chunk, row["offset"])


def _part(segment: Segment, start: int, length: int) -> Segment:
    if start == 0 and length >= len(segment.data):
        return segment
    return msgspec.structs.replace(
        segment, offset=segment.offset + start, data=segment.data[start : start + length]
    )
