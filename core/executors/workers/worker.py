"""A worker: one process that holds SSH connections for the engine and runs work on them.

It knows nothing but what it is told: the real executor lives here, with a copy of the
host keys on record, and each session of the engine is a `_Session` around one of the
executor's. It has no home, no database, no log file, and ends as soon as its socket does.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import traceback
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

from core.clock import SystemClock
from core.domain.hostkeys import KnownKey
from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.hostkeybook import InMemoryHostKeys
from core.executors.protocol import Executor, HostKeyBook, Session, Stream, Target, Work
from core.executors.ssh import SshExecutor
from core.executors.stopping import StopSignal
from core.executors.workers import messages as m
from core.executors.workers.line import Line

Make = Callable[[HostKeyBook, m.Setup], SshExecutor]
LoopFactory = Callable[[], asyncio.AbstractEventLoop] | None

log = logging.getLogger(__name__)


def run(sock: socket.socket, make: Make, loop_factory: LoopFactory = None) -> None:
    """Serve the engine at the other end of `sock` until it closes."""
    gc.freeze()
    gc.set_threshold(10_000, 5, 5)
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(sock, make))


async def _serve(sock: socket.socket, make: Make) -> None:
    worker = _Worker(make)
    logging.getLogger().addHandler(_Forward(worker.line))
    await worker.line.take(sock)
    await worker.finished.wait()
    # Nobody is left to hear of anything: connections end with the process.
    os._exit(0)


class _Worker:
    """The messages of the engine, spread to the sessions they are about."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self.line = Line(m.Frames(m.TO_WORKER), self._heard, self._lost)
        self._sessions: dict[int, _Session] = {}
        self._window_bytes = 0
        self._book = InMemoryHostKeys(SystemClock().now, self._on_new)
        self._executor: SshExecutor | None = None
        self.finished = asyncio.Event()

    @property
    def executor(self) -> SshExecutor:
        if self._executor is None:
            raise m.ProtocolBroken("a worker was used before it was set up")
        return self._executor

    def _heard(self, message: m.ToWorker | m.ToEngine) -> None:
        match message:
            case m.Setup():
                self._book.load(message.keys)
                self._window_bytes = message.window_bytes
                self._executor = self._make(self._book, message)
            case m.Open(number, target):
                session = _Session(number, self.line, self._window_bytes, self._forget)
                self._sessions[number] = session
                session.open(self.executor, target)
            case m.Key(key, is_gone):
                (self._book.remove if is_gone else self._book.put)(key)
            case m.Ping(number):
                self.line.send(m.Pong(number, self.executor.open_connections))
            case _:
                session_ = self._sessions.get(getattr(message, "session", -1))
                if session_ is not None:
                    session_.heard(message)

    def _on_new(self, key: KnownKey) -> None:
        self.line.send(m.Seen(key))

    def _forget(self, number: int) -> None:
        self._sessions.pop(number, None)

    def _lost(self, _: str) -> None:
        self.finished.set()


class _Session:
    """One session of the engine: opens, runs and settles as it is told, and reports.

    It is the `Sink` of the work, too. What the engine has not taken yet is counted; beyond
    the window, or when the socket is full, the host is asked to wait.
    """

    def __init__(
        self, number: int, line: Line, window_bytes: int, forget: Callable[[int], None]
    ) -> None:
        self._number = number
        self._line = line
        self._window_bytes = window_bytes
        self._forget = forget
        self._ahead_bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self._claimless = asyncio.Event()
        self._stop = StopSignal()
        self._session: Session | None = None
        self._opening: AbstractAsyncContextManager[Session] | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self, executor: Executor, target: Target) -> None:
        self._do(self._open(executor, target))

    def heard(self, message: m.ToWorker | m.ToEngine) -> None:
        """A message about this session."""
        match message:
            case m.Run(_, work, is_stopped) if self._session is not None:
                self._stop = StopSignal()
                if is_stopped:
                    self._stop.set()
                self._do(self._run(self._session, work, self._stop))
            case m.Settle() if self._session is not None:
                self._do(self._settle(self._session))
            case m.Room(_, size):
                self._ahead_bytes -= size
                if self._ahead_bytes < self._window_bytes // 2:
                    self._room.set()
            case m.Stop():
                self._stop.set()
            case m.Claimless():
                self._claimless.set()
            case m.Close():
                self._task = asyncio.ensure_future(self._close(self._task))

    # ------------------------------------------------------------------ what it is told to do

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.ensure_future(self._guarded(what))

    async def _guarded(self, what: Coroutine[Any, Any, None]) -> None:
        """A bug in one session is reported, and ends no other."""
        try:
            await what
        except TargetError as error:
            code = TargetCode(error.target_code)
            self._line.send(m.Refused(self._number, code, error.message, error.hint))
        except Exception:  # noqa: BLE001 - whatever it is, the engine is told
            self._line.send(m.Broke(self._number, traceback.format_exc()))

    async def _open(self, executor: Executor, target: Target) -> None:
        opening = executor.open(target)
        self._session = await opening.__aenter__()
        self._opening = opening
        self._line.send(m.Opened(self._number))

    async def _run(self, session: Session, work: Work, stop: StopSignal) -> None:
        outcome = await session.run(work, self, stop)
        self._line.send(m.Ended(self._number, outcome))

    async def _settle(self, session: Session) -> None:
        await session.settle()
        self._line.send(m.Settled(self._number))

    async def _close(self, task: asyncio.Task[None] | None) -> None:
        try:
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task})
            if self._opening is not None:
                await self._opening.__aexit__(None, None, None)
        except Exception:
            log.exception("a session did not close")
        finally:
            self._forget(self._number)

    # ------------------------------------------------------------------ the sink of its work

    def write(self, stream: Stream, data: bytes) -> bool:
        self._line.send(m.Printed(self._number, stream, data))
        self._ahead_bytes += len(data)
        if self._ahead_bytes >= self._window_bytes:
            self._room.clear()
        return self._room.is_set() and self._line.has_room

    async def ready(self) -> None:
        await self._room.wait()
        await self._line.room()

    async def unclaimed(self, reason: str) -> None:
        self._line.send(m.Unclaimed(self._number, reason))
        await self._claimless.wait()


class _Forward(logging.Handler):
    """Hands warnings to the engine, which has the log."""

    def __init__(self, line: Line) -> None:
        super().__init__(logging.WARNING)
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        self._line.send(m.Said(record.levelno, record.name, self.format(record)))
