"""Reading an ASGI application's answer while it is still being written.

HTTP clients' in-process transports wait for the whole answer, which a stream
of events never has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Message

_PATIENCE_S = 10.0
"""Longer than any healthy answer takes on a busy machine."""


class LiveAnswer:
    """One request in flight: its status, its pieces as they come, and a way to hang up."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._started = asyncio.Event()
        self._left = asyncio.Event()
        self._rest = b""

    def hang_up(self) -> None:
        """Leave, as a closed window does."""
        self._left.set()

    async def started(self) -> None:
        """Wait for the status and the headers."""
        async with asyncio.timeout(_PATIENCE_S):
            await self._started.wait()

    async def event(self) -> str | None:
        """The next block of text up to an empty line; None at the end of the answer."""
        while b"\n\n" not in self._rest:
            async with asyncio.timeout(_PATIENCE_S):
                piece = await self._pieces.get()
            if piece is None:
                return None
            self._rest += piece
        block, self._rest = self._rest.split(b"\n\n", 1)
        return block.decode()

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self._started.set()
        elif message["type"] == "http.response.body":
            if message.get("body"):
                self._pieces.put_nowait(message["body"])
            if not message.get("more_body", False):
                self._pieces.put_nowait(None)


@asynccontextmanager
async def live_get(
    app: ASGIApp, path: str, query: str = "", headers: Mapping[str, str] | None = None
) -> AsyncIterator[LiveAnswer]:
    """GET `path`; on leaving, the client hangs up and the application must end by itself."""
    answer = LiveAnswer()
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode()) for name, value in (headers or {}).items()
        ],
        "client": None,
        "server": None,
    }
    serving = asyncio.ensure_future(app(scope, answer.receive, answer.send))
    try:
        yield answer
    finally:
        answer.hang_up()
        async with asyncio.timeout(_PATIENCE_S):
            await serving
