"""Waking those who follow a run's output, after it was committed.

A signal carries no data: who is woken reads storage from its own cursor, so
nothing is lost when several commits come between two looks.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict


class OutputSignal:
    """One wake-up a run; lives in the event loop."""

    def __init__(self) -> None:
        self._followers: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._closed = False

    def announce(self, run_id: str) -> None:
        """Output of the run was committed, or the run ended."""
        for event in self._followers.get(run_id, ()):
            event.set()

    def follow(self, run_id: str) -> Follower:
        """A follower of one run; use as a context manager."""
        return Follower(self, run_id)

    def close(self) -> None:
        """Wake everybody for good."""
        self._closed = True
        for events in self._followers.values():
            for event in events:
                event.set()

    @property
    def closed(self) -> bool:
        return self._closed

    def _add(self, run_id: str, event: asyncio.Event) -> None:
        self._followers[run_id].add(event)

    def _remove(self, run_id: str, event: asyncio.Event) -> None:
        self._followers[run_id].discard(event)
        if not self._followers[run_id]:
            del self._followers[run_id]


class Follower:
    """Waits for news of one run. Look at storage first, then `wait`, then look again."""

    def __init__(self, signal: OutputSignal, run_id: str) -> None:
        self._signal = signal
        self._run_id = run_id
        self._event = asyncio.Event()

    def __enter__(self) -> Follower:
        self._signal._add(self._run_id, self._event)
        return self

    def __exit__(self, *_: object) -> None:
        self._signal._remove(self._run_id, self._event)

    async def wait(self, timeout_s: float) -> bool:
        """Whether there is news; False after the timeout. News between two waits is kept."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
