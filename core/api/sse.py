"""Server-sent events: encoding, a heartbeat, and an end that leaves nothing behind.

The wire format is the HTML standard's "Server-sent events", section 9.2. Each
event is one `data:` line: JSON has no raw line breaks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b": still here\n\n"
HEARTBEAT_S = 15.0
"""Shorter than the idle time-outs of common proxies (30 s and more)."""


def encode(event: str, data: bytes, id_: int | str | None = None) -> bytes:
    """One event; `data` is JSON in one line."""
    head = f"event: {event}\n".encode()
    if id_ is not None:
        head = f"id: {id_}\n".encode() + head
    return head + b"data: " + data + b"\n\n"


BYE = encode("bye", b"{}")
"""The last event of a stream that ends because the engine stops; reconnect to go on."""


async def with_heartbeat(
    source: AsyncGenerator[bytes, None], interval_s: float
) -> AsyncGenerator[bytes, None]:
    """The pieces of `source`; a comment whenever it was silent for `interval_s`.

    The source is never cancelled by the waiting, only closed at the end.
    """
    async with aclosing(source):
        upcoming: asyncio.Future[bytes] | None = None
        try:
            while True:
                upcoming = upcoming or asyncio.ensure_future(anext(source))
                done, _ = await asyncio.wait({upcoming}, timeout=interval_s)
                if not done:
                    yield HEARTBEAT
                    continue
                piece, upcoming = upcoming, None
                try:
                    yield piece.result()
                except StopAsyncIteration:
                    return
        finally:
            if upcoming is not None:
                upcoming.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await upcoming


class EventStream(StreamingResponse):
    """Sends a source's events until it ends or the client leaves, then closes the source."""

    media_type = MEDIA_TYPE

    def __init__(
        self, source: AsyncGenerator[bytes, None], *, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._events = with_heartbeat(source, heartbeat_s)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(self._events, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The base class notices a client that left only when it sends something, and leaves the
        # source for the garbage collector: a quiet stream would be followed for ever.
        sending = asyncio.ensure_future(self.stream_response(send))
        leaving = asyncio.ensure_future(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
            await self._events.aclose()
        if not sending.cancelled():
            sending.result()
