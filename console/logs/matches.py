"""Where a text occurs in a log: how often in all, and the next place from any row.

The engine counts by chunk; the exact places are found in the chunks that are there, by the same
rule. An occurrence belongs to the chunk in which it ends.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import total_ordering

from console.logs.log import Log
from core.domain.occurrences import found_in, shown_text


@total_ordering
@dataclass(frozen=True, slots=True)
class Spot:
    """One occurrence."""

    row: int
    nth: int
    """Among those of its row, from 0."""

    def __lt__(self, other: Spot) -> bool:
        return (self.row, self.nth) < (other.row, other.nth)


BEFORE_ALL = Spot(-1, 0)


@dataclass(frozen=True, slots=True)
class Missing:
    """The question cannot be answered before these chunks are there."""

    numbers: list[int]


class Matches:
    """The occurrences of one text."""

    def __init__(self, words: str) -> None:
        self.words = words
        self.folded = words.casefold()
        self.counted_to = 0
        """The chunk up to which everything was counted."""
        self.is_counted = False
        """Whether that was the last one when the engine was asked."""
        self._numbers = array("q")
        self._before = array("q", [0])

    @property
    def total(self) -> int:
        return self._before[-1]

    def add(self, counts: Iterable[tuple[int, int]], counted_to: int, *, more: bool) -> None:
        """What the engine counted next: pairs of a chunk and how many end in it."""
        for number, count in counts:
            if not self._numbers or number > self._numbers[-1]:
                self._numbers.append(number)
                self._before.append(self.total + count)
        self.counted_to, self.is_counted = counted_to, not more

    def after(self, log: Log, spot: Spot) -> Spot | Missing | None:
        """The first occurrence after a place; None where none was counted in what the log knows."""
        end = bisect_right(self._numbers, log.last_number)
        for number in self._numbers[self._index(log, spot) : end]:
            spots = self._spots(log, number)
            if isinstance(spots, Missing):
                return spots
            for found in spots:
                if found > spot:
                    return found
        return None

    def before(self, log: Log, spot: Spot) -> Spot | Missing | None:
        """The last occurrence before a place."""
        # The chunk after the row's first may hold occurrences of the same row.
        end = bisect_left(self._numbers, self._last_number(log, spot) + 1)
        for number in reversed(self._numbers[:end]):
            spots = self._spots(log, number)
            if isinstance(spots, Missing):
                return spots
            for found in reversed(spots):
                if found < spot:
                    return found
        return None

    def ordinal(self, log: Log, spot: Spot) -> int | None:
        """Which one of all it is, from 1; None where its bytes are missing, or it is none."""
        if not 0 <= spot.row < log.rows:
            return None
        for place in log.places_of_row(spot.row):
            number = log.number_at(place)
            at = bisect_left(self._numbers, number)
            if at == len(self._numbers) or self._numbers[at] != number:
                continue
            spots = self._spots(log, number)
            if isinstance(spots, Missing):
                return None
            if spot in spots:
                return self._before[at] + spots.index(spot) + 1
        return None

    def _index(self, log: Log, spot: Spot) -> int:
        """Of the first counted chunk that may hold what stands after a place."""
        if spot.row < 0 or not log.rows:
            return 0
        place = log.place_of_row(min(spot.row, log.rows - 1))
        return bisect_left(self._numbers, log.number_at(place))

    def _last_number(self, log: Log, spot: Spot) -> int:
        if spot.row < 0 or not log.rows:
            return -1
        return log.number_at(log.places_of_row(min(spot.row, log.rows - 1))[-1])

    def _spots(self, log: Log, number: int) -> list[Spot] | Missing:
        """The occurrences that end in a chunk."""
        place = log.place_of_number(number)
        rows = log.rows_in(place)
        if missing := log.missing(rows):
            return Missing(missing)
        return [spot for row in rows for spot in self._ending_in(log, row, place)]

    def _ending_in(self, log: Log, row: int, place: int) -> Iterator[Spot]:
        spans = log.spans(row) or []
        text = shown_text(b"".join(data for _place, data in spans))
        hits = found_in(text, self.folded)
        if not hits:
            return
        start = sum(len(data) for at, data in spans if at < place)
        end = start + sum(len(data) for at, data in spans if at == place)
        for nth, (_first, last) in enumerate(hits):
            ends_at = last if text.isascii() else len(text[:last].encode(errors="surrogateescape"))
            if start < ends_at <= end:
                yield Spot(row, nth)
