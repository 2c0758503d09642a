"""A line of waiting runs: the first one by class, age and fair turn, in logarithmic time.

In each class two orders are kept, in heaps whose dead entries are dropped when they come up: by the
moment at which a run is aged, and by turn. Who has risen stands before those that were in the class
all along, oldest first; among the latter owners take turns.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

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
    own: int = field(init=False)
    """Its class, 0 for the most urgent: it is asked for at every look."""

    def __post_init__(self) -> None:
        self.own = self.item.priority.rank

    def level(self, now: float, ageing_s: float) -> int:
        """The class in which it stands now."""
        return ageing.level(self.own, self.due, now, ageing_s)

    def rank(self, now: float, ageing_s: float) -> tuple[int, int, float, int]:
        """Smaller goes first."""
        level = self.level(now, ageing_s)
        if level < self.own:
            return level, 0, self.due, self.number
        return level, 1, self.turn, self.number


_FEW = 12
"""So many are looked through; more of them are worth heaps."""

_Entry = tuple[float, int, Waiting]


class Line:
    """Runs that wait for the same thing."""

    def __init__(self) -> None:
        self._members: dict[str, Waiting] = {}
        self._heaps: _Heaps | None = None
        """Made when they are many: most lines at locks are short, and there are as many as locks."""

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._members

    def add(self, waiting: Waiting) -> None:
        self._members[waiting.item.run_id] = waiting
        if self._heaps is not None:
            self._heaps.add(waiting)
        elif len(self._members) > _FEW:
            self._heaps = _Heaps(self._members)

    def remove(self, run_id: str) -> None:
        """Nothing happens where it is not in the line."""
        self._members.pop(run_id, None)
        if self._heaps is not None and len(self._members) <= _FEW // 2:
            # A dictionary that was big is slow to look through.
            self._members, self._heaps = dict(self._members), None

    def oldest(self) -> Waiting | None:
        """Who is aged first."""
        if self._heaps is not None:
            return min(self._heaps.oldest(), key=_by_age, default=None)
        return min(self._members.values(), key=_by_age, default=None)

    def first(self, now: float, ageing_s: float, below: int = len(Priority)) -> Waiting | None:
        """Who goes first at this moment, of those whose own class is more urgent than `below`."""
        found: Collection[Waiting] = self._members.values()
        if self._heaps is not None:
            found = self._heaps.possibly_first(below)
        elif below < len(Priority):
            found = [each for each in found if each.own < below]
        if len(found) < 2:
            return next(iter(found), None)
        return min(found, key=lambda each: each.rank(now, ageing_s))

    def most_urgent(self, count: int) -> list[Waiting]:
        """The first by turn, at most `count`, of the most urgent class that is here."""
        if self._heaps is not None:
            return self._heaps.most_urgent(count)
        ordered = sorted(self._members.values(), key=_by_turn)
        return [each for each in ordered if each.own == ordered[0].own][:count]


class _Heaps:
    """In each class the members of a line by age and by turn; dead entries go when they come up."""

    def __init__(self, members: Mapping[str, Waiting]) -> None:
        self._members = members
        self._by_age: tuple[list[_Entry], ...] = tuple([] for _ in Priority)
        self._by_turn: tuple[list[_Entry], ...] = tuple([] for _ in Priority)
        for waiting in members.values():
            self.add(waiting)

    def add(self, waiting: Waiting) -> None:
        for heap, key in (
            (self._by_age[waiting.own], waiting.due),
            (self._by_turn[waiting.own], waiting.turn),
        ):
            heapq.heappush(heap, (key, waiting.number, waiting))
            if len(heap) > 2 * len(self._members) + _SLACK:
                heap[:] = {id(entry[2]): entry for entry in heap if self._is_here(entry)}.values()
                heapq.heapify(heap)

    def oldest(self) -> list[Waiting]:
        """Of each class who is aged first."""
        return [*filter(None, map(self._top, self._by_age))]

    def possibly_first(self, below: int) -> list[Waiting]:
        """One of them goes first, of those whose own class is more urgent than `below`."""
        # Of a class either its oldest has risen, and the highest of all, or nobody has; and of
        # those that have not risen, the most urgent class goes first.
        native = next(filter(None, map(self._top, self._by_turn[:below])), None)
        oldest = filter(None, map(self._top, self._by_age[:below]))
        return [] if native is None else [native, *oldest]

    def most_urgent(self, count: int) -> list[Waiting]:
        heap = next(filter(self._top, self._by_turn), [])
        taken: list[_Entry] = []
        while len(taken) < count and self._top(heap):
            taken.append(heapq.heappop(heap))
        for entry in taken:
            heapq.heappush(heap, entry)
        return [waiting for _, _, waiting in taken]

    def _top(self, heap: list[_Entry]) -> Waiting | None:
        members = self._members
        while heap:
            waiting = heap[0][2]
            if members.get(waiting.item.run_id) is waiting:
                return waiting
            heapq.heappop(heap)
        return None

    def _is_here(self, entry: _Entry) -> bool:
        return self._members.get(entry[2].item.run_id) is entry[2]


def _by_age(waiting: Waiting) -> tuple[float, int]:
    return waiting.due, waiting.number


def _by_turn(waiting: Waiting) -> tuple[int, float, int]:
    return waiting.own, waiting.turn, waiting.number
