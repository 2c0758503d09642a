"""How fast bytes go, and what a person is told of it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.executors.files.sharedspeed import SharedSpeed

_EVERY_S = 5.0


class Pace:
    """Holds one direction to a speed, and says now and then how far it is."""

    def __init__(
        self,
        bytes_per_s: int | None,
        say: Callable[[str], None],
        *,
        total_bytes: int | None = None,
        shared: SharedSpeed | None = None,
    ) -> None:
        """`total_bytes`: of all files together; None where nobody knows yet."""
        self._loop = asyncio.get_running_loop()
        self._bytes_per_s = bytes_per_s
        self._shared = shared
        self._say = say
        self._total_bytes = total_bytes
        self._began_at = self._told_at = self._loop.time()
        self._free_at = self._began_at
        """When the bytes that went so far are paid for."""
        self._gone = self._ended = 0
        """Bytes that went; bytes of files that are there, whether they went or not."""
        self._shown, self._size, self._done = "", 0, 0

    def begin(self, shown: str, size: int, done: int) -> None:
        """A file of `size` bytes goes from byte `done` on."""
        self._shown, self._size, self._done = shown, size, done

    def ended(self, size: int) -> None:
        """A file of `size` bytes is there, or was left out."""
        self._ended += size

    async def turn(self, size: int) -> None:
        """Returns when `size` bytes may go, by the speed that is kept with others."""
        if self._shared is not None:
            await asyncio.sleep(self._shared.wait_s(size, self._loop.time()))

    async def spend(self, size: int) -> None:
        """`size` bytes have gone; returns when more may go."""
        self._done += size
        self._gone += size
        now = self._loop.time()
        if now - self._told_at >= _EVERY_S:
            self._told_at = now
            self._tell(now)
        if self._bytes_per_s is not None:
            self._free_at = max(self._free_at, now) + size / self._bytes_per_s
            await asyncio.sleep(max(0.0, self._free_at - now))

    def _tell(self, now: float) -> None:
        speed = max(self._gone / max(now - self._began_at, 0.001), 1.0)
        words = [
            f"{self._shown}: {_share(self._done, self._size)} of {self._size / 1e6:,.1f} MB",
            f"{speed / 1e6:,.1f} MB/s",
            f"{(self._size - self._done) / speed:,.0f} s left",
        ]
        if self._total_bytes is not None and self._total_bytes > self._size:
            done = self._ended + self._done
            left_s = (self._total_bytes - done) / speed
            words.append(f"{_share(done, self._total_bytes)} of all, {left_s:,.0f} s left")
        self._say(", ".join(words))


def _share(part: int, whole: int) -> str:
    return f"{100 * part // max(whole, 1)} %"
