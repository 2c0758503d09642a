"""Groups of rows under headings, each row leading to a place: what an overview is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.presenters.text import Column, Span


@dataclass(frozen=True, slots=True)
class Entry:
    """A row, and where it leads."""

    cells: tuple[Span, ...]
    opens: str
    """What the command bar would be typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows under one heading."""

    title: str
    columns: tuple[Column, ...]
    """Without titles: the heading says what the rows are."""
    entries: Sequence[Entry] = ()
    count: int = 0
    """Of all there are, where that is more than what is shown."""
    all: str = ""
    """Where all of them are shown."""
    empty: str = ""
    """What is said where there is none."""

    @property
    def hidden(self) -> int:
        """How many are not shown."""
        return max(0, self.count - len(self.entries))
