"""What stands before the lines of an output: numbers, times, hosts and the sign of a stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from enum import Enum

from console.cells import cut, pad, width
from console.logs.chunks import Who
from console.presenters.durations import number, parse_time
from console.presenters.text import Line, Span, Tone
from core.domain.display import safe_text

_NAME_CELLS = 20
_SIGNS = {"err": Span("! ", Tone.WARNING), "note": Span("# ", Tone.QUIET)}
_PLAIN = Span("  ")
_HOST_TONES = (Tone.BUSY, Tone.STRONG, Tone.QUIET, Tone.PLAIN)
"""Neighbours in the run's order are told apart; none of these tones judges."""


class Times(Enum):
    """What stands before a line for its moment."""

    NONE = "none"
    CLOCK = "clock"
    """Local time of day."""
    ELAPSED = "elapsed"
    """Seconds since the run began."""

    def next(self) -> Times:
        every = list(Times)
        return every[(every.index(self) + 1) % len(every)]


def host_cells(hosts: Iterable[str]) -> int:
    """How wide a column of these names is; longer ones are cut."""
    return min(_NAME_CELLS, max(map(width, map(safe_text, hosts)), default=0))


@dataclass(frozen=True, slots=True)
class Margin:
    """What stands before each line, in columns of one width for all of them."""

    host_cells: int = 0
    """Of the column of hosts, as `host_cells` measures it; 0: no column."""
    lines: int = 0
    """How many there are; 0: no column of numbers."""
    times: Times = Times.NONE
    started_at: str | None = None
    zone: tzinfo | None = None

    @property
    def cells(self) -> int:
        """Its width."""
        return width("".join(span.text for span in self.blank()))

    def of(self, who: Who, *, stream: str, at: str, line_number: int) -> Line:
        """Before the first line of a row."""
        spans: list[Span] = []
        if self.lines:
            text = number(line_number).rjust(self._number_cells)
            spans.append(Span(f"{text} ", Tone.QUIET))
        if self.times is not Times.NONE:
            spans.append(Span(f"{self._time(at)} ", Tone.QUIET))
        if self.host_cells:
            tone = _HOST_TONES[who.ordinal % len(_HOST_TONES)]
            name = cut(safe_text(who.host), self.host_cells)
            spans.append(Span(pad(name, self.host_cells) + " ", tone))
        spans.append(_SIGNS.get(stream, _PLAIN))
        return tuple(spans)

    def blank(self) -> Line:
        """Before the further lines of a row."""
        cells = self._number_cells + 1 if self.lines else 0
        cells += _TIME_CELLS[self.times]
        cells += self.host_cells + 1 if self.host_cells else 0
        return (Span(" " * cells), _PLAIN)

    @property
    def _number_cells(self) -> int:
        return len(number(self.lines))

    def _time(self, at: str) -> str:
        cells = _TIME_CELLS[self.times] - 1
        if not at:
            return " " * cells
        if self.times is Times.CLOCK:
            return parse_time(at).astimezone(self.zone).strftime("%H:%M:%S")
        start = parse_time(self.started_at or at)
        return f"+{max(0.0, (parse_time(at) - start).total_seconds()):.1f}s".rjust(cells)


_TIME_CELLS = {Times.NONE: 0, Times.CLOCK: 9, Times.ELAPSED: 10}
"""With the blank behind it."""
