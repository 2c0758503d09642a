"""How often a text occurs in each chunk of a part of a run's output.

The index names the chunks in which it may end, and each of them is looked into
with the few bytes before it; so the counts never depend on the index. Bytes of
another stream or target end what a text can lie in, as they end a line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby
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
    folded = text.casefold()
    left_bytes = LOOKED_BYTES
    found: list[ChunkMatches] = []
    for place in _places(index, folded, numbers, after):
        for chunk in read_chunks(connection, selection, [numbers[place]]):
            stretches = _stretches(chunk)
            earlier = _tail(connection, selection, chunk, numbers[:place], reach_bytes(folded))
            befores = [earlier, *[b""] * (len(stretches) - 1)]
            count = sum(
                count_ending_in(data, before, folded)
                for data, before in zip(stretches, befores, strict=True)
            )
            if count:
                found.append(ChunkMatches(chunk.number, count))
            left_bytes -= sum(map(len, stretches))
        if len(found) == limit or left_bytes <= 0:
            more = place + 1 < len(numbers)
            return MatchesPage(chunks=tuple(found), position=numbers[place], more=more)
    last = max(after, numbers[-1]) if numbers else after
    return MatchesPage(chunks=tuple(found), position=last, more=False)


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


def _stretches(chunk: SelectedSegments) -> list[bytes]:
    """Bytes that stand together: those of one stream with no other's between them."""
    groups = groupby(chunk.segments, key=lambda segment: segment.stream)
    return [b"".join(segment.data for segment in together) for _stream, together in groups]


def _tail(
    connection: Connection,
    selection: Selection,
    chunk: SelectedSegments,
    earlier: Sequence[int],
    size: int,
) -> bytes:
    """The last `size` bytes, or more, that stand together with the chunk's first ones."""
    stream, tail = chunk.segments[0].stream, b""
    for number in reversed(earlier):
        for before in read_chunks(connection, selection, [number]):
            if before.target_run_id != chunk.target_run_id:
                return tail
            for segment in reversed(before.segments):
                if segment.stream != stream:
                    return tail
                tail = segment.data + tail
        if len(tail) >= size:
            break
    return tail
