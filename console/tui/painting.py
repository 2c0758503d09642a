"""Spans as the segments of a terminal: harmless, measured in cells, coloured by the theme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from console.cells import cut, pad, width
from console.presenters.text import Column, Line, Span, Tone
from console.tables import GAP, fit, one_line
from console.themes import INKS, Chip, Surface

Colours = Mapping[str, str]
"""The theme's variables: `tone-good` -> `#00a070`, `tone-good-style` -> `bold` (`theming`)."""


@lru_cache(maxsize=256)
def _style(ink: str, ground: str, weight: str) -> Style:
    parts = [
        weight.removeprefix("none"),
        _rich(ink),
        f"on {_rich(ground)}" if _rich(ground) else "",
    ]
    return Style.parse(" ".join(filter(None, parts)))


def _rich(colour: str) -> str:
    """A colour of a style sheet as Rich has it; the terminal's own is none at all."""
    return colour.removeprefix("ansi_").removeprefix("default")


def style(tone: Tone, colours: Colours) -> Style:
    """How a tone looks in a theme."""
    name = f"tone-{INKS[tone]}"
    return _style(colours.get(name, ""), "", colours.get(f"{name}-style", ""))


def ground(surface: Surface, colours: Colours) -> Style:
    """What is behind text on a surface of the theme, or how else the surface is told."""
    return _style("", colours.get(surface, ""), colours.get(f"{surface}-style", ""))


def chip(role: Chip, colours: Colours) -> Style:
    """Text on a ground of its own."""
    name = f"chip-{role}"
    colour, behind = colours.get(name, ""), colours.get(f"{name}-ground", "")
    return _style(colour, behind, colours.get(f"{name}-style", ""))


def segments(line: Iterable[Span], colours: Colours) -> list[Segment]:
    """A line that is already safe and short enough."""
    return [Segment(span.text, style(span.tone, colours)) for span in line if span.text]


def strip(line: Line, cells: int, colours: Colours) -> Strip:
    """Exactly `cells` of a line: cut or filled with blanks."""
    shown = fit(tuple(one_line(span) for span in line), cells)
    return Strip(segments(shown, colours)).adjust_cell_length(cells)


def row(
    cells: Sequence[Span], widths: Sequence[int], columns: Sequence[Column], colours: Colours
) -> list[Segment]:
    """One row of a table; cells are safe, each gets the width of its column."""
    found: list[Segment] = []
    for at, (cell, size, column) in enumerate(zip(cells, widths, columns, strict=True)):
        gap = " " * GAP if at else ""
        text = pad(cut(cell.text, size), size, right=column.right)
        found.append(Segment(gap + text, style(cell.tone, colours)))
    return found


def text_width(line: Iterable[Span]) -> int:
    return sum(width(span.text) for span in line)
