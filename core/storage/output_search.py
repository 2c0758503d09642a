"""Finding a text in what targets printed: in one run, and in all.

The index names the chunks that may contain it, and each is looked into before
it counts. What the index does not know (it follows in the background) is read
like a candidate. So what is found never depends on the index, only how fast.

Reading is bounded: a search that has read LOOKED_BYTES ends where it is and
says how to go on.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Protocol

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, select, true

from core.flow.definition import ADHOC
from core.storage.matching import TAIL_BYTES, Hit, Places, Wanted, by_stream, first_hit, folded_text
from core.storage.search_index import Candidates
from core.storage.stored_chunks import ChunkKey, PlacesBefore, segments_of
from core.storage.tables import output_chunk, run, target_run

LOOKED_BYTES = 128 << 20
"""Output that one search reads at most before it answers; a target is read to its end."""

_SEQS = 500
"""Candidates that are looked up at once."""
_WINDOW = 4096
"""Sequence numbers of which those without an index are looked up at once."""

_c = output_chunk.c
_CHUNK = (_c.seq, _c.target_run_id, _c.offset, _c.size_bytes)
_WHO = tuple(target_run.c[name] for name in ("run_id", "step", "attempt", "ordinal", "host"))
_CHUNKS = select(*_CHUNK, *_WHO).join_from(
    output_chunk, target_run, target_run.c.id == _c.target_run_id
)


class Index(Protocol):
    """What knows where a text may be."""

    def candidates(self, folded: str, first: int, last: int) -> Candidates: ...

    def before(self, seq: int) -> Places | None: ...


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a target's output that contains the text."""

    target_run_id: int
    run_id: str
    step: str
    attempt: int
    ordinal: int
    host: str
    stream: str
    line_number: int
    """Of the line it begins in, within its stream, from 1."""
    line: str
    """The line it stands in, or the part around it; at most 200 characters."""


class FoundPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what a search found."""

    items: tuple[Found, ...]
    position: int | None
    """Where the next page begins; None when everything was looked at. A page may be empty and
    have one: then nothing was found so far."""


class RunsFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Whose output is searched; empty fields narrow nothing."""

    origin: str = ""
    """`adhoc`, or a job's name."""
    host: str = ""
    since: str = ""
    """Printed at or after this timestamp."""


def search_run(
    connection: Connection, index: Index, run_id: str, text: str, *, limit: int, after: int = 0
) -> FoundPage:
    """Targets of a run whose output contains `text`, each with its first line, in the run's order.

    Letter case is ignored; bytes that are not UTF-8 match nothing. `after` is the
    `position` of the page before.
    """
    look = _Look(connection, index, text)
    first, last = _bounds(connection, _c.run_id == run_id)
    candidates = index.candidates(look.wanted.folded, first, last)
    of_run = _CHUNKS.where(_c.run_id == run_id, _c.target_run_id > after)
    queries = _newest_first(of_run, candidates)
    rows = [row for query in queries for row in connection.execute(query)]
    rows.sort(key=lambda row: (row.target_run_id, row.offset))
    items: list[Found] = []
    for target, chunks in groupby(rows, key=lambda row: int(row.target_run_id)):
        found = next(filter(None, map(look.into, chunks)), None)
        if found is not None:
            items.append(found)
        if len(items) == limit or look.tired:
            return FoundPage(items=tuple(items), position=target)
    return FoundPage(items=tuple(items), position=None)


def search_all(
    connection: Connection,
    index: Index,
    text: str,
    where: RunsFilter,
    *,
    limit: int,
    before: int | None = None,
) -> FoundPage:
    """Targets of any run whose output contains `text`, each once, the newest output first.

    A target shows the first line that has the text in the newest of its chunks that do.
    `before` is the `position` of the page before.
    """
    look = _Look(connection, index, text)
    first, last = _bounds(connection, true())
    last = last if before is None else min(last, before - 1)
    candidates = index.candidates(look.wanted.folded, first, last)
    shown = _Shown(look, before)
    items: list[Found] = []
    for query in _newest_first(_narrowed(where), candidates):
        for row in connection.execute(query):
            if row.target_run_id in shown:
                continue
            found = look.into(row)
            if found is not None:
                shown.add(row.target_run_id)
                items.append(found)
            if len(items) == limit or look.tired:
                return FoundPage(items=tuple(items), position=row.seq)
    return FoundPage(items=tuple(items), position=None)


