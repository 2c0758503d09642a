"""How often a text occurs in each chunk of a part of a run's output.

The index names the chunks in which it may end, and each of them is looked into
with the few bytes before it; so the counts never depend on the index. Bytes of
another stream or target end what a text can lie in, as they end a line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Protocol

import msgspec
from sqlalchemy import Connection

from core.domain.occurrences import count_ending_in, reach_bytes
from core.storage.output_index import (
    SelectedSegments,
    Selection,
    read_chunks,
    selected_numbers,
)
from core.storage.search_index import Candidates

LOOKED_BYTES = 128 << 20
"""Output that is read at most for one answer."""
_TOGETHER = 16
"""Chunks that are read by one statement."""


class Index(Protocol):
    """What knows where a text may be."""

    def candidates(self, folded: str, first: int, last: int) -> Candidates: ...


class ChunkMatches(msgspec.Struct, frozen=True):
    """How many occurrences end in a chunk; at least one."""

    number: int
    count: int


class MatchesPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what was counted."""

    chunks: tuple[ChunkMatches, ...]
    position: int
    """The chunk up to which everything was counted."""
    more: bool
    """Whether there are chunks after it."""


def count_matches(
    connection: Connection,
    index: Index,
    selection: Selection,
    text: str,
    *,
    after: int,
    limit: int,
) -> MatchesPage:
    """Chunks after the number `after` in which the text occurs, letter case ignored."""
    numbers = selected_numbers(connection, selection)
    chunks = _Chunks(connection, selection)
    folded = text.casefold()
    left_bytes = LOOKED_BYTES
    found: list[ChunkMatches] = []
    for places in _together(_places(index, folded, numbers, after)):
        chunks.hold([numbers[place] for place in places])
        for place in places:
            if (chunk := chunks.read(numbers[place])) is not None:
                if count := _count(chunk, _tail(chunks, chunk, numbers, place, folded), folded):
                    found.append(ChunkMatches(chunk.number, count))
                left_bytes -= sum(len(segment.data) for segment in chunk.segments)
            if len(found) == limit or left_bytes <= 0:
                more = place + 1 < len(numbers)
                return MatchesPage(chunks=tuple(found), position=numbers[place], more=more)
    last = max(after, numbers[-1]) if numbers else after
    return MatchesPage(chunks=tuple(found), position=last, more=False)


class _Chunks:
    """Selected chunks by their numbers, some of them read at once."""

    def __init__(self, connection: Connection, selection: Selection) -> None:
        self._connection, self._selection = connection, selection
        self._held: dict[int, SelectedSegments | None] = {}

    def hold(self, numbers: Sequence[int]) -> None:
        """Read these, and let go of all but the last of those before."""
        found = {c.number: c for c in read_chunks(self._connection, self._selection, numbers)}
        last = dict(list(self._held.items())[-1:])
        self._held = last | {number: found.get(number) for number in numbers}

    def read(self, number: int) -> SelectedSegments | None:
        """None where it is gone, or nothing in it is selected."""
        if number not in self._held:
            one = read_chunks(self._connection, self._selection, [number])
            return next(one, None)
        return self._held[number]


def _together(places: Iterator[int]) -> Iterator[list[int]]:
    while some := list(islice(places, _TOGETHER)):
        yield some


def _places(index: Index, folded: str, numbers: Sequence[int], after: int) -> Iterator[int]:
    """Where in `numbers` the chunks are in which the text may end."""
    start = bisect_right(numbers, after)
    if start == len(numbers):
        return
    candidates = index.candidates(folded, numbers[start], numbers[-1])
    named = set(candidates.seqs)
    for place in range(start, len(numbers)):
        number = numbers[place]
        if number in named or any(first <= number <= last for first, last in candidates.unsure):
            yield place


def _count(chunk: SelectedSegments, before: bytes, folded: str) -> int:
    """How many occurrences end in a chunk; `before` stands together with its first bytes."""
    count = 0
    # Bytes stand together where they are one stream's with no other's between them.
    for _stream, together in groupby(chunk.segments, key=lambda segment: segment.stream):
        data = b"".join(segment.data for segment in together)
        count += count_ending_in(data, before, folded)
        before = b""
    return count


def _tail(
    chunks: _Chunks, chunk: SelectedSegments, numbers: Sequence[int], place: int, folded: str
) -> bytes:
    """What stands together with a chunk's first bytes: as much as an occurrence may reach back."""
    stream, size, tail = chunk.segments[0].stream, reach_bytes(folded), b""
    for earlier in range(place - 1, -1, -1):
        before = chunks.read(numbers[earlier])
        if before is None:
            continue
        if before.target_run_id != chunk.target_run_id:
            break
        for segment in reversed(before.segments):
            if segment.stream != stream:
                return tail[-size:]
            tail = segment.data + tail
        if len(tail) >= size:
            break
    return tail[-size:]
