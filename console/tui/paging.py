"""A long list as a few pages around the place where one looks. Pure.

Newest items come first. Each page is remembered by the cursor that leads to it, so a list of any
length costs the memory of MOST_PAGES: what lies further away is dropped, and asked for again when
one comes back. New items come on top while the top is among the pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_PAGES = 20


class Pages(Generic[T]):
    """Pages `low` to `high` of a list, without a gap."""

    def __init__(self, key: Callable[[T], str]) -> None:
        self._key = key
        self._cursors: list[str | None] = [None]
        """Page -> the cursor that leads to it; the last one is of a page that never was here."""
        self._pages: dict[int, list[T]] = {}
        self._has_end = False

    @property
    def items(self) -> Sequence[T]:
        """Everything that is here, in order."""
        return [item for page in sorted(self._pages) for item in self._pages[page]]

    @property
    def is_empty(self) -> bool:
        return not self._pages

    @property
    def is_full(self) -> bool:
        """Whether another page drops one of these."""
        return len(self._pages) >= MOST_PAGES

    @property
    def low(self) -> int:
        """The first page that is here."""
        return min(self._pages, default=0)

    @property
    def high(self) -> int:
        """The last page that is here; -1 before any is."""
        return max(self._pages, default=-1)

    @property
    def has_more(self) -> bool:
        """Whether there are further items after these."""
        return not (self._has_end and self.high == len(self._cursors) - 1)

    @property
    def has_before(self) -> bool:
        """Whether there are items before these."""
        return self.low > 0

    def cursor_of(self, page: int) -> str | None:
        """What to ask the engine with for a page beside those that are here."""
        return self._cursors[page]

    def put(self, page: int, items: Iterable[T], following: str | None, *, keep_all: bool) -> None:
        """Take a page in; `following` leads to the next one, None: this is the last.

        `keep_all`: drop nothing, however much there is.
        """
        was_last = page == len(self._cursors) - 1
        here = {self._key(item) for each in self._pages.values() for item in each}
        self._pages[page] = [item for item in items if self._key(item) not in here]
        if was_last and following is None:
            self._has_end = True
        elif was_last:
            self._cursors.append(following)
        while not keep_all and len(self._pages) > MOST_PAGES:
            del self._pages[self.low if page == self.high else self.high]

    def reaches(self, items: Iterable[T]) -> bool:
        """Whether any of these is here already: nothing is missing between them."""
        here = {self._key(item) for item in self.items}
        return any(self._key(item) in here for item in items)

    def on_top(self, newest: Sequence[T]) -> bool:
        """Put in front what is new among the newest items; False where these do not reach those
        that are here, so that some would be missing between them.
        """
        if self.has_before:
            return True  # they are found when one comes back to the top
        first = self._pages.get(0, [])
        known = {self._key(item) for item in self.items}
        new = [item for item in newest if self._key(item) not in known]
        if len(new) == len(newest) and first:
            return False
        self._pages[0] = new + first
        return True

    def exchange(self, asked: Iterable[str], found: Mapping[str, T]) -> None:
        """What became of some items; those that were asked for and not found are gone."""
        asked = set(asked)
        for page, items in self._pages.items():
            self._pages[page] = [
                found.get(self._key(item), item)
                for item in items
                if self._key(item) not in asked or self._key(item) in found
            ]
