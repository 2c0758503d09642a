"""How fast bytes go, and what a person is told of it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_EVERY_S = 5.0


class Pace:
    """Holds one direction to a speed, and says now and then how far it is."""

    def __init__(self, bytes_per_s: int | None, say: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._bytes_per_s = bytes_per_s
        self._say = say
        self._free_at = self._loop.time()
        """When the bytes that went so far are paid for."""
        self._shown, self._size, self._done = "", 0, 0
        self._told_at = self._began_at = self._free_at

    def begin(self, shown: str, size: int, done: int) -> None:
        """A file of `size` bytes goes from byte `done` on."""
        self._shown, self._size, self._done = shown, size, done
        self._told_at = self._began_at = self._loop.time()
        self._began_with = done

    async def spend(self, size: int) -> None:
        """`size` bytes have gone; returns when more may go."""
        self._done += size
        now = self._loop.time()
        if now - self._told_at >= _EVERY_S:
            self._told_at = now
            self._tell(now)
        if self._bytes_per_s is not None:
            self._free_at = max(self._free_at, now) + size / self._bytes_per_s
            await asyncio.sleep(max(0.0, self._free_at - now))

    def _tell(self, now: float) -> None:
        speed = (self._done - self._began_with) / max(now - self._began_at, 0.001)
        left_s = (self._size - self._done) / max(speed, 1.0)
        self._say(
            f"{self._shown}: {100 * self._done // max(self._size, 1)} % of {self._size / 1e6:,.1f} MB,"
            f" {speed / 1e6:,.1f} MB/s, {left_s:,.0f} s left"
        )
