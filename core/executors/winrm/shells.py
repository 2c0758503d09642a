"""Sessions on Windows hosts: connections that are kept, and the few threads that they speak in.

Every call of a connection blocks, so it goes to one of a bounded number of threads. Waiting for
output takes a thread too, for a few seconds at a time; where more works run than there are
threads, each waits shorter, and all have their turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import TargetError
from core.executors.protocol import Target

if TYPE_CHECKING:
    from core.executors.winrm.connection import Connection, Received

T = TypeVar("T")

THREADS = 64
WAIT_S = 2
_SHORT_WAIT_S = 1
_PARTING_S = 3.0
"""For last words to be said, when the engine ends."""


@dataclass(frozen=True, slots=True)
class Shell:
    """A session on a host, and the connection that it is spoken to through."""

    connection: Connection
    id: str
    target: Target


class Shells:
    """Opens and keeps; `idle_s` and `kept`: how long, and how many, unused connections stay open."""

    def __init__(self, *, idle_s: float, kept: int, threads: int, wait_s: int) -> None:
        self._idle_s = idle_s
        self._kept = kept
        self._wait_s = wait_s
        self._most_busy = threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="jobdeck-winrm")
        self._idle: dict[Target, list[Connection]] = {}
        self._timers: dict[Connection, asyncio.TimerHandle] = {}
        self._works: set[asyncio.Task[None]] = set()
        self._parting: set[asyncio.Task[None]] = set()
        self.dialled = 0
        """Connections made so far."""

    @property
    def idle(self) -> int:
        """Connections that wait for another use."""
        return len(self._timers)

    async def enter(self, target: Target) -> Shell:
        """A new session, on a kept connection if there is one; TargetError when there is none."""
        while (kept := self._take(target)) is not None:
            try:
                return Shell(kept, await self.call(kept.open_shell), target)
            except Exception as error:  # noqa: BLE001 - a stale connection is replaced in silence
                self._close(kept)
                if not await self.call(_is_lost, error):
                    break
        return await self._dial(target)

    async def leave(self, shell: Shell) -> None:
        """End a session and what runs in it; its connection is kept."""
        from core.executors.winrm.failures import is_lost

        try:
            await self.call(shell.connection.close_shell, shell.id)
        except Exception as error:  # noqa: BLE001 - the host ends what nobody asks about
            if is_lost(error):
                self._close(shell.connection)
                return
        self._keep(shell)

    def discard(self, shell: Shell) -> None:
        """Close a session's connection, which broke, or is in the middle of something."""
        self._close(shell.connection)

    async def receive(self, shell: Shell, command: str) -> Received | None:
        """What came of a command; None for nothing yet."""
        is_crowded = len(self._works) > self._most_busy
        wait_s = _SHORT_WAIT_S if is_crowded else self._wait_s
        return await self.call(shell.connection.receive, shell.id, command, wait_s)

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """`function` in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    def attend(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Look after a work until it is over, whoever has stopped waiting for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._works.add(task)
        task.add_done_callback(self._works.discard)
        return task

    def await_end(self, work: asyncio.Task[None]) -> None:
        """`work` has a last word to say, for which the engine's end has to wait."""
        self._parting.add(work)
        work.add_done_callback(self._parting.discard)

    async def close(self) -> None:
        if self._parting:
            await asyncio.wait(self._parting, timeout=_PARTING_S)
        for task in self._works:
            task.cancel()
        for timer in self._timers.values():
            timer.cancel()
        for connection in [each for kept in self._idle.values() for each in kept]:
            connection.close()
        self._timers.clear()
        self._idle.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _dial(self, target: Target) -> Shell:
        connection, shell = await self.call(_dialled, target)
        self.dialled += 1
        return Shell(connection, shell, target)

    def _take(self, target: Target) -> Connection | None:
        kept = self._idle.get(target)
        if not kept:
            return None
        connection = kept.pop()
        if not kept:
            del self._idle[target]
        self._timers.pop(connection).cancel()
        return connection

    def _keep(self, shell: Shell) -> None:
        if len(self._timers) >= self._kept:
            self._close(shell.connection)
            return
        self._idle.setdefault(shell.target, []).append(shell.connection)
        self._timers[shell.connection] = asyncio.get_running_loop().call_later(
            self._idle_s, self._expire, shell
        )

    def _expire(self, shell: Shell) -> None:
        kept = self._idle[shell.target]
        kept.remove(shell.connection)
        if not kept:
            del self._idle[shell.target]
        del self._timers[shell.connection]
        self._close(shell.connection)

    def _close(self, connection: Connection) -> None:
        connection.close()


def _is_lost(error: Exception) -> bool:
    from core.executors.winrm.failures import is_lost

    return is_lost(error)


def _dialled(target: Target) -> tuple[Connection, str]:
    """A new connection and a session on it. In a thread: also pywinrm is loaded here, when the first
    Windows host is reached, since it takes as long as half of an engine's start does.
    """
    from core.executors.winrm.connection import Connection
    from core.executors.winrm.failures import translated

    try:
        connection = Connection(target)
    except TargetError:
        raise
    except Exception as error:
        raise translated(error, target) from error
    try:
        return connection, connection.open_shell()
    except Exception as error:
        connection.close()
        raise translated(error, target) from error
