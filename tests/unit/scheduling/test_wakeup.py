"""The wake-up calls in the loop, at the moment that was set last."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from core.clock import SystemClock
from core.scheduling.wakeup import Wakeup


async def test_it_calls_in_the_loop_at_the_moment_that_was_set_last() -> None:
    called = asyncio.Event()
    loops = []

    def call() -> None:
        loops.append(asyncio.get_running_loop())
        called.set()

    now = SystemClock().now()
    wakeup = Wakeup(call)
    wakeup.set(now)  # before it is started: nothing
    wakeup.start()
    try:
        wakeup.set(now + timedelta(hours=1))
        wakeup.set(now + timedelta(milliseconds=20))
        async with asyncio.timeout(10):
            await called.wait()
        wakeup.set(now - timedelta(hours=1))  # late is not too late
        called.clear()
        async with asyncio.timeout(10):
            await called.wait()
        called.clear()
        wakeup.set(now + timedelta(hours=1))
        wakeup.now()
        async with asyncio.timeout(10):
            await called.wait()
        wakeup.set(None)
        wakeup.set(None)
    finally:
        wakeup.stop()
        wakeup.stop()

    assert loops == [asyncio.get_running_loop()] * 3
