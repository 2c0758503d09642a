"""One end of the socket between the engine and a worker.

What is sent in one turn of the loop leaves in one write, and what is not read yet
on the other side is bounded: whoever produces at will asks `has_room` first.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from core.executors.workers.messages import Frames, ProtocolBroken, ToEngine, ToWorker, encode

_FLUSH_BYTES = 256 << 10
"""Messages that make this much together do not wait for the end of the turn."""
_AHEAD_BYTES = 1 << 20
"""Sent and not yet read: more means that there is no room."""


class Line(asyncio.Protocol):
    """Sends messages; hands what comes to `heard`, and says once when it is `lost`."""

    def __init__(
        self,
        frames: Frames,
        heard: Callable[[ToWorker | ToEngine], None],
        lost: Callable[[str], None],
    ) -> None:
        """`lost` is given the reason, "" when the other end has closed."""
        self._loop = asyncio.get_running_loop()
        self._frames = frames
        self._heard = heard
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self.is_open = False

    async def take(self, sock: socket.socket) -> None:
        """Talk over a connected Unix socket, which now belongs to the line."""
        await self._loop.create_unix_connection(lambda: self, sock=sock)

    @property
    def has_room(self) -> bool:
        """Whether the other end keeps up; True on a lost line, which takes anything."""
        return self._room.is_set()

    async def room(self) -> None:
        """Returns when the other end has caught up, or the line is lost."""
        await self._room.wait()

    def send(self, message: ToWorker | ToEngine) -> None:
        """Send a message; nothing happens on a lost line."""
        if not self.is_open:
            return
        frame = encode(message)
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append(frame)
        self._waiting_bytes += len(frame)
        if self._waiting_bytes >= _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits for the end of the turn."""
        if self._waiting and self._transport is not None and self.is_open:
            self._transport.write(b"".join(self._waiting))
        self._waiting.clear()
        self._waiting_bytes = 0

    def close(self) -> None:
        """Say nothing more; what was sent still leaves."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Drop the line with all that is on it."""
        if self._transport is not None:
            self._transport.abort()

    # ------------------------------------------------------------------ asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_AHEAD_BYTES)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._frames.feed(data):
                self._heard(message)
        except ProtocolBroken as error:
            self.abort()
            self._end(str(error))

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc is not None else "")

    def _end(self, reason: str) -> None:
        if self.is_open:
            self.is_open = False
            self._room.set()
            self._lost(reason)
