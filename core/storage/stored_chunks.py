"""Stored chunks by their sequence numbers, whatever they belong to; for indexing and searching."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, func, select, text

from core.storage.chunks import Chunk, Segment, unpack
from core.storage.matching import TAIL_BYTES, Places, StreamPlace, after, by_stream, tail_of
from core.storage.tables import output_chunk

_c = output_chunk.c
_KEY = (_c.seq, _c.target_run_id, _c.offset, _c.size_bytes)
_PACKED = tuple(_c[name] for name in Chunk.__struct_fields__)


class ChunkKey(msgspec.Struct, frozen=True):
    """Which chunk, without its bytes."""

    seq: int
    target_run_id: int
    offset: int
    size_bytes: int


def newest_seq(connection: Connection) -> int:
    """The highest number that a chunk ever had, also where it was deleted; 0 for none."""
    query = text("SELECT seq FROM sqlite_sequence WHERE name = 'output_chunk'")
    return connection.execute(query).scalar() or 0


def count_after(connection: Connection, seq: int) -> int:
    """How many chunks have a higher number."""
    return connection.execute(select(func.count()).where(_c.seq > seq)).scalar_one()


def any_between(connection: Connection, first: int, last: int) -> bool:
    """Whether there is a chunk with one of these numbers."""
    query = select(_c.seq).where(_c.seq.between(first, last)).limit(1)
    return connection.execute(query).first() is not None


def following(
    connection: Connection, seq: int, limit: int
) -> Iterator[tuple[ChunkKey, tuple[Segment, ...]]]:
    """Up to `limit` chunks with higher numbers, ascending, one in memory at a time."""
    query = select(*_KEY, *_PACKED).where(_c.seq > seq).order_by(_c.seq).limit(limit)
    return _chunks(connection, query)


def segments_of(connection: Connection, seq: int) -> tuple[Segment, ...]:
    """What a chunk holds; nothing when it is gone."""
    found = next(_chunks(connection, select(*_KEY, *_PACKED).where(_c.seq == seq)), None)
    return () if found is None else found[1]


def numbered(
    connection: Connection, run_id: str, seqs: Collection[int]
) -> Iterator[tuple[ChunkKey, tuple[Segment, ...]]]:
    """Those of these chunks that a run has, ascending, one in memory at a time."""
    query = select(*_KEY, *_PACKED).where(_c.run_id == run_id, _c.seq.in_(sorted(seqs)))
    return _chunks(connection, query.order_by(_c.seq))


class PlacesBefore:
    """What the streams of a target had come to before a chunk, remembered from call to call."""

    def __init__(
        self, connection: Connection, recorded: Callable[[int], Places | None] = lambda _: None
    ) -> None:
        """`recorded`: the places before the chunk of a number, where the index has them."""
        self._connection = connection
        self._recorded = recorded
        self._known: dict[int, Places] = {}

    def of(self, chunk: ChunkKey) -> Places:
        """The places before a chunk; where they are not on record, counted from where they are."""
        places = self._look_up(chunk)
        if places is not None:
            return places
        start = self._nearest(chunk)
        places = {} if start is None else self._look_up(start) or {}
        query = select(*_KEY, *_PACKED).where(*_part(chunk, 0 if start is None else start.offset))
        for key, segments in _chunks(self._connection, query.order_by(_c.offset)):
            self._known[key.seq] = places
            places = after(places, segments)
        self._known[chunk.seq] = places
        return places

    def with_tails(self, chunk: ChunkKey, streams: Sequence[str], size: int) -> Places:
        """The same with longer tails: of these streams `size` bytes, or all that there was."""
        places = self.of(chunk)
        if size <= TAIL_BYTES:
            return places
        tails = dict.fromkeys(streams, b"")
        query = select(*_KEY, *_PACKED).where(*_part(chunk, 0)).order_by(_c.offset.desc())
        for _, segments in _chunks(self._connection, query):
            for stream, data in by_stream(segments).items():
                if len(tails.get(stream, b"")) < size and stream in tails:
                    tails[stream] = data + tails[stream]
            if all(len(tail) >= size for tail in tails.values()):
                break
        longer = {
            stream: StreamPlace(places[stream].lines, tail_of(tail, size))
            for stream, tail in tails.items()
            if tail
        }
        return {**places, **longer}

    def _look_up(self, chunk: ChunkKey) -> Places | None:
        if chunk.offset == 0:
            return {}
        if chunk.seq not in self._known and (found := self._recorded(chunk.seq)) is not None:
            self._known[chunk.seq] = found
        return self._known.get(chunk.seq)

    def _nearest(self, chunk: ChunkKey) -> ChunkKey | None:
        """The last chunk of the target before this one whose places are known."""
        query = select(*_KEY).where(*_part(chunk, 0)).order_by(_c.offset.desc())
        with self._connection.execute(query.execution_options(yield_per=64)) as rows:
            keys = (ChunkKey(*row) for row in rows)
            return next((key for key in keys if self._look_up(key) is not None), None)


def _part(chunk: ChunkKey, offset: int) -> tuple[Any, ...]:
    """The chunks of the same target from `offset` on that come before a chunk."""
    target = _c.target_run_id == chunk.target_run_id
    return (target, _c.offset >= offset, _c.offset < chunk.offset)


def _chunks(
    connection: Connection, query: Select[Any]
) -> Iterator[tuple[ChunkKey, tuple[Segment, ...]]]:
    with connection.execute(query.execution_options(yield_per=1)) as rows:
        for row in rows:
            yield _chunk(row)


def _chunk(row: Row[Any]) -> tuple[ChunkKey, tuple[Segment, ...]]:
    key, packed = row[: len(_KEY)], row[len(_KEY) :]
    return ChunkKey(*key), tuple(unpack(Chunk(**_named(packed)), key[2]))


def _named(packed: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(Chunk.__struct_fields__, packed, strict=True))
