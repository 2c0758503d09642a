"""What lets targets start: room among all runs, and whether the engine takes new work.

Fair between runs: whoever waits is served by run, in turn, so a run on ten
hosts does not stand behind the two thousand of another. Within a run it is
first come, first served. The number of waiting places is bounded by the
concurrency of the runs, never by their targets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_LOOKING = 200
"""Connections that are opened at the same time to ask about work that may go on."""


class Gate:
    """Room for `max_targets` targets at the same time."""

    def __init__(self, max_targets: int) -> None:
        self._free = max_targets
        """Above 0 only while nobody waits."""
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """Run -> its places in the queue; the first run is the next to be served."""
        self.holding = asyncio.Event()
        """Set when the engine stops: nothing more starts, and what hosts keep is left to them."""
        self.looking = asyncio.Semaphore(_LOOKING)
        """Asking how work goes on needs no room: it must not keep new work from starting."""

    @asynccontextmanager
    async def room(self, run_id: str) -> AsyncIterator[None]:
        """Room for one target of a run, as soon as it is the run's turn."""
        await self._enter(run_id)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, run_id: str) -> None:
        if self._free:
            self._free -= 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run_id, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._leave()  # it was given in the same moment
            raise

    def _leave(self) -> None:
        """Hand the room to the next run in turn."""
        while self._waiting:
            run_id = next(iter(self._waiting))
            queue = self._waiting.pop(run_id)
            while queue and queue[0].done():
                queue.popleft()  # who waited there has gone
            if not queue:
                continue
            queue.popleft().set_result(None)
            if queue:
                self._waiting[run_id] = queue
            return
        self._free += 1
