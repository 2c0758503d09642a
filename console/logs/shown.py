"""A row as harmless text in tones, with what was looked for marked.

Colours that a program selects become tones, so they stay readable in every theme and can hide
nothing; grounds are left out. Erasing to the end of a line, which programs that colour send with
each colour, means nothing here. Every other escape sequence is shown by its codes. What terminals
measure differently (joined emoji, their variants and skins) is shown in its parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from console.cells import width
from console.logs.chunks import Row
from console.presenters.text import Tone
from core.domain.display import safe_text
from core.domain.occurrences import found_in
from core.domain.sgr import ESCAPE, FORE, Graphics

TAB_CELLS = 8
_ERASE_LINE = "K"
_SELECT = "m"
_UNSTEADY = re.compile("[\u200d\ufe0e\ufe0f]|[\U0001f3fb-\U0001f3ff]")
"""Joiners and selectors of variants are left out, skins too: terminals disagree on their width."""
_GREY = 40
"""Colours whose parts differ by less have no hue."""

_HUES = (
    Tone.QUIET,  # black
    Tone.BAD,
    Tone.GOOD,
    Tone.WARNING,
    Tone.BUSY,  # blue
    Tone.BUSY,  # magenta
    Tone.BUSY,  # cyan
    Tone.STRONG,  # white
)


class Mark(StrEnum):
    """Why a piece of text stands out."""

    NONE = ""
    MATCH = "match"
    CURRENT = "current"
    """The occurrence that one went to."""


@dataclass(frozen=True, slots=True)
class Bit:
    """Text of one look; safe, without tabs and line ends."""

    text: str
    tone: Tone = Tone.PLAIN
    mark: Mark = Mark.NONE


def bits(row: Row, folded: str = "", current: int | None = None) -> list[Bit]:
    """A row's text. `folded`: what is marked in it; `current`: which occurrence one went to."""
    base = Tone.QUIET if row.stream == "note" else Tone.PLAIN
    data = row.data.removesuffix(b"\n").removesuffix(b"\r")
    text = data.decode("utf-8", "surrogateescape")
    hits = found_in(text, folded) if folded else []
    if not hits and text.isascii() and text.isprintable():
        return [Bit(text, base)] if text else []
    return _expanded(_marked(text, base, hits, current))


def _marked(
    text: str, base: Tone, hits: list[tuple[int, int]], current: int | None
) -> Iterator[Bit]:
    edges = sorted({edge for hit in hits for edge in hit})
    for start, end, tone in _toned(text, base):
        cuts = [start, *(edge for edge in edges if start < edge < end), end]
        for first, last in pairwise(cuts):
            shown = safe_text(_UNSTEADY.sub("", text[first:last]))
            if shown:
                yield Bit(shown, tone, _mark(first, last, hits, current))


def _mark(first: int, last: int, hits: list[tuple[int, int]], current: int | None) -> Mark:
    mark = Mark.NONE
    for nth, (start, end) in enumerate(hits):
        if start < last and first < end:
            if nth == current:
                return Mark.CURRENT
            mark = Mark.MATCH
    return mark


def _toned(text: str, base: Tone) -> Iterator[tuple[int, int, Tone]]:
    """Stretches of text with their tones: first character, the one after the last, tone."""
    graphics, tone, place = Graphics(), base, 0
    for hit in ESCAPE.finditer(text):
        yield place, hit.start(), tone
        place = hit.end()
        if hit["final"] == _SELECT:
            graphics.select(hit["codes"])
            tone = _tone(graphics) or base
        elif hit["final"] != _ERASE_LINE:
            yield hit.start(), hit.end(), Tone.QUIET
    yield place, len(text), tone


def _tone(graphics: Graphics) -> Tone:
    if FORE in graphics.colours:
        return _hue(graphics.colours[FORE])
    if "dim" in graphics.flags:
        return Tone.QUIET
    return Tone.STRONG if "b" in graphics.flags else Tone.PLAIN


def _hue(colour: str) -> Tone:
    if not colour.startswith("#"):
        number = int(colour)
        return Tone.QUIET if number == 8 else _HUES[number % 8]
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    most = max(red, green, blue)
    if most - min(red, green, blue) < _GREY:
        return Tone.QUIET if most < 128 else Tone.PLAIN
    if most == blue:
        return Tone.BUSY
    if most == green:
        return Tone.GOOD if red < green * 0.8 else Tone.WARNING
    return Tone.BAD if green < red * 0.45 else Tone.WARNING


def _expanded(found: Iterator[Bit]) -> list[Bit]:
    """Tabs as blanks to the next stop."""
    column, whole = 0, list[Bit]()
    for bit in found:
        text = bit.text
        if "\t" in text or "\n" in text:
            parts = text.replace("\n", " ").split("\t")
            text = parts[0]
            for part in parts[1:]:
                at = column + width(text)
                text += " " * (TAB_CELLS - at % TAB_CELLS) + part
        column += width(text)
        whole.append(Bit(text, bit.tone, bit.mark))
    return whole


def plain(row: Row) -> str:
    """A row's text as it is shown, for the clipboard and for files of lines."""
    return "".join(bit.text for bit in bits(row))
