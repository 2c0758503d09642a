"""The agenda: when each of many schedules is looked at next. Pure: a heap, and what is true of it.

An idle schedule is a name and a moment here. Whether its slot is due then, the ledger decides.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from datetime import datetime

_MOST_STALE = 2
"""Entries a schedule that the heap may hold before it is made anew."""


class Agenda:
    """Names by the moment at which they are due; each at most once."""

    def __init__(self) -> None:
        self._due: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []
        # Holds every pair of `_due`, and pairs that hold no more: these are passed over.

    def __len__(self) -> int:
        return len(self._due)

    def put(self, name: str, moment: datetime | None) -> None:
        """Note when a schedule is due, in the place of what was noted before; None: never."""
        if moment is None:
            self._due.pop(name, None)
        elif self._due.get(name) != moment:
            self._due[name] = moment
            heapq.heappush(self._heap, (moment, name))
            if len(self._heap) > _MOST_STALE * len(self._due) + 16:
                self._heap = [(moment, name) for name, moment in self._due.items()]
                heapq.heapify(self._heap)

    def take(self, now: datetime, most: int) -> Mapping[str, datetime]:
        """Take out what is due by now, the earliest first, and no more than `most`."""
        found: dict[str, datetime] = {}
        for moment, name in self._first():
            if moment > now or len(found) == most:
                break
            heapq.heappop(self._heap)
            found[name] = self._due.pop(name)
        return found

    @property
    def next_at(self) -> datetime | None:
        """When the next of all is due; None: none is."""
        return next((moment for moment, _ in self._first()), None)

    def _first(self) -> Iterator[tuple[datetime, str]]:
        """The first pair that holds, again and again; what holds no more goes."""
        while self._heap:
            moment, name = self._heap[0]
            if self._due.get(name) == moment:
                yield moment, name
            else:
                heapq.heappop(self._heap)
