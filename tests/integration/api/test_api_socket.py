"""The API on its real socket: private, streaming, and ended in order."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from core.api.serve import serve
from core.executors.protocol import Stream
from core.executors.scripted import Behaviour
from core.runtime.engine import StopMode
from tests.support.api import PREFIX, Api, command, host
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Unix sockets")

_PATIENCE_S = 20.0


@pytest.fixture
async def serving(api: Api) -> AsyncIterator[asyncio.Task[None]]:
    """The API's server on the home's socket."""
    task = asyncio.create_task(serve(api.engine, api.app))
    await eventually(lambda: _answers(api.engine.home.socket))
    yield task
    api.engine.request_stop(StopMode.DETACH)
    await task


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return path.exists() and probe.connect_ex(str(path)) == 0


@asynccontextmanager
async def _client(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(uds=str(api.engine.home.socket))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://x{PREFIX}") as http:
        yield http


@asynccontextmanager
async def _stream(http: httpx.AsyncClient, path: str) -> AsyncIterator[AsyncIterator[str]]:
    """The types of a stream's events as they come."""

    async def types(answer: httpx.Response) -> AsyncIterator[str]:
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                yield line.removeprefix("event: ")

    headers = {"Accept": "text/event-stream"}
    async with (
        http.stream("GET", path, headers=headers) as answer,
        aclosing(types(answer)) as found,
    ):
        yield found


async def test_only_the_owner_can_open_the_socket(api: Api, serving: asyncio.Task[None]) -> None:
    status = Path(api.engine.home.socket).stat()  # noqa: ASYNC240
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600


@pytest.mark.parametrize(("mode", "last"), [("drain", "end"), ("detach", "bye")])
async def test_streams_live_through_the_server_and_end_with_the_engine(
    api: Api, serving: asyncio.Task[None], mode: str, last: str
) -> None:
    """With the run where it is finished first; before it where its host keeps it."""
    await api.apply(host("web1"))
    until = asyncio.Event()
    api.hosts.behaviours["web1"] = Behaviour(output=((Stream.OUT, b"working\n"),), until=until)
    async with _client(api) as http, asyncio.timeout(_PATIENCE_S):
        async with _stream(http, "/events?after=0") as journal:
            assert await anext(journal) == "document.created"
            run_id = (await http.post("/runs", json=command(targets="web1"))).json()["id"]
            assert await anext(journal) == "run.created"
            async with _stream(http, f"/runs/{run_id}/output/stream") as output:
                assert await anext(output) == "output"
                await http.post("/engine/stop", json={"mode": mode})
                if mode == "drain":
                    until.set()
                assert [event async for event in output] == [last]
            assert [event async for event in journal][-1] == "bye"
        await serving
    assert not Path(api.engine.home.socket).exists()  # noqa: ASYNC240


async def test_a_client_that_drops_its_connection_leaves_no_follower(
    api: Api, serving: asyncio.Task[None]
) -> None:
    feed = api.engine.store.feed
    await eventually(lambda: any(feed._waiting.values()))  # notices follow it
    ours = sum(map(len, feed._waiting.values()))
    headers = {"Accept": "text/event-stream"}
    async with _client(api) as http:
        async with http.stream("GET", "/events", headers=headers):
            await eventually(lambda: sum(map(len, feed._waiting.values())) > ours)
        await eventually(lambda: sum(map(len, feed._waiting.values())) == ours)
