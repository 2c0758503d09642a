"""Keys one after the other: none is taken before what the one before it opened is there.

Over a slow line keys come in bursts. Textual hands each of them to whatever has the focus when it
arrives, so text that was meant for a form would be taken as commands by the view below it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from textual.app import App
from textual.events import Key
from textual.message_pump import MessagePump
from textual.worker import Worker

_HOP_S = 0.5
"""What one widget may take for a key; a widget that goes away never answers."""
_OPENING_S = 1.0
"""How long a key's deed may take to ask its question, while further keys wait for it."""
_LOOK_S = 0.01
_TURNS = 3
"""Turns of the loop that a worker needs to begin."""


class TypeAhead:
    """The keys of one application, between the terminal and the widgets."""

    def __init__(self, app: App[Any], handle: Callable[[Key], Awaitable[None]]) -> None:
        self._app, self._handle = app, handle
        self._waiting: deque[Key] = deque()
        self._following: asyncio.Task[None] | None = None
        self._deed: tuple[Worker[None], int] | None = None

    async def take(self, key: Key) -> None:
        """Handle a key now, or as soon as those before it have come to their end."""
        if self._following is not None and not self._following.done():
            self._waiting.append(key)
            return
        await self._hand_over(key)
        self._following = asyncio.create_task(self._follow(), name="type-ahead")

    def opens(self, deed: Worker[None]) -> None:
        """A key has begun this, which may open something: the next key is for that."""
        self._deed = deed, len(self._app.screen_stack)

    def close(self) -> None:
        if self._following is not None:
            self._following.cancel()

    async def _follow(self) -> None:
        while True:
            await self._come_home()
            await self._open()
            if not self._waiting:
                return
            await self._hand_over(self._waiting.popleft())

    async def _hand_over(self, key: Key) -> None:
        focused = self._app.focused or self._app.screen
        self._way: list[MessagePump] = [*focused.ancestors_with_self]
        await self._handle(key)

    async def _come_home(self) -> None:
        """Wait until the key has been looked at by the focused widget and all around it.

        What is called later stands behind the key in each one's queue.
        """
        for widget in self._way:
            seen = asyncio.Event()
            if not widget.is_running or not widget.call_later(seen.set):
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(seen.wait(), _HOP_S)

    async def _open(self) -> None:
        for _turn in range(_TURNS):
            await asyncio.sleep(0)
        for _look in range(round(_OPENING_S / _LOOK_S)):
            if self._deed is None:
                return
            deed, depth = self._deed
            if deed.is_finished or len(self._app.screen_stack) != depth:
                self._deed = None
            else:
                await asyncio.sleep(_LOOK_S)
        self._deed = None
