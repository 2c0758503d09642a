"""Where one is, where one came from, and how to go back: values. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A view and what it shows: what the command bar types and the history remembers."""

    view: str
    argument: str = ""
    """In the view's own grammar: a filter, an id, a name."""
    parent: Place | None = field(default=None, compare=False)
    """Where it was opened from: one step up."""

    def inside(self, parent: Place | None) -> Place:
        return replace(self, parent=parent)

    def trail(self) -> Iterator[Place]:
        """From the outermost place to this one."""
        if self.parent is not None:
            yield from self.parent.trail()
        yield self

    def __str__(self) -> str:
        """As the command bar types it, without the colon."""
        return f"{self.view} {self.argument}".strip()


@dataclass(frozen=True, slots=True)
class Memory:
    """What a view remembers of itself for the time when it is opened again."""

    cursor: str = ""
    """The key of the row under the cursor."""
    top: int = 0
    filter: str = ""
    marked: frozenset[str] = frozenset()
    more: dict[str, Any] = field(default_factory=dict)
    """What else a view keeps, such as the fold of a tree."""


_MOST = 200


class History:
    """The places one has been at, in order, and what each remembers."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._at = -1
        self._last: Place | None = None
        self._memories: dict[Place, Memory] = {}

    @property
    def here(self) -> Place | None:
        return self._places[self._at] if self._places else None

    def go(self, place: Place) -> None:
        """Come to a place; what was ahead is forgotten, as in a browser."""
        here = self.here
        if place == here:
            self._places[self._at] = place
            return
        self._last = here
        del self._places[self._at + 1 :]
        self._places = [*self._places, place][-_MOST:]
        self._at = len(self._places) - 1

    def step(self, by: int) -> Place | None:
        """Go back (-1) or forward (1); None where there is nothing."""
        at = self._at + by
        if not 0 <= at < len(self._places):
            return None
        self._last = self.here
        self._at = at
        return self.here

    def last(self) -> Place | None:
        """Where one was before this place, however one came here; going there is `go`."""
        return self._last

    def remember(self, place: Place, memory: Memory) -> None:
        self._memories[place] = memory

    def memory(self, place: Place) -> Memory:
        return self._memories.get(place, Memory())
