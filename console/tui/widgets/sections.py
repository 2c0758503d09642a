"""Groups of rows under headings, one below the other or side by side, with one cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from console.i18n import ngettext
from console.presenters.durations import number
from console.presenters.sections import Entry, Section
from console.presenters.text import Line, Span, Table, Tone, line
from console.tables import column_widths, one_line
from console.themes import Surface
from console.tui import painting
from console.tui.navigation import Memory

_GUTTER = 2
"""Cells before a row, for the cursor."""
_APART = 3
"""Cells between two columns."""
_SIDE_BY_SIDE = 120
"""A terminal of so many cells has room for two columns."""
_LETTERS = "asdfghjklqwertyuiopzxcvbnm"


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of a column as it is painted, and the place among the entries that it is."""

    segments: list[Segment]
    entry: int | None = None


class Sections(Widget, can_focus=True):
    """Lines that head all, then columns of sections."""

    DEFAULT_CSS = "Sections { height: 1fr; }"

    class Moved(Message):
        """The cursor stands on another row."""

    class Opened(Message):
        """What a row leads to is to be opened."""

        def __init__(self, opens: str) -> None:
            super().__init__()
            self.opens = opens

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._head: Sequence[Line] = ()
        self._columns: Sequence[Sequence[Section]] = ()
        self._entries: list[Entry] = []
        self._cursor = 0
        self._top = 0
        self._wanted = ""
        self._is_jumping = False

    # ------------------------------------------------------------------ what is shown

    def show(self, head: Sequence[Line], columns: Sequence[Sequence[Section]]) -> None:
        """Show these instead; the cursor stays on a row that leads to the same place."""
        wanted = self._wanted or self.opens
        self._head, self._columns = head, columns
        self._entries = [
            entry for column in columns for section in column for entry in _entries(section)
        ]
        places = [entry.opens for entry in self._entries]
        if wanted in places:
            self._cursor, self._wanted = places.index(wanted), ""
        self.move_to(self._cursor)

    @property
    def opens(self) -> str:
        """Where the row under the cursor leads; "" where there is none."""
        return self._entries[self._cursor].opens if self._entries else ""

    def memory(self) -> Memory:
        return Memory(self.opens, self._top)

    def recall(self, memory: Memory) -> None:
        self._wanted, self._top = memory.cursor, memory.top

    # ------------------------------------------------------------------ painting

    def render_line(self, y: int) -> Strip:
        colours, width = self.app.theme_variables, self.size.width
        if y < len(self._head):
            text = painting.strip(self._head[y], max(0, width - _GUTTER), colours)
            return self._joined([Strip([Segment(" " * _GUTTER)]), text])
        columns, size = self._layout()
        at = self._top + y - len(self._head)
        cells: list[Strip] = []
        for column in columns:
            row = column[at] if at < len(column) else _Row([])
            cells.append(self._cell(row, size))
            cells.append(Strip([Segment(" " * _APART)]))
        return self._joined(cells[:-1])

    def _joined(self, parts: Sequence[Strip]) -> Strip:
        strip = Strip.join(parts).adjust_cell_length(self.size.width)
        return strip.apply_style(self.rich_style)

    def _cell(self, row: _Row, size: int) -> Strip:
        colours, mark = self.app.theme_variables, " "
        is_cursor = row.entry is not None and row.entry == self._cursor
        if is_cursor and self.has_focus:
            mark = ">"
        tone = Tone.STRONG
        if self._is_jumping and row.entry is not None and row.entry < len(_LETTERS):
            mark, tone = _LETTERS[row.entry], Tone.WARNING
        gutter = Segment(mark.ljust(_GUTTER), painting.style(tone, colours))
        strip = Strip([gutter, *row.segments]).adjust_cell_length(size)
        if is_cursor:
            surface = Surface.CURSOR if self.has_focus else Surface.RESTING
            strip = strip.apply_style(painting.ground(surface, colours))
        return strip

    def _layout(self) -> tuple[list[list[_Row]], int]:
        """The rows of each column, and how wide a column is."""
        width = self.size.width
        is_wide = width >= _SIDE_BY_SIDE and len(self._columns) > 1
        size = (width - _APART) // 2 if is_wide else width
        numbers = iter(range(len(self._entries)))
        columns = [
            [row for section in column for row in self._rows(section, size, numbers)]
            for column in self._columns
        ]
        return (columns if is_wide else [[row for each in columns for row in each]]), size

    def _rows(self, section: Section, size: int, numbers: Iterator[int]) -> Iterator[_Row]:
        colours = self.app.theme_variables
        count = f"  {number(section.count)}" if section.count else ""
        yield _Row([])
        yield _Row(
            painting.segments(
                line(Span(section.title, Tone.STRONG), Span(count, Tone.QUIET)), colours
            )
        )
        if not section.entries:
            yield _Row(painting.segments(line(Span(section.empty, Tone.QUIET)), colours))
        shown = [tuple(one_line(cell) for cell in entry.cells) for entry in section.entries]
        table = Table(section.columns, tuple(shown))
        widths = column_widths(table, shown, size - _GUTTER) if shown else []
        for cells in shown:
            yield _Row(painting.row(cells, widths, section.columns, colours), next(numbers))
        for more in _entries(section)[len(shown) :]:
            yield _Row(painting.segments(more.cells, colours), next(numbers))

    # ------------------------------------------------------------------ moving

    def perform_list(self, name: str) -> None:
        """Carry out one of the registry's actions for lists."""
        page = max(1, self.size.height - len(self._head) - 1)
        moves = {
            "down": self._cursor + 1,
            "up": self._cursor - 1,
            "page_down": self._cursor + page,
            "page_up": self._cursor - page,
            "half_down": self._cursor + page // 2,
            "half_up": self._cursor - page // 2,
            "first": 0,
            "last": len(self._entries) - 1,
        }
        if name in moves:
            self.move_to(moves[name])
        elif name == "open" and self._entries:
            self.post_message(self.Opened(self.opens))
        elif name == "jump" and self._entries:
            self._is_jumping = True
            self.refresh()

    def move_to(self, at: int) -> None:
        """Put the cursor on a row; one that is not there means the nearest."""
        self._cursor = max(0, min(at, len(self._entries) - 1))
        self._keep_in_sight()
        self.refresh()
        self.post_message(self.Moved())

    def _keep_in_sight(self) -> None:
        """The row under the cursor, with its heading where it is the first one."""
        room = max(1, self.size.height - len(self._head))
        columns, _size = self._layout()
        longest = max((len(column) for column in columns), default=0)
        for column in columns:
            at = next((y for y, row in enumerate(column) if row.entry == self._cursor), None)
            if at is not None:
                first = at if at and column[at - 1].entry is not None else max(0, at - 2)
                self._top = min(max(self._top, at - room + 1), first)
        self._top = max(0, min(self._top, longest - room))

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        return self._is_jumping

    def on_key(self, event: events.Key) -> None:
        if not self._is_jumping:
            return
        event.stop()
        event.prevent_default()
        self._is_jumping = False
        at = _LETTERS.find(event.character or "?")
        if 0 <= at < len(self._entries):
            self.move_to(at)
            self.post_message(self.Opened(self.opens))
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        self.move_to(self._cursor)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self._is_jumping = False
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        columns, size = self._layout()
        column = columns[min(event.x // (size + _APART), len(columns) - 1)] if columns else []
        at = self._top + event.y - len(self._head)
        if event.y >= len(self._head) and at < len(column) and column[at].entry is not None:
            is_second = column[at].entry == self._cursor and event.chain > 1
            self.move_to(column[at].entry or 0)
            if is_second:
                self.post_message(self.Opened(self.opens))

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self.move_to(self._cursor + 1)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.move_to(self._cursor - 1)


def _entries(section: Section) -> list[Entry]:
    """Its rows, and one that leads to all where there are more."""
    if not section.hidden or not section.all:
        return list(section.entries)
    text = ngettext("{count} more", "{count} more", section.hidden)
    more = line(Span(text.format(count=number(section.hidden)), Tone.QUIET))
    return [*section.entries, Entry(more, section.all)]
