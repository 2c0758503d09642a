"""A line of waiting runs: the first one by class, age and fair turn, in logarithmic time.

In each class two orders are kept, in heaps whose dead entries are dropped when they come up: by the
moment at which a run is aged, and by turn. Who has risen stands before those that were in the class
all along, oldest first; among the latter owners take turns.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from core.dispatch import ageing
from core.dispatch.items import Item
from core.domain.priorities import Priority

FAR_S = 1e12
"""Longer than any clock goes; a turn that is so much earlier is before all turns."""
_SLACK = 64
"""Dead entries that are not worth a new heap."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A run in the queue."""

    item: Item
    due: float
    turn: float
    """Its fair turn among the owners of its class; who gave way is before them, by age."""
    number: int
    """In the order of arrival; breaks ties."""

    def rank(self, now: float, ageing_s: float) -> tuple[int, int, float, int]:
        """Smaller goes first."""
        level = ageing.level(self.item, now, ageing_s)
        if level < self.item.priority.rank:
            return level, 0, self.due, self.number
        return level, 1, self.turn, self.number


_Entry = tuple[float, int, Waiting]


class Line:
    """Runs that wait for the same thing."""

    def __init__(self) -> None:
        self._members: dict[str, Waiting] = {}
        self._by_age: tuple[list[_Entry], ...] = tuple([] for _ in Priority)
        self._by_turn: tuple[list[_Entry], ...] = tuple([] for _ in Priority)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._members

    def add(self, waiting: Waiting) -> None:
        self._members[waiting.item.run_id] = waiting
        rank = waiting.item.priority.rank
        for heap, key in (
            (self._by_age[rank], waiting.due),
            (self._by_turn[rank], waiting.turn),
        ):
            heapq.heappush(heap, (key, waiting.number, waiting))
            if len(heap) > 2 * len(self._members) + _SLACK:
                heap[:] = {id(entry[2]): entry for entry in heap if self._is_here(entry)}.values()
                heapq.heapify(heap)

    def remove(self, run_id: str) -> None:
        """Nothing happens where it is not in the line."""
        self._members.pop(run_id, None)

    def oldest(self) -> Waiting | None:
        """Who is aged first."""
        return min(self._oldest(), key=lambda each: (each.due, each.number), default=None)

    def first(self, now: float, ageing_s: float) -> Waiting | None:
        """Who goes first at this moment."""
        # Of a class either its oldest has risen, and the highest of all, or nobody has; and of
        # those that have not risen, the most urgent class goes first.
        native = next(filter(None, map(self._top, self._by_turn)), None)
        if native is None:
            return None
        return min((native, *self._oldest()), key=lambda each: each.rank(now, ageing_s))

    def most_urgent(self, count: int) -> list[Waiting]:
        """The first by turn, at most `count`, of the most urgent class that is here."""
        heap = next(filter(self._top, self._by_turn), [])
        taken: list[_Entry] = []
        while len(taken) < count and self._top(heap):
            taken.append(heapq.heappop(heap))
        for entry in taken:
            heapq.heappush(heap, entry)
        return [waiting for _, _, waiting in taken]

    def _oldest(self) -> list[Waiting]:
        """Of each class who is aged first."""
        return [*filter(None, map(self._top, self._by_age))]

    def _top(self, heap: list[_Entry]) -> Waiting | None:
        while heap and not self._is_here(heap[0]):
            heapq.heappop(heap)
        return heap[0][2] if heap else None

    def _is_here(self, entry: _Entry) -> bool:
        return self._members.get(entry[2].item.run_id) is entry[2]
