"""What lets targets start: room among all runs, and whether the engine takes new work.

Fair between runs: whoever waits is served by run, in turn, so a run on ten
hosts does not stand behind the two thousand of another; an urgent run has more
turns than one in the background, and none has none. Within a run it is first
come, first served. The number of waiting places is bounded by the concurrency
of the runs, never by their targets.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

_LOOKING = 200
"""Connections that are opened at the same time to ask about work that may go on."""

_Whose = tuple[str, int | None]
"""A run, and the share that its targets have; None: the run's."""


class Gate:
    """Room for `max_targets` targets at the same time."""

    def __init__(self, max_targets: int, share_of: Callable[[str], int] = lambda _run: 1) -> None:
        """`share_of`: run -> turns that it has for one of a run whose share is 1."""
        self._free = max_targets
        """Above 0 only while nobody waits."""
        self._share_of = share_of
        self._waiting: dict[_Whose, deque[asyncio.Future[None]]] = {}
        """Whose places, the first one is served first."""
        self._turns: list[tuple[float, int, _Whose]] = []
        """(turn, order in which it was given, whose): the smallest is served next; a heap."""
        self._now = 0.0
        """The turn that was served last."""
        self._given = 0
        self.holding = asyncio.Event()
        """Set when the engine stops: nothing more starts, and what hosts keep is left to them."""
        self.looking = asyncio.Semaphore(_LOOKING)
        """Asking how work goes on needs no room: it must not keep new work from starting."""

    @asynccontextmanager
    async def room(self, run_id: str, share: int | None = None) -> AsyncIterator[None]:
        """Room for one target of a run, as soon as it is the run's turn.

        `share`: instead of the run's; what has another share takes turns by itself.
        """
        await self._enter((run_id, share))
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, whose: _Whose) -> None:
        if self._free:
            self._free -= 1
            return
        place = asyncio.get_running_loop().create_future()
        if whose not in self._waiting:
            self._waiting[whose] = deque()
            self._give_turn(whose)
        self._waiting[whose].append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._leave()  # it was given in the same moment
            raise

    def _leave(self) -> None:
        """Hand the room to the next run in turn."""
        while self._turns:
            self._now, _, whose = heapq.heappop(self._turns)
            queue = self._waiting[whose]
            while queue and queue[0].done():
                queue.popleft()  # who waited there has gone
            place = queue.popleft() if queue else None
            if queue:
                self._give_turn(whose)
            else:
                del self._waiting[whose]
            if place is not None:
                place.set_result(None)
                return
        self._free += 1

    def _give_turn(self, whose: _Whose) -> None:
        self._given += 1
        run_id, share = whose
        turn = self._now + 1 / (share or self._share_of(run_id))
        heapq.heappush(self._turns, (turn, self._given, whose))
