"""A page of plain mode as a value: what is read out, and what can be chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from console.client import Client
from console.plain.voice import Part, Voice
from core.clock import Clock

SHOWN = 9
"""Entries of a list at a time: short at 9600 baud, and each a single digit on the first page."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Desk:
    """Who is spoken with, and the engine it is about."""

    voice: Voice
    client: Client
    clock: Clock


@dataclass(frozen=True, slots=True)
class Choice:
    """A numbered line, and what it does.

    `does` may talk; it returns the page to go to, or None to stay. It raises Back to stay as well.
    """

    text: str
    does: Callable[[Desk], Opener | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is read out. Numbers begin at `first`, and choices follow the list."""

    title: str
    parts: Sequence[Part] = ()
    entries: Sequence[Choice] = ()
    """A part of a list; what is chosen in it is opened."""
    empty: str = ""
    """What to say of a list that has nothing in it."""
    choices: Sequence[Choice] = ()
    first: int = 1
    more: Opener | None = None
    """The next part of the list."""

    @property
    def numbered(self) -> list[Choice]:
        return [*self.entries, *self.choices]


Opener = Callable[[Desk], Page]
"""Looks at the engine and makes the page as it is now; opening it again is how it is refreshed."""


def leads_to(opener: Opener) -> Callable[[Desk], Opener]:
    """What a choice does that only opens a page."""
    return lambda _desk: opener


def part_of(found: Sequence[_T], start: int) -> tuple[Sequence[_T], bool]:
    """The part of a list that begins at `start`, and whether there is more."""
    return found[start : start + SHOWN], len(found) > start + SHOWN
