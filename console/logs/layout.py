"""Bits of a row as lines of a screen: wrapped, or the part of it that a window shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from console.cells import clusters, width
from console.logs.shown import Bit
from console.presenters.text import Tone

BitLine = list[Bit]

_MORE = Bit(">", Tone.QUIET)
"""At the right edge of a line that goes on there."""


def wrapped(bits: Sequence[Bit], cells: int) -> list[BitLine]:
    """A row in as many lines as it needs, each of at most `cells` (2 or more); at least one."""
    lines: list[BitLine] = [[]]
    room = cells
    for bit in bits:
        begun, size = "", 0
        for text, taken in _portions(bit.text, room, cells):
            if taken > room - size:
                if begun:
                    lines[-1].append(replace(bit, text=begun))
                lines.append([])
                begun, size, room = "", 0, cells
            begun += text
            size += taken
        if begun:
            lines[-1].append(replace(bit, text=begun))
        room -= size
    return lines


def _portions(text: str, room: int, cells: int) -> Sequence[tuple[str, int]]:
    """Text in portions that stay whole, with their cells: of plain text whole lines at once."""
    if not text.isascii():
        return list(clusters(text))
    cuts = [0, *range(room or cells, len(text), cells), len(text)]
    return [(text[start:end], end - start) for start, end in pairwise(cuts)]


def window(bits: Sequence[Bit], left: int, cells: int) -> BitLine:
    """The part of a row from column `left` on, in at most `cells`; a sign where it goes on."""
    found, goes_on = _between(bits, left, left + cells)
    if not goes_on:
        return found
    found, _more = _between(bits, left, left + cells - 1)
    blanks = cells - 1 - sum(width(bit.text) for bit in found)
    return [*found, *([Bit(" " * blanks)] if blanks else []), _MORE]


def _between(bits: Sequence[Bit], left: int, right: int) -> tuple[BitLine, bool]:
    """What stands in the columns from `left` to `right`, and whether something stands after."""
    found: BitLine = []
    column = 0
    for bit in bits:
        text = bit.text
        if text.isascii():
            shown = text[max(0, left - column) : max(0, right - column)]
            column += len(text)
        else:
            shown = ""
            for cluster, taken in clusters(text):
                if column >= left and column + taken <= right:
                    shown += cluster
                elif column < left < column + taken:
                    shown += " " * (min(column + taken, right) - left)
                column += taken
                if column > right:
                    break
        if shown:
            found.append(replace(bit, text=shown))
        if column > right:
            return found, True
    return found, False
