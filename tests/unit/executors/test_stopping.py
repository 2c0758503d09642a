"""The request to end what runs: who listens, and what it breaks off."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from core.executors.stopping import StopSignal


async def test_a_listener_is_called_at_once_and_only_within_its_block() -> None:
    signal, heard = StopSignal(), list[str]()
    with signal.heard_by(lambda: heard.append("gone")):
        pass
    first, second = (partial(heard.append, word) for word in ("first", "second"))
    with signal.heard_by(first), signal.heard_by(second):
        signal.set()
    assert heard == ["first", "second"]
    assert signal.is_set()


async def test_a_signal_that_is_set_says_nothing_to_a_new_listener() -> None:
    signal, heard = StopSignal(), list[str]()
    signal.set()
    with signal.heard_by(lambda: heard.append("late")):
        await asyncio.sleep(0)
    assert heard == []


async def test_a_block_is_broken_off_and_can_clean_up() -> None:
    signal, cleaned = StopSignal(), list[bool]()

    async def busy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    asyncio.get_running_loop().call_soon(signal.set)
    with pytest.raises(TimeoutError):
        async with signal.breaks():
            await busy()
    assert cleaned == [True]


async def test_a_second_request_disturbs_no_block_that_cleans_up() -> None:
    signal, cleaning, cleaned = StopSignal(), asyncio.Event(), asyncio.Event()

    async def held() -> None:
        async with signal.breaks():
            try:
                await asyncio.Event().wait()
            finally:
                cleaning.set()
                await cleaned.wait()

    asyncio.get_running_loop().call_soon(signal.set)
    task = asyncio.ensure_future(held())
    await cleaning.wait()
    signal.set()
    cleaned.set()
    with pytest.raises(TimeoutError):
        await task


async def test_a_block_after_the_signal_is_broken_off_where_it_first_waits() -> None:
    signal = StopSignal()
    signal.set()
    with pytest.raises(TimeoutError):
        async with signal.breaks():
            await asyncio.Event().wait()


async def test_a_block_that_ends_first_ends_well() -> None:
    signal = StopSignal()
    async with signal.breaks():
        await asyncio.sleep(0)
    signal.set()
    await asyncio.sleep(0)


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    signal, entered = StopSignal(), asyncio.Event()

    async def held() -> None:
        async with signal.breaks():
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(held())
    await entered.wait()
    task.cancel()
    signal.set()
    with pytest.raises(asyncio.CancelledError):
        await task
