"""A stream of events: its bytes, its heartbeat, and what is left when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from core.api.sse import BYE, HEARTBEAT, EventStream, encode, with_heartbeat
from tests.support.asgi import live_get


class Source:
    """Events that the test hands out, and whether the source was closed."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.closed = False
        self.waiting = asyncio.Event()

    async def events(self) -> AsyncGenerator[bytes, None]:
        try:
            self.waiting.set()
            while (item := await self.queue.get()) is not None:
                yield item
        finally:
            self.closed = True


def test_an_event_has_an_id_a_type_and_one_line_of_data() -> None:
    assert encode("run.state", b'{"a":1}', 7) == b'id: 7\nevent: run.state\ndata: {"a":1}\n\n'


def test_an_event_without_an_id_leaves_the_cursor_alone() -> None:
    assert BYE == b"event: bye\ndata: {}\n\n"


async def test_a_silent_source_is_kept_alive_by_comments_and_loses_nothing() -> None:
    source = Source()
    stream = with_heartbeat(source.events(), 0.001)
    assert [await anext(stream), await anext(stream)] == [HEARTBEAT, HEARTBEAT]
    source.queue.put_nowait(b"one")
    while (piece := await anext(stream)) == HEARTBEAT:
        pass
    assert piece == b"one"
    await stream.aclose()
    assert source.closed


async def test_a_stream_ends_when_its_source_ends() -> None:
    source = Source()
    source.queue.put_nowait(b"one")
    source.queue.put_nowait(None)
    assert [piece async for piece in with_heartbeat(source.events(), 10)] == [b"one"]
    assert source.closed


async def test_events_reach_the_client_while_the_stream_is_open() -> None:
    source = Source()
    async with live_get(EventStream(source.events()), "/") as answer:
        source.queue.put_nowait(encode("a", b"1"))
        assert await answer.event() == "event: a\ndata: 1"
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"


async def test_a_client_that_leaves_a_silent_stream_closes_its_source() -> None:
    source = Source()
    async with live_get(EventStream(source.events()), "/") as answer:
        await source.waiting.wait()
        answer.hang_up()
    assert source.closed


async def test_a_client_that_leaves_a_busy_stream_closes_its_source() -> None:
    source = Source()
    for number in range(1000):
        source.queue.put_nowait(encode("a", str(number).encode()))
    async with live_get(EventStream(source.events()), "/") as answer:
        await answer.event()
    assert source.closed


async def test_a_fault_in_the_source_is_not_swallowed() -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"one\n\n"
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        async with live_get(EventStream(broken()), "/") as answer:
            assert await answer.event() == "one"
