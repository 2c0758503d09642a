"""The line that lives: redrawn in place on a terminal, rare plain lines elsewhere."""

from __future__ import annotations

import os

from console.cli.printing import Screen
from console.presenters.text import Line, plain
from console.tables import fit
from core.clock import Clock

_REDRAW_S = 0.1
"""Ten a second are calm and cheap, also over a slow connection."""
_PLAIN_S = 10.0
"""Between two lines where nothing can be redrawn."""
_CLEAR = "\r\x1b[K"


class LiveLine:
    """Shows the newest state of something on stderr, without a trace at the end."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._redraws = screen.is_terminal and os.environ.get("TERM") != "dumb"
        self._next_s = clock.monotonic() + (0 if self._redraws else _PLAIN_S)
        self._shown = False
        self._last = ""

    def show(self, line: Line) -> None:
        """Show `line` when it is time for it."""
        now_s = self._clock.monotonic()
        if now_s < self._next_s:
            return
        if self._redraws:
            self._next_s = now_s + _REDRAW_S
            room = (self._screen.cells or 80) - 1
            self._screen.write(_CLEAR + self._screen.render(fit(line, room)))
            self._screen.flush()
            self._shown = True
        elif plain(line) != self._last:
            self._next_s = now_s + _PLAIN_S
            self._last = plain(line)
            self._screen.print(*line)

    def clear(self) -> None:
        """Take the line away, so that other lines can be printed."""
        if self._shown:
            self._screen.write(_CLEAR)
            self._screen.flush()
            self._shown = False
            self._next_s = 0.0
