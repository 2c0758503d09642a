"""The health pages of the demo's hosts: one small web server that answers for all of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from console.demo.machines import Machine

_PATIENCE_S = 5
_HEAD = "HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"


class HealthPages:
    """GET /HOST/health, for each of the machines that listen; an async context manager."""

    def __init__(self, address: str, machines: Sequence[Machine]) -> None:
        self._address = address
        self._pages = {f"/{machine.name}/health": _page(machine) for machine in machines}
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._answer, self._address, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode("ascii").partition("?")[0]
            page = self._pages.get(path)
            status = "404 Not Found" if page is None else "200 OK"
            kind = "text/plain" if page is None else "application/json"
            body = b"" if page is None else page
            said = _HEAD.format(status=status, type=kind, length=len(body))
            writer.write(said.encode("ascii") + body)
            await writer.drain()
        writer.close()


def _page(machine: Machine) -> bytes:
    status = "up" if machine.state == "active" else "down"
    said = {"service": machine.service, "status": status, "version": machine.release}
    return json.dumps(said).encode() + b"\n"
