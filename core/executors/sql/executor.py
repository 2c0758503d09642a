"""The SQL executor: the way to a database, and attempts that can be ended while they wait for it.

A driver's call blocks, so an attempt has a thread of its own, one of a few; it hands its output
to the loop and waits until there is room. Whoever ends it asks the database to, from another
thread, until the attempt's own thread has the database's word that it is over.

A driver is loaded when the first statement goes to its kind of database: all of them take as long
as the rest of an engine's start does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from core.clock import Clock
from core.domain.run import TargetCode, TargetState
from core.domain.statements import Database
from core.domain.tasks import SqlScript
from core.errors import TargetError
from core.executors import outcomes
from core.executors.guard import Guard
from core.executors.protocol import Outcome, Session, Sink, Stream, Target, Work
from core.executors.stopping import StopSignal

if TYPE_CHECKING:
    from core.executors.sql.attempt import Attempt, Tell
    from core.executors.sql.drivers.base import Driver

_AT_ONCE = 32
"""Attempts at the same time; a thread and a connection each."""
_HELPERS = 8
"""Threads that resolve names and ask databases to end what runs."""
_ASKED_EVERY_S = 0.5
_ASKED_TIMES = 10
_SEVERED_S = 2.0


class SqlExecutor:
    """Sends statements from the engine's machine; keeps no connection."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="jobdeck-sql")
        self._helpers = ThreadPoolExecutor(_HELPERS, thread_name_prefix="jobdeck-sql-help")
        self._guard = Guard(self._helpers)
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._live: set[Attempt] = set()

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[Session]:
        yield _SqlSession(self, target)

    async def close(self) -> None:
        for attempt in self._live:
            attempt.stop()
            attempt.sever()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._helpers.shutdown(wait=False)

    async def _drivers(self, script: SqlScript, target: Target) -> Sequence[Driver]:
        """One for each address of the database; TargetError when there is none to go to."""
        loop = asyncio.get_running_loop()
        make = await loop.run_in_executor(self._helpers, _load, Database(script.database))
        from core.executors.sql.drivers.base import Entrance

        login = target.login
        if script.database == Database.SQLITE:
            return [make(Entrance(db=script.db), self._clock.monotonic)]
        host = script.address or target.address
        addresses = await self._guard.addresses(host, script.port, target)
        return [
            make(
                Entrance(
                    host=host,
                    address=address,
                    port=script.port,
                    db=script.db,
                    user=login.user,
                    password=login.password or "",
                    tls=script.tls,
                    ca=script.ca,
                    connect_timeout_s=target.connect_timeout_s,
                ),
                self._clock.monotonic,
            )
            for address in addresses
        ]

    async def run(self, work: Work, target: Target, sink: Sink, stop: StopSignal) -> Outcome:
        """One attempt, once there is room for it."""
        script = work.task
        assert isinstance(script, SqlScript)
        try:
            async with stop.breaks():
                drivers = await self._drivers(script, target)
                await self._room.acquire()
        except TimeoutError:
            return outcomes.cancelled(started=False)
        except TargetError as error:
            return outcomes.refused(error)
        from core.executors.sql.attempt import Attempt

        attempt = Attempt(work.attempt_id, target.host, script, drivers, _teller(sink))
        self._live.add(attempt)
        try:
            return await self._attend(attempt, work.timeout_s, stop)
        finally:
            self._live.discard(attempt)
            self._room.release()

    async def _attend(self, attempt: Attempt, timeout_s: float | None, stop: StopSignal) -> Outcome:
        running = asyncio.get_running_loop().run_in_executor(self._threads, attempt.run)
        # Nobody waits for one that is given up.
        running.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with stop.breaks(), asyncio.timeout(timeout_s):
                return await asyncio.shield(running)
        except TimeoutError:
            limit_s = None if stop.is_set() else timeout_s
            return await self._end(attempt, running, limit_s)
        finally:
            if not running.done():
                attempt.stop()
                self._helpers.submit(attempt.interrupt)

    async def _end(
        self, attempt: Attempt, running: asyncio.Future[Outcome], timeout_s: float | None
    ) -> Outcome:
        """End an attempt, and say what became of it; `timeout_s`: what it has used up."""
        from core.executors.sql.attempt import Stopped

        if not attempt.stop():
            return _ended(timeout_s, "it was not sent", is_certain=True)
        loop = asyncio.get_running_loop()
        for _ in range(_ASKED_TIMES):
            await loop.run_in_executor(self._helpers, attempt.interrupt)
            if (await asyncio.wait({running}, timeout=_ASKED_EVERY_S))[0]:
                break
        else:
            attempt.sever()
            await asyncio.wait({running}, timeout=_SEVERED_S)
        if not running.done():
            return _ended(timeout_s, "the database does not answer", is_certain=False)
        try:
            return running.result()
        except Stopped as stopped:
            return _ended(timeout_s, str(stopped), is_certain=stopped.is_certain)


class _SqlSession:
    def __init__(self, executor: SqlExecutor, target: Target) -> None:
        self._executor = executor
        self._target = target

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        return await self._executor.run(work, self._target, sink, stop)

    async def settle(self) -> None:
        """Nothing is kept at the far side; a ledger is for ever."""


def _load(database: Database) -> type[Driver]:
    """Import what an attempt needs, outside of the loop."""
    import core.executors.sql.attempt  # noqa: F401
    from core.executors.sql.drivers import driver_of

    return driver_of(database)


def _teller(sink: Sink) -> Tell:
    """The way of output from a thread into the loop."""
    loop = asyncio.get_running_loop()

    async def put(stream: Stream, text: str) -> None:
        if not sink.write(stream, text.encode("utf-8", "replace")):
            await sink.ready()

    return lambda stream, text: asyncio.run_coroutine_threadsafe(put(stream, text), loop).result()


def _ended(timeout_s: float | None, effect: str, *, is_certain: bool) -> Outcome:
    if timeout_s is not None:
        return Outcome(
            state=TargetState.TIMED_OUT,
            code=TargetCode.COMMAND_TIMEOUT,
            message=f"it still ran after {timeout_s:g} s and was ended; {effect}",
        )
    if not is_certain:
        return outcomes.cancelled(started=True, doubt=effect)
    return Outcome(
        state=TargetState.TERMINATED, code=TargetCode.CANCELLED, message=f"cancelled; {effect}"
    )
