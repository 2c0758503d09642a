"""Pictures of the terminal UI as text: what is written, and in which colours, row by row.

A file holds one view in one language, at every size and in every theme. The words of a picture are
kept once a size, for no theme may change them; the looks are kept for each theme as runs of
cells, `12a 3b`, whose letters stand at the end of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.style import Style
from textual.strip import Strip

from console.cells import width


@dataclass(frozen=True, slots=True)
class Picture:
    """What is painted."""

    words: tuple[str, ...]
    """Row by row, each as wide as the terminal."""
    looks: tuple[tuple[tuple[int, str], ...], ...]
    """Row by row: so many cells in such a style."""


def picture(strips: Sequence[Strip]) -> Picture:
    """What a screen's strips show; text that is not seen as such, such as links, is left out."""
    return Picture(
        tuple("".join(segment.text for segment in strip) for strip in strips),
        tuple(
            tuple(
                (sum(width(segment.text) for segment in segments), look)
                for look, segments in groupby(strip, key=lambda segment: _look(segment.style))
            )
            for strip in strips
        ),
    )


def _look(style: Style | None) -> str:
    return str((style or Style.null()).without_color) + _colours(style or Style.null())


def _colours(style: Style) -> str:
    ink = style.color.name if style.color else "default"
    ground = style.bgcolor.name if style.bgcolor else "default"
    return f" {ink} on {ground}"


def text_of(pictures: Mapping[tuple[int, int], Mapping[str, Picture]]) -> str:
    """The file of one view: size -> theme -> picture."""
    lines: list[str] = []
    for (columns, rows), of_themes in pictures.items():
        first = next(iter(of_themes.values()))
        lines.append(f"######## {columns} by {rows}")
        lines += [row.rstrip() for row in first.words]
        for theme, each in of_themes.items():
            lines += [f"-------- {theme}", *_runs(each)]
    return "\n".join(lines) + "\n"


def _runs(shown: Picture) -> list[str]:
    """Rows as runs; rows that look alike are one line, with how many there are."""
    letters: dict[str, str] = {}
    rows = [
        " ".join(f"{cells}{letters.setdefault(look, _letter(len(letters)))}" for cells, look in row)
        for row in shown.looks
    ]
    alike = [(row, len(list(same))) for row, same in groupby(rows)]
    lines = [row if count == 1 else f"{row} x{count}" for row, count in alike]
    return lines + [f"{letter} = {' '.join(look.split())}" for look, letter in letters.items()]


def _letter(number: int) -> str:
    """a to z, then aa, ab …"""
    first, second = divmod(number, 26)
    return (chr(96 + first) if first else "") + chr(97 + second)
