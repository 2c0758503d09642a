"""An executor whose libraries are loaded when the first target is entered.

What speaks to hosts takes as long to load as the rest of an engine's start, and most engines use
one or two kinds of access.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module

from core.executors.protocol import Executor, Session, Target


class OnDemand:
    """An `Executor` in front of one that is not made yet."""

    def __init__(self, module: str, make: Callable[[], Executor]) -> None:
        """`module` is what takes long to load: a thread does it; `make` is then quick."""
        self._module = module
        self._make = make
        self._made: Executor | None = None
        self._loading = asyncio.Lock()

    def open(self, target: Target) -> AbstractAsyncContextManager[Session]:
        return self._first(target) if self._made is None else self._made.open(target)

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()

    @asynccontextmanager
    async def _first(self, target: Target) -> AsyncIterator[Session]:
        async with self._loading:
            if self._made is None:
                await asyncio.to_thread(import_module, self._module)
                self._made = self._make()
        async with self._made.open(target) as session:
            yield session
