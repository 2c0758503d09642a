"""Which chunks hold a part of a run's output, and how many lines begin in each.

A reader who has this list knows where every line stands without reading what lies
before it, however long the output is. The list follows from the layouts; only of
chunks whose version did not count lines the bytes are read.

A line ends with its line end, or where the next bytes are another stream's or
another target's: what is shown in the order of arrival is never glued together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, select

from core.storage.chunks import Part, Segment, part_of, parts_of
from core.storage.stored_chunks import numbered, segments_of
from core.storage.tables import output_chunk

_FEW = 200
"""Up to so many targets are looked up one by one; of more, all chunks of the run are looked at."""
_c = output_chunk.c
_FACTS = (_c.seq, _c.target_run_id, _c.offset, _c.size_bytes, _c.at, _c.layout)


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a run's output, in the order of its arrival."""

    run_id: str
    targets: frozenset[int] | None = None
    """None: all of them."""
    streams: frozenset[str] = frozenset()
    """Empty: all of them."""


class IndexedChunk(msgspec.Struct, frozen=True, kw_only=True):
    """What of a chunk is selected."""

    number: int
    """Rises in the order of arrival."""
    target_run_id: int
    at: str
    size_bytes: int
    lines: int
    """That begin in it."""
    continues: bool
    """Whether it begins within a line of the chunk before."""


class SelectedSegments(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of a chunk that are selected."""

    number: int
    target_run_id: int
    segments: tuple[Segment, ...]


def index(
    connection: Connection, selection: Selection, *, after: int, limit: int
) -> list[IndexedChunk]:
    """Up to `limit` chunks that come after the number `after`."""
    before = _last(connection, selection, after) if after else None
    found: list[IndexedChunk] = []
    for chunk in _chunks(connection, selection, _c.seq > after):
        found.append(_indexed(chunk, before))
        before = chunk
        if len(found) == limit:
            break
    return found


def read_chunks(
    connection: Connection, selection: Selection, numbers: Collection[int]
) -> Iterator[SelectedSegments]:
    """The bytes of these chunks, in order; one that is gone, or not selected, is left out."""
    for key, segments in numbered(connection, selection.run_id, numbers):
        if _is_selected(key, selection):
            chosen = tuple(
                segment
                for segment in segments
                if not selection.streams or segment.stream in selection.streams
            )
            if chosen:
                yield SelectedSegments(
                    number=key.seq, target_run_id=key.target_run_id, segments=chosen
                )


def selected_numbers(connection: Connection, selection: Selection) -> list[int]:
    """The numbers of all chunks of the selected targets, ascending."""
    query = _of_targets(select(_c.seq, _c.target_run_id), selection).order_by(_c.seq)
    return [row.seq for row in connection.execute(query) if _is_selected(row, selection)]


class _Facts(msgspec.Struct, frozen=True):
    """A chunk and its selected parts, which are counted; there is at least one."""

    number: int
    target_run_id: int
    at: str
    parts: Sequence[Part]


def _indexed(chunk: _Facts, before: _Facts | None) -> IndexedChunk:
    continues = (
        before is not None
        and before.target_run_id == chunk.target_run_id
        and _goes_on(before.parts[-1], chunk.parts[0])
    )
    # Each part holds so many pieces of lines; one that goes on belongs to the part before.
    pieces = sum((part.line_ends or 0) + part.is_open for part in chunk.parts)
    joined = sum(map(_goes_on, chunk.parts, chunk.parts[1:]))
    return IndexedChunk(
        number=chunk.number,
        target_run_id=chunk.target_run_id,
        at=chunk.at,
        size_bytes=sum(part.size_bytes for part in chunk.parts),
        lines=pieces - joined - continues,
        continues=continues,
    )


def _goes_on(part: Part, following: Part) -> bool:
    return part.is_open and part.stream == following.stream


def _last(connection: Connection, selection: Selection, number: int) -> _Facts | None:
    """The last selected chunk up to a number."""
    return next(_chunks(connection, selection, _c.seq <= number, newest_first=True), None)


def _chunks(
    connection: Connection, selection: Selection, where: Any, *, newest_first: bool = False
) -> Iterator[_Facts]:
    """Selected chunks that have selected bytes."""
    order = _c.seq.desc() if newest_first else _c.seq
    query = _of_targets(select(*_FACTS).where(where), selection).order_by(order)
    with connection.execute(query.execution_options(yield_per=64)) as rows:
        for row in rows:
            if not _is_selected(row, selection):
                continue
            parts = [
                part
                for part in _counted(connection, row)
                if not selection.streams or part.stream in selection.streams
            ]
            if parts:
                yield _Facts(row.seq, row.target_run_id, row.at, parts)


def _of_targets(query: Select[Any], selection: Selection) -> Select[Any]:
    if selection.targets is not None and len(selection.targets) <= _FEW:
        return query.where(_c.target_run_id.in_(selection.targets))
    return query.where(_c.run_id == selection.run_id)


def _is_selected(row: Any, selection: Selection) -> bool:
    return selection.targets is None or row.target_run_id in selection.targets


def _counted(connection: Connection, row: Row[Any]) -> Sequence[Part]:
    parts = parts_of(row.layout)
    if all(part.line_ends is not None for part in parts):
        return parts
    return [part_of(segment.stream, segment.data) for segment in segments_of(connection, row.seq)]
