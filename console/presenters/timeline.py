"""Moments on a line of characters: what is to come, from now to a later moment.

Only characters that are one cell wide on every terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from console.cells import cut, pad, width
from console.i18n import _
from console.presenters.text import Line, Span, Tone, line

_SPANS = (
    (timedelta(hours=1), timedelta(minutes=10), "%H:%M"),
    (timedelta(hours=6), timedelta(hours=1), "%H:%M"),
    (timedelta(days=1), timedelta(hours=3), "%H:%M"),
    (timedelta(days=7), timedelta(days=1), "%m-%d"),
    (timedelta(days=30), timedelta(days=5), "%m-%d"),
    (timedelta(days=366), timedelta(days=61), "%m-%d"),
)
"""How much of the future a line shows, how far its marks are apart, how they are written."""
_ENOUGH = 3
"""Moments that a line should hold, where there are so many."""
_LEFT_OUT, _MANY = "x", "#"


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that is to come."""

    at: datetime
    is_left_out: bool = False
    """Nothing is started then, such as on a day off."""


def timeline(
    moments: Sequence[Moment], now: datetime, cells: int, zone: tzinfo | None = None
) -> list[Line]:
    """Three lines: the hours, an axis, and a mark for each moment; nothing without moments.

    The line is as long as it has to be for the next few of them. `zone` is the machine's own when
    None.
    """
    coming = sorted(moment.at for moment in moments if moment.at >= now)
    if not coming or cells < 1:
        return []
    enough = coming[min(_ENOUGH, len(coming)) - 1] - now
    span, step, form = next((each for each in _SPANS if each[0] >= enough), _SPANS[-1])
    labels, axis = _axis(now.astimezone(zone), span, step, form, cells)
    return [
        line(Span(labels, Tone.QUIET)),
        line(Span(axis, Tone.QUIET)),
        tuple(_marks(moments, now, span, cells)),
    ]


def _axis(
    now: datetime, span: timedelta, step: timedelta, form: str, cells: int
) -> tuple[str, str]:
    """`now   12:00   15:00` above `|-----+-------+---`."""
    labels, axis = cut(_("now"), cells), ["|", *"-" * (cells - 1)]
    at = _first_mark(now, step)
    while at < now + span:
        cell = int((at - now) / span * cells)
        axis[cell] = "+"
        text = at.strftime(form)
        if width(labels) < cell and cell + width(text) <= cells:
            labels = pad(labels, cell) + text
        at += step
    return labels, "".join(axis)


def _first_mark(now: datetime, step: timedelta) -> datetime:
    """The first round time after now: full hours, thirds of a day, midnights."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + step * ((now - midnight) // step + 1)


def _marks(moments: Sequence[Moment], now: datetime, span: timedelta, cells: int) -> Iterator[Span]:
    """`*` where something is started, a number where several are, `x` where it is left out."""
    started, left_out = [0] * cells, [False] * cells
    for moment in moments:
        cell = int((moment.at - now) / span * cells)
        if 0 <= cell < cells:
            started[cell] += not moment.is_left_out
            left_out[cell] |= moment.is_left_out
    for count, is_out in zip(started, left_out, strict=True):
        if count:
            yield Span("*" if count == 1 else str(count) if count < 10 else _MANY, Tone.BUSY)
        else:
            yield Span(_LEFT_OUT, Tone.WARNING) if is_out else Span(" ")


_BARS = 4
"""Heights that half a cell of Braille can show."""
_LEFT, _RIGHT = (0, 0x40, 0x44, 0x46, 0x47), (0, 0x80, 0xA0, 0xB0, 0xB8)
_BRAILLE = 0x2800


def sparkline(counts: Sequence[int]) -> str:
    """Bars, two a cell; anything more than nothing can be seen.

    Braille, because block elements are two cells wide on some terminals.
    """
    most = max(counts, default=0)
    heights = [-(-count * _BARS // most) if most else 0 for count in counts]
    if len(heights) % 2:
        heights.append(0)
    pairs = zip(heights[::2], heights[1::2], strict=True)
    return "".join(chr(_BRAILLE | _LEFT[left] | _RIGHT[right]) for left, right in pairs)