class _Look:
    """Looks into chunks for one text, and knows how much it has read."""

    def __init__(self, connection: Connection, index: Index, text: str) -> None:
        self.wanted = Wanted(text)
        self.connection = connection
        self.index = index
        self._places = PlacesBefore(connection, index.before)
        self._left = LOOKED_BYTES

    @property
    def tired(self) -> bool:
        """Enough was read for one answer."""
        return self._left <= 0

    def into(self, row: Any) -> Found | None:
        """The match that ends first in a chunk."""
        chunk = ChunkKey(row.seq, row.target_run_id, row.offset, row.size_bytes)
        hit = self.hit(chunk)
        if hit is None:
            return None
        who = {column.name: getattr(row, column.name) for column in _WHO}
        return Found(target_run_id=chunk.target_run_id, **who, **msgspec.structs.asdict(hit))

    def hit(self, chunk: ChunkKey) -> Hit | None:
        """Where a chunk has the text first."""
        self._left -= chunk.size_bytes
        segments = segments_of(self.connection, chunk.seq)
        places = self._places.of(chunk)
        streams = [
            stream
            for stream, data in by_stream(segments).items()
            if self.wanted.may_end_in(folded_text(_tail(places, stream) + data))
        ]
        if not streams:
            return None
        if self.wanted.tail_bytes > TAIL_BYTES:
            places = self._places.with_tails(chunk, streams, self.wanted.tail_bytes)
        return first_hit(self.wanted, places, segments)


class _Shown:
    """Targets that have been shown, on this page or on one before."""

    def __init__(self, look: _Look, before: int | None) -> None:
        self._look = look
        self._before = before
        self._known: dict[int, bool] = {}

    def add(self, target_run_id: int) -> None:
        self._known[target_run_id] = True

    def __contains__(self, target_run_id: int) -> bool:
        if target_run_id not in self._known:
            self._known[target_run_id] = self._before is not None and self._earlier(target_run_id)
        return self._known[target_run_id]

    def _earlier(self, target_run_id: int) -> bool:
        """Whether a newer chunk of the target, on a page before, has the text."""
        query = select(*_CHUNK).where(_c.target_run_id == target_run_id, _c.seq >= self._before)
        newer = [ChunkKey(*row) for row in self._look.connection.execute(query)]
        if not newer:
            return False
        first, last = newer[0].seq, newer[-1].seq
        candidates = self._look.index.candidates(self._look.wanted.folded, first, last)
        seqs = set(candidates.seqs)
        return any(
            self._look.hit(chunk) is not None
            for chunk in newer
            if chunk.seq in seqs or any(a <= chunk.seq <= b for a, b in candidates.unsure)
        )


def _bounds(connection: Connection, where: ColumnElement[bool]) -> tuple[int, int]:
    """First and last number of some chunks; (0, -1) when there are none."""
    # Each by itself: SQLite then looks only at one end of an index.
    ends = [select(end(_c.seq)).where(where).scalar_subquery() for end in (func.min, func.max)]
    first, last = connection.execute(select(*ends)).one()
    return (0, -1) if first is None else (first, last)


def _tail(places: Places, stream: str) -> bytes:
    place = places.get(stream)
    return b"" if place is None else place.tail


def _narrowed(where: RunsFilter) -> Select[Any]:
    query = _CHUNKS
    if where.origin:
        name = "" if where.origin == ADHOC else where.origin
        query = query.join(run, run.c.id == _c.run_id).where(run.c.job == name)
    if where.host:
        query = query.where(target_run.c.host == where.host)
    if where.since:
        query = query.where(_c.at >= where.since)
    return query


def _newest_first(query: Select[Any], candidates: Candidates) -> Iterator[Select[Any]]:
    """The candidates that `query` selects, a few at a time, by falling numbers."""
    seqs = list(candidates.seqs)
    for first, last in sorted(candidates.unsure, reverse=True):
        newer = len(seqs) - bisect(seqs, last)
        yield from _numbered(query, [seqs.pop() for _ in range(newer)])
        for end in range(last, first - 1, -_WINDOW):
            start = max(first, end - _WINDOW + 1)
            yield query.where(_c.seq.between(start, end)).order_by(_c.seq.desc())
    yield from _numbered(query, seqs[::-1])


def _numbered(query: Select[Any], seqs: Sequence[int]) -> Iterator[Select[Any]]:
    for start in range(0, len(seqs), _SEQS):
        some = seqs[start : start + _SEQS]
        yield query.where(_c.seq.in_(some)).order_by(_c.seq.desc())
