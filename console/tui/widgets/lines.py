"""Lines that are read, and scrolled where there are more than the window holds."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from console.presenters.text import Line, Table, line
from console.tables import lay_out
from console.tui import painting


class Lines(Widget, can_focus=True):
    """Lines and tables under each other, laid out for the width there is."""

    DEFAULT_CSS = "Lines { height: 1fr; padding: 0 1; }"

    class Scrolled(Message):
        """Other lines stand in the window."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: Sequence[Line | Table] = ()
        self._wraps = True
        self._top = 0
        self._laid: tuple[int, list[Line]] | None = None

    def show(
        self, parts: Sequence[Line | Table], *, wraps: bool = True, top: int | None = None
    ) -> None:
        """Show these instead; `top`: the first line in the window, None stays where it is."""
        self._parts, self._wraps, self._laid = parts, wraps, None
        self._go(self._top if top is None else top)

    @property
    def position(self) -> tuple[int, int]:
        """The last line in the window, and how many there are."""
        count = len(self._lines())
        return min(self._top + self.size.height, count), count

    @property
    def top(self) -> int:
        return self._top

    def perform_list(self, name: str) -> None:
        """Carry out one of the registry's movements."""
        page, end = max(1, self.size.height), len(self._lines())
        moves = {
            "down": self._top + 1,
            "up": self._top - 1,
            "page_down": self._top + page,
            "page_up": self._top - page,
            "half_down": self._top + page // 2,
            "half_up": self._top - page // 2,
            "first": 0,
            "last": end,
        }
        if name in moves:
            self._go(moves[name])

    def _go(self, top: int) -> None:
        most = max(0, len(self._lines()) - max(1, self.size.height)) if self.size.height else top
        self._top = max(0, min(top, most))
        self.refresh()
        self.post_message(self.Scrolled())

    def _lines(self) -> list[Line]:
        cells = self.content_size.width
        if self._laid is None or self._laid[0] != cells:
            parts = [part for part in self._parts if not isinstance(part, Table)]
            laid = lay_out(self._parts, cells) if self._wraps else parts
            self._laid = (cells, laid)
        return self._laid[1]

    def render_line(self, y: int) -> Strip:
        lines, at = self._lines(), self._top + y
        shown = lines[at] if at < len(lines) else line("")
        cells, colours = self.content_size.width, self.app.theme_variables
        return painting.strip(shown, cells, colours).apply_style(self.rich_style)

    def on_resize(self, _event: events.Resize) -> None:
        self._go(self._top)

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self._go(self._top + 3)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self._go(self._top - 3)


