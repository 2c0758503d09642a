"""The part of a log that a screen shows, and the ways to move it.

A place on the screen is a row and the line within it. Rows that are not there yet take one line
until they come; what has to be asked for is said by `missing`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from console.cells import width
from console.logs.chunks import Row
from console.logs.layout import BitLine, window, wrapped
from console.logs.log import Log
from console.logs.matches import Matches, Missing, Spot
from console.logs.shown import Mark, bits

_KEPT_ROWS = 400
_MOST_DIGITS = 18
_AHEAD = 2
"""Windows that are asked for above and below, so that paging shows at once."""
_AHEAD_BYTES = 1 << 20
"""Where rows are so long that it would be more, nothing is asked for ahead: when a few of them
are there, a screen is full."""

Place = tuple[int, int]
"""A row, and a line within it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of the screen."""

    row: int
    within: int
    source: Row | None
    """None where it is not there yet."""
    text: BitLine


class Window:
    """A window on a log, with a cursor."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.cells, self.height = 80, 24
        self.wraps = True
        self.left = 0
        """First column that is shown where lines are not wrapped."""
        self.follows = False
        """Whether the cursor stays on the end as the log grows."""
        self.cursor: Place = (0, 0)
        self.matches: Matches | None = None
        self.spot: Spot | None = None
        """The occurrence that one went to."""
        self.marked: set[int] = set()
        """Rows."""
        self._top: Place = (0, 0)
        self._laid: OrderedDict[tuple[object, ...], list[BitLine]] = OrderedDict()

    # ------------------------------------------------------------------ what is shown

    def resize(self, cells: int, height: int) -> None:
        """Cells of a line's text, and lines."""
        self.cells, self.height = max(2, cells), max(1, height)
        self._settle()

    def lines(self) -> Iterator[Shown]:
        """The lines of the screen from the top, as many as there are."""
        place: Place | None = self._top
        for _line in range(self.height):
            if place is None or place[0] >= self.log.rows:
                return
            row, within = place
            laid = self._lay_out(row)
            source = self.log.row(row)
            yield Shown(row, within, source, laid[min(within, len(laid) - 1)] if laid else [])
            place = self._after(place)

    def missing(self) -> list[int]:
        """Chunks to ask for: those of the screen, or, when these are there, those around it."""
        rows = sorted({shown.row for shown in self.lines()})
        if not rows:
            return []
        if needed := self.log.missing(rows, _AHEAD_BYTES // 2):
            return needed
        around = _AHEAD * self.height
        near = range(max(0, rows[0] - around), min(self.log.rows, rows[-1] + around + 1))
        return self.log.missing(near) if self.log.bytes_of(near) <= _AHEAD_BYTES else []

    # ------------------------------------------------------------------ moving

    def move(self, by: int) -> None:
        """Move the cursor by lines of the screen."""
        self.follows = False
        for _step in range(abs(by)):
            place = self._after(self.cursor) if by > 0 else self._before(self.cursor)
            if place is None:
                break
            self.cursor = place
        self._settle()

    def page(self, windows: float) -> None:
        """Move the cursor, and what is shown, by so many windows."""
        by = int(windows * self.height) or (1 if windows > 0 else -1)
        for _step in range(abs(by)):
            place = self._after(self._top) if by > 0 else self._before(self._top)
            if place is None:
                break
            self._top = place
        self.move(by)

    def put_cursor(self, place: Place) -> None:
        """Put the cursor on a place that is shown."""
        self.follows = False
        self.cursor = place
        self._settle()

    def mark(self) -> None:
        """Mark the row under the cursor, or mark it no more, and go to the next one."""
        self.marked ^= {self.cursor[0]}
        self.move(len(self._lay_out(self.cursor[0])) - self.cursor[1])

    def slide(self, by: int) -> None:
        """Show columns further to the right, or to the left."""
        self.left = max(0, self.left + by)

    def go_to_row(self, row: int) -> None:
        """Put the cursor on a row, in the upper third of the screen unless it is shown already."""
        self.follows = False
        self.cursor = (max(0, min(row, self.log.rows - 1)), 0)
        if not self._is_shown(self.cursor):
            self._top = self._back_from(self.cursor, self.height // 3)
        self._settle()

    def go_to_line(self, line: int) -> None:
        """To a line by its number, from 1."""
        self.go_to_row(self.log.row_of_line(line))

    def go_to_part(self, fraction: float) -> None:
        """To a part of the whole: 0.5 is its middle."""
        self.go_to_row(int(fraction * self.log.rows))

    def go_to(self, typed: str) -> bool:
        """To a line or a part as it is typed: `12,345` or `50%`; False where it is neither."""
        number = typed.replace(",", "").removesuffix("%").strip()
        if not (number.isascii() and number.isdigit()):
            return False
        # More digits than any line has: the end.
        value = int(number[:_MOST_DIGITS])
        if typed.endswith("%"):
            self.go_to_part(value / 100)
        else:
            self.go_to_line(value)
        return True

    def go_to_end(self) -> None:
        self.cursor = self._end()
        self._settle()

    def follow(self, on: bool) -> None:
        self.follows = on
        if on:
            self.go_to_end()

    def wrap(self, on: bool) -> None:
        self.wraps, self.left = on, 0
        self.cursor, self._top = (self.cursor[0], 0), (self._top[0], 0)
        self._settle()

    def changed(self) -> None:
        """The log has grown, or what was missing has come."""
        if self.follows:
            self.cursor = self._end()
        self._settle()

    # ------------------------------------------------------------------ finding

    def look_for(self, matches: Matches | None) -> None:
        """Mark what these matches are of."""
        self.matches, self.spot = matches, None

    def find(self, *, forwards: bool) -> Spot | Missing | None:
        """Go to the next occurrence, from the one that one went to or from the cursor."""
        if self.matches is None:
            return None
        row = self.cursor[0]
        is_here = self.spot is not None and self.spot.row == row
        start = self.spot if is_here and self.spot else Spot(row, -1)
        found = (self.matches.after if forwards else self.matches.before)(self.log, start)
        if isinstance(found, Spot):
            self.spot = found
            self.go_to_row(found.row)
            self._show_spot()
        return found

    def _show_spot(self) -> None:
        """Bring the occurrence itself into view, in a row that is longer than a line."""
        row = self.cursor[0]
        laid = self._lay_out(row)
        for within, text in enumerate(laid):
            if any(bit.mark is Mark.CURRENT for bit in text):
                self.cursor = (row, within)
                self._settle()
                return
        if not self.wraps and (source := self.log.row(row)):
            text = bits(source, self.matches.folded if self.matches else "", self._nth(row))
            before = takewhile(lambda bit: bit.mark is not Mark.CURRENT, text)
            self.left = sum(width(bit.text) for bit in before) // self.cells * self.cells

    # ------------------------------------------------------------------ places

    def _lay_out(self, row: int) -> list[BitLine]:
        """The lines of a row; one empty line for a row that is not there."""
        source = self.log.row(row)
        if source is None:
            return [[]]
        folded = self.matches.folded if self.matches else ""
        nth = self._nth(row)
        key = (row, len(source.data), self.cells, self.wraps, self.left, folded, nth)
        if key in self._laid:
            self._laid.move_to_end(key)
            return self._laid[key]
        text = bits(source, folded, nth)
        laid = wrapped(text, self.cells) if self.wraps else [window(text, self.left, self.cells)]
        self._laid[key] = laid
        if len(self._laid) > _KEPT_ROWS:
            self._laid.popitem(last=False)
        return laid

    def _nth(self, row: int) -> int | None:
        """Which occurrence of a row one went to."""
        return self.spot.nth if self.spot is not None and self.spot.row == row else None

    def _after(self, place: Place) -> Place | None:
        row, within = place
        if within + 1 < len(self._lay_out(row)):
            return row, within + 1
        return (row + 1, 0) if row + 1 < self.log.rows else None

    def _before(self, place: Place) -> Place | None:
        row, within = place
        if within:
            return row, min(within, len(self._lay_out(row))) - 1
        return (row - 1, len(self._lay_out(row - 1)) - 1) if row else None

    def _end(self) -> Place:
        if not self.log.rows:
            return 0, 0
        row = self.log.rows - 1
        return row, len(self._lay_out(row)) - 1

    def _back_from(self, place: Place, lines: int) -> Place:
        for _line in range(lines):
            before = self._before(place)
            if before is None:
                break
            place = before
        return place

    def _is_shown(self, place: Place) -> bool:
        at: Place | None = self._top
        for _line in range(self.height):
            if at is None or at > place:
                return False
            if at == place:
                return True
            at = self._after(at)
        return False

    def _settle(self) -> None:
        """Keep the cursor in the log and in the window, and the window full."""
        self.cursor, self._top = self._nearest(self.cursor), self._nearest(self._top)
        if self.cursor < self._top:
            self._top = self.cursor
        elif not self._is_shown(self.cursor):
            self._top = self._back_from(self.cursor, self.height - 1)
        self._top = min(self._top, self._back_from(self._end(), self.height - 1))

    def _nearest(self, place: Place) -> Place:
        row = max(0, min(place[0], self.log.rows - 1))
        return row, min(place[1], len(self._lay_out(row)) - 1)
