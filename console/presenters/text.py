"""Pieces of text with a meaning: what presenters hand to a screen.

A span is text and the tone in which it is meant; a screen decides what a tone
looks like (colour, weight, nothing at all). Tones never carry a meaning that
the words do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """Why a piece of text may look different from the rest."""

    PLAIN = ""
    GOOD = "good"
    BAD = "bad"
    WARNING = "warning"
    BUSY = "busy"
    QUIET = "quiet"
    """Present but not what the eye should find first."""
    STRONG = "strong"
    """Headings and the names of things."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text in one tone."""

    text: str
    tone: Tone = Tone.PLAIN


Line = tuple[Span, ...]
"""One line of a screen."""


def line(*pieces: str | Span) -> Line:
    """A line from spans and plain text."""
    return tuple(piece if isinstance(piece, Span) else Span(piece) for piece in pieces)


def plain(pieces: Line) -> str:
    """A line's text without its tones."""
    return "".join(span.text for span in pieces)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    right: bool = False
    """Numbers stand at the right."""
    elastic: bool = False
    """Gives way first where the screen is too narrow; at most one a table."""
    leaves: int = 0
    """Is left out wholly where the elastic column has too little room, the lowest first; 0: never."""
    whole: bool = False
    """Is never cut: a name or an id that people type, a fingerprint that they compare."""
    wraps: bool = False
    """What is too long goes on in the next line instead of being cut; for the last column."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under titles; every row has a cell for each column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Span, ...], ...]
    empty: str = ""
    """What to say when there is no row."""


def pairs(*items: tuple[str, str | Span]) -> Table:
    """Names and their values, one a row; a value that is empty is left out."""
    rows = [
        (Span(name, Tone.QUIET), span)
        for name, value in items
        if (span := value if isinstance(value, Span) else Span(value)).text
    ]
    return Table((Column(""), Column("", elastic=True, wraps=True)), tuple(rows))
