"""Lines and tables to read: laid out once for a width, of which only the window is painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual import events
from textual.strip import Strip
from textual.widget import Widget

from console.presenters.text import Line, Table
from console.tables import lay_out
from console.tui import painting

MOVES = frozenset({"down", "up", "page_down", "page_up", "half_down", "half_up", "first", "last"})
"""Actions of lists that a text has too."""


class Reading(Widget, can_focus=True):
    """Text that is read line by line."""

    DEFAULT_CSS = "Reading { height: 1fr; padding: 0 1; }"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._parts: Sequence[Line | Table] = ()
        self._laid: tuple[int, list[Line]] | None = None
        self._top = 0

    def show(self, parts: Sequence[Line | Table], *, top: int | None = None) -> None:
        """Read this instead; the window stays where it is, or begins at line `top`."""
        self._parts, self._laid = parts, None
        if top is not None:
            self._top = top
        self._keep_inside()
        self.refresh()

    @property
    def lines(self) -> list[Line]:
        width = self.content_size.width
        if self._laid is None or self._laid[0] != width:
            self._laid = (width, lay_out(self._parts, max(1, width)))
        return self._laid[1]

    @property
    def top(self) -> int:
        """The first line of the window, from 0."""
        return self._top

    def render_line(self, y: int) -> Strip:
        width, at = self.content_size.width, self._top + y
        if at >= len(self.lines):
            return Strip.blank(width, self.rich_style)
        painted = painting.strip(self.lines[at], width, self.app.theme_variables)
        return painted.apply_style(self.rich_style)

    def perform_list(self, name: str) -> None:
        """Carry out one of the registry's actions for lists, as far as a text has them."""
        page = max(1, self.content_size.height)
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
        if name in moves:
            self._top = moves[name]
            self._keep_inside()
            self.refresh()

    def _keep_inside(self) -> None:
        if self.is_mounted:
            most = len(self.lines) - max(1, self.content_size.height)
            self._top = max(0, min(self._top, most))

    def on_resize(self, _event: events.Resize) -> None:
        self._keep_inside()

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self.perform_list("down")

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.perform_list("up")
