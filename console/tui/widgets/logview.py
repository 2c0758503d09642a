"""Lines of an output of any length, of which only those on the screen are ever laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from console.logs.log import Log
from console.logs.margin import Margin
from console.logs.shown import Bit, Mark
from console.logs.window import Shown, Window
from console.presenters.text import Span, Tone
from console.themes import Chip, Surface
from console.tui import painting

_GUTTER = 2
"""Cells before a line: the cursor, and the mark."""
_CURSOR, _MARK = ">", "*"
_CHIPS = {Mark.MATCH: Chip.FOUND, Mark.CURRENT: Chip.CURRENT}
_WHEEL = 3
_SLIDE = 20


class LogView(Widget, can_focus=True):
    """A window on a log, painted."""

    DEFAULT_CSS = "LogView { height: 1fr; }"

    class Moved(Message):
        """Something else is shown, or the cursor stands elsewhere."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = Window(Log())
        self._margin = Margin()
        self._empty: Sequence[str] = ()
        self._lines: list[Shown] | None = None

    # ------------------------------------------------------------------ what is shown

    def open(self, log: Log) -> None:
        """Show another log, from its beginning."""
        wraps = self.window.wraps
        self.window = Window(log)
        self.window.wraps = wraps
        self._fit()

    def beside(self, margin: Margin) -> None:
        """What stands before the lines."""
        if margin != self._margin:
            self._margin = margin
            self._fit()

    def say_nothing(self, texts: Sequence[str]) -> None:
        """What to say where there is no line."""
        if texts != self._empty:
            self._empty = texts
            self.refresh()

    def news(self) -> None:
        """The log has grown, or what was missing has come."""
        self.window.changed()
        self._repaint()

    def moved(self) -> None:
        """The window was moved."""
        self._repaint()
        self.post_message(self.Moved())

    def perform_text(self, name: str) -> None:
        """Move, mark or wrap, by the names that the registry has for it."""
        window = self.window
        moves: Mapping[str, Callable[[], object]] = {
            "down": lambda: window.move(1),
            "up": lambda: window.move(-1),
            "page_down": lambda: window.page(1),
            "page_up": lambda: window.page(-1),
            "half_down": lambda: window.page(0.5),
            "half_up": lambda: window.page(-0.5),
            "first": lambda: window.go_to_row(0),
            "last": window.go_to_end,
            "middle": lambda: window.go_to_part(0.5),
            "left": lambda: window.slide(-_SLIDE),
            "right": lambda: window.slide(_SLIDE),
            "wrap": lambda: window.wrap(not window.wraps),
            "mark": window.mark,
        }
        moves[name]()
        self.moved()

    def _fit(self) -> None:
        self.window.resize(self.size.width - _GUTTER - self._margin.cells, self.size.height)
        self._repaint()

    def _repaint(self) -> None:
        self._lines = None
        self.refresh()

    # ------------------------------------------------------------------ painting

    def render_line(self, y: int) -> Strip:
        if self._lines is None:
            self._lines = list(self.window.lines())
        if y < len(self._lines):
            return self._painted(self._lines[y])
        if not self._lines and 0 < y <= len(self._empty):
            tone = Tone.QUIET if y > 1 else Tone.PLAIN
            said = (Span(" " * _GUTTER), Span(self._empty[y - 1], tone))
            return painting.strip(said, self.size.width, self._colours).apply_style(self.rich_style)
        return Strip.blank(self.size.width, self.rich_style)

    def _painted(self, shown: Shown) -> Strip:
        is_cursor = (shown.row, shown.within) == self.window.cursor
        gutter = self._gutter(shown, is_cursor=is_cursor)
        segments = paint(shown, self._margin, self._colours)
        strip = Strip([gutter, *segments]).adjust_cell_length(self.size.width)
        if is_cursor:
            surface = Surface.CURSOR if self.has_focus else Surface.RESTING
            ground = painting.ground(surface, self._colours)
            # Below what the text says of itself: a match keeps its own ground.
            strip = Strip(Segment.apply_style(strip, style=ground), strip.cell_length)
        return strip.apply_style(self.rich_style)

    def _gutter(self, shown: Shown, *, is_cursor: bool) -> Segment:
        first = _CURSOR if is_cursor and self.has_focus else " "
        mark = _MARK if shown.row in self.window.marked and shown.within == 0 else " "
        return Segment(first + mark, painting.style(Tone.STRONG, self._colours))

    @property
    def _colours(self) -> painting.Colours:
        return self.app.theme_variables

    # ------------------------------------------------------------------ events

    def on_resize(self, _event: events.Resize) -> None:
        self._fit()
        self.post_message(self.Moved())

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        lines = list(self.window.lines())
        if event.y < len(lines):
            self.window.put_cursor((lines[event.y].row, lines[event.y].within))
            self.moved()

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self.window.move(_WHEEL)
        self.moved()

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.window.move(-_WHEEL)
        self.moved()


def paint(shown: Shown, margin: Margin, colours: painting.Colours) -> list[Segment]:
    """A line of a log with what stands before it."""
    row = shown.source
    if row is None or row.is_rest or shown.within:
        beside = margin.blank()
    else:
        beside = margin.of(row.who, stream=row.stream, at=row.at, line_number=row.line)
    segments = painting.segments(beside, colours)
    return segments + [Segment(bit.text, _style(bit, colours)) for bit in shown.text]


def _style(bit: Bit, colours: painting.Colours) -> Style:
    if bit.mark is Mark.NONE:
        return painting.style(bit.tone, colours)
    return painting.chip(_CHIPS[bit.mark], colours)
