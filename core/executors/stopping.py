"""The request to end what runs, as everybody hears it who runs something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager


class StopSignal(asyncio.Event):
    """An event that calls its listeners at once: listening takes no task.

    A run listens for every target twice; two tasks would cost a twentieth of a short command.
    """

    def __init__(self) -> None:
        super().__init__()
        self._listeners: dict[object, Callable[[], object]] = {}

    def set(self) -> None:
        if self.is_set():
            return  # what the first request broke off may still clean up
        super().set()
        for act in tuple(self._listeners.values()):
            act()

    @contextmanager
    def heard_by(self, act: Callable[[], object]) -> Iterator[None]:
        """Call `act` when the signal is set within the block. One that is set already says nothing."""
        key = object()
        self._listeners[key] = act
        try:
            yield
        finally:
            del self._listeners[key]

    @asynccontextmanager
    async def breaks(self) -> AsyncIterator[None]:
        """Cancel the block once the signal is set, or at once; it then ends with TimeoutError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(0 if self.is_set() else None) as patience:
            with self.heard_by(lambda: patience.reschedule(loop.time())):
                yield
