"""A text that is read: lines and tables under a window that moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from console.presenters.text import Line, Table
from console.tables import lay_out
from console.tui import painting

_MARGIN = 2
"""Cells left of the text."""
_MOST_CELLS = 110
"""Longer lines are hard to read, however wide the terminal is."""
_STEP = 3
"""Lines that one turn of the wheel moves."""

Parts = Sequence[Line | Table]
Flowing = Callable[[int], Parts]
"""A text that is made for a number of cells."""


class Reader(Widget, can_focus=True):
    """Wrapped to its width; the place in it stays when the text changes."""

    DEFAULT_CSS = "Reader { height: 1fr; }"

    class Moved(Message):
        """Another part of the text is in sight."""

    def __init__(self, *, is_wide: bool = False, **kwargs: Any) -> None:
        """`is_wide`: lines may be as long as the terminal is wide."""
        super().__init__(**kwargs)
        self._most = None if is_wide else _MOST_CELLS
        self._parts: Flowing = lambda _cells: ()
        self._top = 0
        self._laid: tuple[int, list[Line]] | None = None

    def show(self, parts: Parts) -> None:
        """Show this instead."""
        self.show_flowing(lambda _cells: parts)

    def show_flowing(self, parts: Flowing) -> None:
        """Show instead what is made for the width that there is."""
        self._parts, self._laid = parts, None
        self.refresh(layout=True)  # its height may follow from the text
        self.move_to(self._top)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._laid_out(width))

    @property
    def lines(self) -> list[Line]:
        """The text as it is laid out for the present width."""
        return self._laid_out(self.size.width)

    def _laid_out(self, width: int) -> list[Line]:
        room = max(1, width - _MARGIN)
        cells = room if self._most is None else min(room, self._most)
        if self._laid is None or self._laid[0] != cells:
            self._laid = (cells, lay_out(self._parts(cells), cells))
        return self._laid[1]

    @property
    def top(self) -> int:
        """The first line in sight, from 0."""
        return self._top

    def move_to(self, top: int) -> None:
        """Let the window begin at a line; one that is not there means the nearest."""
        self._top = max(0, min(top, len(self.lines) - self.size.height))
        self.refresh()
        self.post_message(self.Moved())

    def perform_text(self, name: str) -> None:
        """Carry out one of the registry's actions for texts."""
        page = max(1, self.size.height - 1)
        moves = {
            "down": self._top + 1,
            "up": self._top - 1,
            "page_down": self._top + page,
            "page_up": self._top - page,
            "half_down": self._top + page // 2,
            "half_up": self._top - page // 2,
            "first": 0,
            "last": len(self.lines),
        }
        self.move_to(moves[name])

    def render_line(self, y: int) -> Strip:
        lines, width = self.lines, self.size.width
        if self._top + y >= len(lines):
            return Strip.blank(width, self.rich_style)
        room = max(0, width - _MARGIN)
        text = painting.strip(lines[self._top + y], room, self.app.theme_variables)
        margin = Strip.blank(width - room, Style.null())
        return Strip.join([margin, text]).apply_style(self.rich_style)

    def on_resize(self, _event: events.Resize) -> None:
        self.move_to(self._top)

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self.move_to(self._top + _STEP)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.move_to(self._top - _STEP)
