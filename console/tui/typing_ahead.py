"""Keys one after the other: each meets the screen that the one before it has made.

Keys that come together, as a slow line delivers them, would all go to whatever has the focus now:
of `/stop` the slash would open the filter, and `s` would stop a run. So a key waits until
the one before it has gone the whole way: to the widget with the focus, up through those around
it, and through what they left for later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from textual.app import App
from textual.events import Key
from textual.message_pump import MessagePump

_PATIENCE_S = 0.5
"""After which a key is let through anyway: what it waits for may have been taken off the screen."""


class Keys:
    """The keys of one application."""

    def __init__(self, app: App[None], handle: Callable[[Key], Awaitable[None]]) -> None:
        """`handle` sends a key to whatever has the focus."""
        self._app, self._handle = app, handle
        self._waiting: deque[Key] = deque()
        self._turn = 0
        self._is_busy = False

    async def take(self, key: Key) -> None:
        """Handle a key, now or when those before it have been handled."""
        self._waiting.append(key)
        if not self._is_busy:
            await self._next()

    async def _next(self) -> None:
        self._is_busy = bool(self._waiting)
        if not self._is_busy:
            return
        self._turn += 1
        focused = self._app.focused or self._app.screen
        way: list[MessagePump] = [*focused.ancestors_with_self, self._app]
        await self._handle(self._waiting.popleft())
        self._app.set_timer(_PATIENCE_S, lambda turn=self._turn: self._done(turn))
        self._along(way, self._turn)

    def _along(self, way: list[MessagePump], turn: int) -> None:
        """Go the way that the key goes, behind it."""
        if not way:
            self._app.call_later(self._done, turn)
        elif not way[0].call_later(self._along, way[1:], turn):
            self._along(way[1:], turn)  # it is being taken off the screen

    async def _done(self, turn: int) -> None:
        if turn == self._turn and self._is_busy:
            await self._next()
