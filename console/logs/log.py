"""A log: the index of some output, and its rows by their numbers.

Rows are lines. A line that goes on over many chunks is broken into rows at the beginning of a
chunk, once it has grown to ROW_BYTES or ROW_CHUNKS; so a row can always be shown, whatever a
program prints. Which chunks begin a row follows from the index alone, so the number of every row
is known before anything is read.

Of the bytes only what was used last is kept, up to a bound.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Collection, Iterable

from console.logs.chunks import Entry, Part, Piece, Row, Who, cut

ROW_BYTES = 128 * 1024
"""A line that is at least so long goes on in another row with its next chunk."""
ROW_CHUNKS = 256
KEPT_BYTES = 24 << 20
_PART_BYTES = 150
"""What one part costs beside its data."""

Span = tuple[int, bytes]
"""A place in the index, and the bytes of a row that stand in its chunk."""


class Log:
    """Rows of a growing output. Places are positions in the index, rows are numbered from 0."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._numbers = array("q")
        self._bytes_before = array("q", [0])
        self._rows_before = array("q", [0])
        self._lines_before = array("q", [0])
        self._joined = bytearray()
        """1 where a chunk begins within a row of the one before."""
        self._rests = bytearray()
        """1 where a chunk begins a row, but no line."""
        self._whos: list[Who] = []
        self._known: dict[Who, Who] = {}
        self._hosts: dict[str, None] = {}
        self._row_bytes = self._row_chunks = 0
        """At most so much of the last row stands in the chunks so far."""
        self._parts: OrderedDict[int, list[Part]] = OrderedDict()
        self._used_bytes = 0

    # ------------------------------------------------------------------ what there is

    @property
    def rows(self) -> int:
        return self._rows_before[-1]

    @property
    def lines(self) -> int:
        return self._lines_before[-1]

    @property
    def size_bytes(self) -> int:
        return self._bytes_before[-1]

    @property
    def last_number(self) -> int:
        """Number of the last chunk; 0 where there is none."""
        return self._numbers[-1] if self._numbers else 0

    @property
    def kept_bytes(self) -> int:
        """What the bytes that are kept cost."""
        return self._used_bytes

    @property
    def hosts(self) -> Collection[str]:
        """Whose output there is, in the order of arrival."""
        return self._hosts.keys()

    @property
    def numbers(self) -> list[int]:
        """Of all chunks."""
        return list(self._numbers)

    def number_at(self, place: int) -> int:
        return self._numbers[place]

    def place_of_number(self, number: int) -> int:
        return bisect_left(self._numbers, number)

    def place_of_row(self, row: int) -> int:
        """The chunk in which a row begins."""
        return bisect_right(self._rows_before, row) - 1

    def row_of_line(self, line: int) -> int:
        """The row in which a line begins, counted from 1; of one that is not there, the nearest."""
        line = max(1, min(line, self.lines))
        place = bisect_right(self._lines_before, line - 1) - 1
        if place >= len(self._numbers):
            return 0
        return self._rows_before[place] + self._rests[place] + line - 1 - self._lines_before[place]

    # ------------------------------------------------------------------ growing

    def add(self, entries: Iterable[Entry]) -> None:
        """What follows in the index; chunks that are known already are passed over."""
        for entry in entries:
            if entry.number > self.last_number:
                self._add(entry)

    def _add(self, entry: Entry) -> None:
        goes_on = entry.continues and len(self._numbers) > 0
        is_rest = goes_on and (self._row_bytes >= ROW_BYTES or self._row_chunks >= ROW_CHUNKS)
        if entry.lines or is_rest or not goes_on:
            self._row_bytes = self._row_chunks = 0
        self._row_bytes += entry.size_bytes
        self._row_chunks += 1
        self._numbers.append(entry.number)
        self._joined.append(goes_on and not is_rest)
        self._rests.append(is_rest)
        self._whos.append(self._known.setdefault(entry.who, entry.who))
        self._hosts[entry.who.host] = None
        self._bytes_before.append(self.size_bytes + entry.size_bytes)
        self._rows_before.append(self.rows + entry.lines + is_rest)
        self._lines_before.append(self.lines + entry.lines)

    def fill(self, number: int, pieces: Iterable[Piece]) -> None:
        """The bytes of a chunk that was missing."""
        place = self.place_of_number(number)
        if place == len(self._numbers) or self._numbers[place] != number or place in self._parts:
            return
        parts = cut(pieces)
        self._parts[place] = parts
        self._used_bytes += _cost(parts)
        while self._used_bytes > self._kept_bytes and len(self._parts) > 1:
            self._used_bytes -= _cost(self._parts.popitem(last=False)[1])

    # ------------------------------------------------------------------ rows

    def places_of_row(self, row: int) -> range:
        """The chunks in which a row stands."""
        first = self.place_of_row(row)
        end = first + 1
        if row + 1 == self._rows_before[end]:
            while end < len(self._numbers) and self._joined[end]:
                end += 1
                if self._rows_before[end] > self._rows_before[end - 1]:
                    break
        return range(first, end)

    def missing(self, rows: Iterable[int], most_bytes: int | None = None) -> list[int]:
        """Numbers of the chunks that have to be there for these rows and are not.

        `most_bytes`: only as many of them, but at least one row's.
        """
        found: dict[int, None] = {}
        size_bytes = 0
        for row in rows:
            if most_bytes is not None and size_bytes > most_bytes:
                break
            for place in self.places_of_row(row):
                if place not in self._parts and place not in found:
                    found[place] = None
                    size_bytes += self._bytes_before[place + 1] - self._bytes_before[place]
        return [self._numbers[place] for place in sorted(found)]

    def bytes_of(self, rows: range) -> int:
        """How much stands in the chunks in which these rows begin."""
        first, last = self.place_of_row(rows[0]), self.place_of_row(rows[-1])
        return self._bytes_before[last + 1] - self._bytes_before[first]

    def row(self, row: int) -> Row | None:
        """A row; None where bytes of it are missing, or where there is none."""
        spans = self.spans(row) if row < self.rows else None
        if spans is None:
            return None
        place = self.place_of_row(row)
        part = self._part(place, row)
        within = row - self._rows_before[place]
        is_rest = bool(self._rests[place]) and within == 0
        return Row(
            line=self._lines_before[place] + within + 1 - self._rests[place],
            is_rest=is_rest,
            who=self._whos[place],
            stream=part.stream if part else "",
            at=part.at if part else "",
            data=b"".join(data for _place, data in spans),
        )

    def spans(self, row: int) -> list[Span] | None:
        """The bytes of a row by the chunks in which they stand; None where one is missing."""
        places = self.places_of_row(row)
        for place in places:
            if place not in self._parts:
                return None
            self._parts.move_to_end(place)
        first = self._part(places[0], row)
        found = [(places[0], first.data if first else b"")]
        # What the engine has removed since is an empty part.
        found += [(at, parts[0].data) for at in places[1:] if (parts := self._parts[at])]
        return found

    def rows_in(self, place: int) -> range:
        """The rows of which something stands in a chunk."""
        return range(self._rows_before[place] - self._joined[place], self._rows_before[place + 1])

    def _part(self, place: int, row: int) -> Part | None:
        at = row - self._rows_before[place] + self._joined[place]
        parts = self._parts[place]
        return parts[at] if at < len(parts) else None


def _cost(parts: list[Part]) -> int:
    return sum(len(part.data) + _PART_BYTES for part in parts)
