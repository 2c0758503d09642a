"""The wake-up: calls when the next slot is due. The one importer of APScheduler.

It decides nothing and keeps nothing on disk: whoever is woken compares the ledger's cursor with
the clock, so a wake-up that comes late, twice or never loses no slot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler

_JOB = "next"


class Wakeup:
    """One alarm; setting it again moves it."""

    def __init__(self, call: Callable[[], None]) -> None:
        """`call` runs in the event loop of `start`."""
        self._call = call
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._is_on = False  # APScheduler starts and ends a little later than it is asked to

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._is_on = True
        self._scheduler.start()

    def stop(self) -> None:
        """End; no call comes any more."""
        if self._is_on:
            self._is_on = False
            self._scheduler.shutdown(wait=False)

    def set(self, moment: datetime | None) -> None:
        """Call at a moment, in the place of the one before; None: not at all."""
        if not self._is_on:
            return
        if moment is None:
            if self._scheduler.get_job(_JOB):
                self._scheduler.remove_job(_JOB)
            return
        self._scheduler.add_job(
            self._woken,
            "date",
            run_date=moment,
            id=_JOB,
            replace_existing=True,
            misfire_grace_time=None,
        )

    def now(self) -> None:
        """Call soon; the alarm that is set stays so."""
        if self._is_on:
            asyncio.get_running_loop().call_soon(self._call)

    async def _woken(self) -> None:
        # A coroutine, since APScheduler would call a plain function in a thread of its own.
        self._call()
