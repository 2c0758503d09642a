"""The engine's beat: what it calls, and what does not end it."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import StorageFault
from core.runtime import periodic
from core.runtime.periodic import Periodic


@pytest.mark.expect_logs("ERROR .*periodic.bug", "ERROR .*periodic.not-kept")
async def test_neither_a_bug_nor_a_full_disk_nor_a_slow_look_ends_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(periodic, "_BEAT_S", 0.001)
    called: list[str] = []
    enough = asyncio.Event()

    async def broken() -> None:
        called.append("broken")
        raise ZeroDivisionError

    async def full() -> None:
        called.append("full")
        raise StorageFault("the disk is full")

    async def slow() -> None:
        called.append("slow")
        await asyncio.Event().wait()

    async def well() -> None:
        called.append("well")
        if called.count("well") == 3:
            enough.set()

    beating = Periodic([broken, full, slow, well])
    beating.start()
    async with asyncio.timeout(10):
        await enough.wait()
        await beating.stop()
    assert {name: called.count(name) >= 3 for name in called} == dict.fromkeys(called, True)
    count = len(called)
    await asyncio.sleep(0)
    assert len(called) == count
