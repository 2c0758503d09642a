"""A table of any length, of which only the rows on the screen are ever laid out.

It shows what a presenter makes of the items under its window, so a hundred thousand runs cost as
much as forty. The cursor stays on its item when items come and go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from console.presenters.text import Column, Span, Table, Tone
from console.tables import GAP, column_widths, natural_widths, one_line, standing
from console.themes import Surface
from console.tui import painting
from console.tui.navigation import Memory

_GUTTER = 2
"""Cells before a row: the cursor, and the mark."""
_CURSOR, _MARK = ">", "*"
CALM = "-calm"
"""Class of an application on a slow line: there the cursor colours its first cell, not its row,
which would be written whole each time.
"""
_LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""Jump letters, those under the resting fingers first."""

Present = Callable[[Sequence[Any]], Table]
"""Some items as a table; its columns are the same for any of them."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a grid shows."""

    items: Sequence[Any]
    key: Callable[[Any], str]
    """What tells an item from the others, also when it has changed."""
    present: Present
    more: bool = False
    """Whether there are further items where these came from."""
    before: bool = False
    """Whether there are items before these."""
    empty: Sequence[str] = ()
    """What to say, and what to do next, where there is nothing."""


_NONE = Rows((), str, lambda _items: Table((), ()))


class Grid(Widget, can_focus=True):
    """Rows under titles, with a cursor."""

    DEFAULT_CSS = "Grid { height: 1fr; }"

    class Moved(Message):
        """The cursor stands on another item, or what is marked has changed."""

    class Opened(Message):
        """The item under the cursor is to be opened."""

    class NearEnd(Message):
        """The window comes near the last item, and there are more."""

    class NearStart(Message):
        """The window comes near the first item, and there are some before it."""

    def __init__(self, *, has_typist: bool = False, **kwargs: Any) -> None:
        """`has_typist`: the cursor is moved from a field that has the focus instead."""
        super().__init__(**kwargs)
        self._has_typist = has_typist
        self._rows = _NONE
        self._top = 0
        self._cursor = 0
        self._wanted = ""
        """The key where the cursor is to stand as soon as there is such an item."""
        self._marked: set[str] = set()
        self._natural: list[int] = []
        """Widths seen so far, so that columns do not jump while one scrolls."""
        self._laid: tuple[tuple[Any, ...], list[list[Segment]], list[Segment]] | None = None
        self._version = 0
        self._jumping = False
        self._column_widths: list[int] = []

    # ------------------------------------------------------------------ what is shown

    def show(self, rows: Rows) -> None:
        """Show these items instead; cursor and marks stay on theirs."""
        wanted = self._wanted or self.current_key
        is_same_list = rows.present is self._rows.present or bool(self._rows.items)
        self._rows = rows
        self._version += 1
        if not is_same_list:
            self._natural = []
        if self._marked:
            self._marked &= {rows.key(item) for item in rows.items}
        if wanted:
            at = next((at for at, item in enumerate(rows.items) if rows.key(item) == wanted), None)
            if at is not None:
                self._top += at - self._cursor if not self._wanted and self._top else 0
                self._cursor, self._wanted = at, ""
        self._keep_inside()
        self.refresh()
        self.post_message(self.Moved())

    def clear_widths(self) -> None:
        """Forget how wide columns were: another list comes."""
        self._natural = []
        self._laid = None

    @property
    def items(self) -> Sequence[Any]:
        return self._rows.items

    @property
    def current(self) -> Any | None:
        """The item under the cursor."""
        return self._rows.items[self._cursor] if self._rows.items else None

    @property
    def current_key(self) -> str:
        return self._rows.key(self.current) if self._rows.items else ""

    @property
    def chosen(self) -> list[Any]:
        """The marked items in their order, else the one under the cursor."""
        if self._marked:
            return [item for item in self._rows.items if self._rows.key(item) in self._marked]
        return [self.current] if self._rows.items else []

    @property
    def marked(self) -> frozenset[str]:
        return frozenset(self._marked)

    @property
    def position(self) -> int:
        """Of the cursor, from 0."""
        return self._cursor

    def unmark(self) -> None:
        self._marked.clear()
        self._changed()

    def memory(self) -> Memory:
        return Memory(self.current_key, self._top, marked=frozenset(self._marked))

    def recall(self, memory: Memory) -> None:
        self._wanted, self._top = memory.cursor, memory.top
        self._marked = set(memory.marked)

    # ------------------------------------------------------------------ painting

    def render_line(self, y: int) -> Strip:
        rows, titles = self._layout()
        width = self.size.width
        if y == 0:
            return self._padded([Segment(" " * _GUTTER), *titles])
        at = y - 1
        if at < len(rows):
            is_cursor = self._top + at == self._cursor
            return self._padded([*self._gutter(at, is_cursor), *rows[at]], cursor=is_cursor)
        if not self._rows.items and 0 < y <= len(self._rows.empty) + 1:
            text = ["", *self._rows.empty][at]
            tone = Tone.QUIET if at > 1 else Tone.PLAIN
            return painting.strip(
                (Span(" " * _GUTTER), Span(text, tone)), width, self._colours
            ).apply_style(self.rich_style)
        return Strip.blank(width, self.rich_style)

    def _padded(self, segments: list[Segment], *, cursor: bool = False) -> Strip:
        strip = Strip(segments).adjust_cell_length(self.size.width)
        if cursor:
            has_keys = self.has_focus or self._has_typist
            surface = Surface.CURSOR if has_keys else Surface.RESTING
            ground = painting.ground(surface, self._colours)
            reach = self._reach()
            strip = Strip.join([strip.crop(0, reach).apply_style(ground), strip.crop(reach)])
        return strip.apply_style(self.rich_style)

    def _reach(self) -> int:
        """How many cells of its row the cursor colours."""
        if self.app.has_class(CALM) and self._column_widths:
            return _GUTTER + self._column_widths[0]
        return self.size.width

    def _gutter(self, at: int, is_cursor: bool) -> list[Segment]:
        first = _CURSOR if is_cursor and (self.has_focus or self._has_typist) else " "
        if self._jumping and at < len(_LETTERS):
            first = _LETTERS[at]
        key = self._rows.key(self._rows.items[self._top + at])
        text = first + (_MARK if key in self._marked else " ")
        tone = Tone.WARNING if self._jumping else Tone.STRONG
        return [Segment(text, painting.style(tone, self._colours))]

    @property
    def _colours(self) -> painting.Colours:
        return self.app.theme_variables

    def _layout(self) -> tuple[list[list[Segment]], list[Segment]]:
        """The rows of the window and the titles, laid out once for what is shown."""
        made_for = (self._version, self._top, self.size, self.app.theme, self.app.ansi_color)
        if self._laid is None or self._laid[0] != made_for:
            self._laid = (made_for, *self._lay_out())
        return self._laid[1], self._laid[2]

    def _lay_out(self) -> tuple[list[list[Segment]], list[Segment]]:
        window = self._rows.items[self._top : self._top + self.page]
        table = self._rows.present(window)
        heads = tuple(Span(column.title, Tone.QUIET) for column in table.columns)
        cells = [tuple(one_line(cell) for cell in row) for row in table.rows]
        natural = self._seen([heads, *cells])
        wide = tuple(Span(" " * size) for size in natural)
        room = max(0, self.size.width - _GUTTER)
        table = standing(replace(table, rows=(heads, wide, *cells)), natural, room)
        titles, widest, *rows = table.rows
        widths = _filled(table.columns, column_widths(table, [widest], room), room)
        self._column_widths = widths
        paint = self._colours
        return (
            [painting.row(row, widths, table.columns, paint) for row in rows],
            painting.row(titles, widths, table.columns, paint),
        )

    def _seen(self, rows: Sequence[Sequence[Span]]) -> list[int]:
        """How wide each column has been so far."""
        seen = natural_widths(rows)
        if len(self._natural) == len(seen):
            seen = [max(pair) for pair in zip(seen, self._natural, strict=True)]
        self._natural = seen
        return seen

    def cell(self, column: int) -> Region:
        """Where a cell of the cursor's row is painted, from the grid's own corner."""
        self._layout()
        left = _GUTTER + sum(self._column_widths[:column]) + GAP * column
        width = self._column_widths[column] if self._column_widths else 0
        return Region(left, self._cursor - self._top + 1, width, 1)

    # ------------------------------------------------------------------ moving

    @property
    def page(self) -> int:
        """Rows that the window holds."""
        return max(1, self.size.height - 1)

    def perform_list(self, name: str) -> None:
        """Carry out one of the registry's actions for lists."""
        last = len(self._rows.items) - 1
        moves = {
            "down": self._cursor + 1,
            "up": self._cursor - 1,
            "page_down": self._cursor + self.page,
            "page_up": self._cursor - self.page,
            "half_down": self._cursor + self.page // 2,
            "half_up": self._cursor - self.page // 2,
            "first": 0,
            "last": last,
        }
        if name in moves:
            self.move_to(moves[name])
        elif name == "open" and self._rows.items:
            self.post_message(self.Opened())
        elif name == "mark":
            self._toggle(self.current_key)
        elif name == "mark_all":
            every = {self._rows.key(item) for item in self._rows.items}
            self._marked = set() if self._marked == every else every
            self._changed()
        elif name == "jump":
            self._jumping = True
            self.refresh()

    def move_to(self, at: int) -> None:
        """Put the cursor on a row; one that is not there means the nearest."""
        self._cursor, self._wanted = at, ""
        self._keep_inside()
        self._changed()

    def _toggle(self, key: str) -> None:
        if key:
            self._marked ^= {key}
            self.move_to(self._cursor + 1)

    def _changed(self) -> None:
        self.refresh()
        self.post_message(self.Moved())

    def _keep_inside(self) -> None:
        count = len(self._rows.items)
        self._cursor = max(0, min(self._cursor, count - 1))
        self._top = min(max(self._top, self._cursor - self.page + 1), self._cursor)
        self._top = max(0, min(self._top, count - self.page))
        if self._rows.more and self._cursor + 2 * self.page >= count:
            self.post_message(self.NearEnd())
        if self._rows.before and self._cursor < 2 * self.page:
            self.post_message(self.NearStart())

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        return self._jumping

    def on_key(self, event: events.Key) -> None:
        if not self._jumping:
            return
        event.stop()
        event.prevent_default()
        self._jumping = False
        at = _LETTERS.find(event.character or "?")
        if 0 <= at < min(self.page, len(self._rows.items) - self._top):
            self.move_to(self._top + at)
            self.post_message(self.Opened())
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        self._keep_inside()
        self.refresh()  # what was painted in the new size may have begun at another row

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self._jumping = False
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if 0 < event.y <= len(self._rows.items) - self._top:
            is_second = self._cursor == self._top + event.y - 1 and event.chain > 1
            self.move_to(self._top + event.y - 1)
            if is_second:
                self.post_message(self.Opened())

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self.move_to(self._cursor + 3)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.move_to(self._cursor - 3)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows.items) + 1


def _filled(columns: Sequence[Column], widths: list[int], room: int) -> list[int]:
    """The elastic column takes what is left, so that what stands right of it is at the edge."""
    left = room - sum(widths) - GAP * (len(widths) - 1)
    for at, column in enumerate(columns):
        if column.elastic and left > 0 and at < len(columns) - 1:
            widths[at] += left
            break
    return widths
