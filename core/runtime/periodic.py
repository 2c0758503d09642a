"""What the engine does again and again: a beat that looks who is due, and no bug that ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from core.errors import StorageFault

log = structlog.get_logger(__name__)

Tick = Callable[[], Awaitable[None]]

_BEAT_S = 5.0
"""Between two looks; the shortest interval that anything can ask for."""


class Periodic:
    """Calls every tick at every beat, each in a task of its own: a slow one holds up no other."""

    def __init__(self, ticks: Sequence[Tick]) -> None:
        """A tick may be called while an earlier call of it goes on."""
        self._ticks = ticks
        self._tasks: set[asyncio.Task[None]] = set()
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first beat comes at once."""
        self._beating = asyncio.get_running_loop().create_task(self._beat())

    def call(self, tick: Tick) -> None:
        """Call a tick now, whatever the beat."""
        task = asyncio.get_running_loop().create_task(_safely(tick))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End, also what is under way: ticks only look, and look again at the next start."""
        tasks = [*self._tasks, *([self._beating] if self._beating else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            for tick in self._ticks:
                self.call(tick)
            await asyncio.sleep(_BEAT_S)


async def _safely(tick: Tick) -> None:
    try:
        await tick()
    except StorageFault as fault:
        log.error("periodic.not-kept", reason=str(fault))
    except Exception:
        # A bug in one look must not end all that follow; it is recorded as ours.
        log.exception("periodic.bug")
