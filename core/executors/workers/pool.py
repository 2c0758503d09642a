"""The SSH executor of an engine with workers: few sessions here, many in worker processes.

    placing.py   where a host goes      zygote.py   where workers come from
    remote.py    a worker, seen from here           worker.py   a worker, from inside

Workers are started on demand, replaced when they die or hang, and let go when they have
been idle for as long as connections are kept. Where none can be started, which may be only
until another zygote is due, the engine does the work itself, as on a machine with one core.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import msgspec
import structlog

from core.domain.hostkeys import KnownKey
from core.errors import EnvironmentFault
from core.executors.hostkeybook import InMemoryHostKeys
from core.executors.protocol import Executor, Session, Target
from core.executors.workers.messages import Setup
from core.executors.workers.placing import HERE, Placing
from core.executors.workers.remote import RemoteWorker, WorkerStatus
from core.executors.workers.zygote import Zygote, ZygoteDied

log = structlog.get_logger(__name__)

_HEARTBEAT_S = 2.0
_MOST_MISSED = 4
"""Heartbeats in a row; a loop that is busy for so long serves nobody."""
_FIRST_ANSWER_S = 10.0
_CLOSING_S = 2.0
_RETRY_S = 30.0
"""After no worker could be started."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Where workers come from, how many there may be, and from when on they are used."""

    zygote: Zygote
    count: int
    threshold: int = 32
    """Live sessions from which on new hosts go to workers."""


@dataclass(eq=False, slots=True)
class _Slot:
    """The place of one worker, whoever is in it."""

    worker: RemoteWorker | None = None
    starting: asyncio.Task[RemoteWorker | None] | None = None
    restarts: int = 0
    idle_since: float = 0.0
    not_before: float = 0.0


class WorkerPool:
    """An `Executor` over several processes; follows the record of host keys for its workers."""

    def __init__(
        self, here: Executor, workers: Workers, setup: Setup, book: InMemoryHostKeys
    ) -> None:
        """`here` serves in this process; `setup` is what each worker is told first, but for keys."""
        self._here = here
        self._zygote = workers.zygote
        self._setup = setup
        self._book = book
        self._placing = Placing(workers.count, workers.threshold, setup.idle_s)
        self._slots = {place: _Slot() for place in range(1, workers.count + 1)}
        self._watching: asyncio.Task[None] | None = None
        self._is_closed = False
        book.followers.append(self)

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[Session]:
        host = (target.address, target.port)
        loop = asyncio.get_running_loop()
        place = self._placing.enter(host, loop.time())
        try:
            worker = None if place == HERE else await self._worker(self._slots[place])
            async with (worker or self._here).open(target) as session:
                yield session
        finally:
            self._placing.leave(host, loop.time())

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._book.followers.remove(self)
        if self._watching is not None:
            self._watching.cancel()
        await self._here.close()
        workers = self._living()
        for worker in workers:
            worker.retire()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                for worker in workers:
                    await worker.ended()
        for worker in workers:
            self._zygote.kill(worker.pid)
        self._zygote.close()

    def status(self) -> Sequence[WorkerStatus]:
        """The workers that live now."""
        return [
            WorkerStatus(
                pid=slot.worker.pid,
                sessions=slot.worker.sessions,
                connections=slot.worker.connections,
                restarts=slot.restarts,
            )
            for slot in self._slots.values()
            if slot.worker is not None and slot.worker.is_alive
        ]

    # ------------------------------------------------------------------ the record of host keys

    def put(self, key: KnownKey) -> None:
        """A key came onto the record: workers learn it before any later session."""
        for worker in self._living():
            worker.learn(key)

    def removed(self, key: KnownKey) -> None:
        for worker in self._living():
            worker.learn(key, is_gone=True)

    async def caught_up(self) -> None:
        """Returns when every worker has learnt all keys so far, or is no more."""
        await asyncio.gather(*(worker.caught_up() for worker in self._living()))

    # ------------------------------------------------------------------ workers

    def _living(self) -> list[RemoteWorker]:
        workers = [slot.worker for slot in self._slots.values()]
        return [worker for worker in workers if worker is not None and worker.is_alive]

    async def _worker(self, slot: _Slot) -> RemoteWorker | None:
        """The worker of a slot, started if need be; None when there can be none."""
        if slot.starting is None:
            if slot.worker is not None and slot.worker.is_alive:
                return slot.worker
            if self._is_closed or not self._zygote.may_start:
                return None
            if asyncio.get_running_loop().time() < slot.not_before:
                return None
            slot.starting = asyncio.ensure_future(self._start(slot))
        return await asyncio.shield(slot.starting)

    async def _start(self, slot: _Slot) -> RemoteWorker | None:
        loop = asyncio.get_running_loop()
        try:
            child = await self._zygote.start()
            worker = RemoteWorker(child, self._book.adopt, self._death_of(slot, child.pid))
            await worker.connect()
            # From the copy of the record on, no change passes it by: nothing waits in between.
            worker.set_up(msgspec.structs.replace(self._setup, keys=self._book.records()))
            slot.worker, slot.idle_since = worker, loop.time()
            await self._first_answer(worker)
        except ZygoteDied:
            return None
        except (EnvironmentFault, OSError) as error:
            slot.not_before = loop.time() + _RETRY_S
            log.error("worker.unavailable", reason=str(error))
            return None
        finally:
            slot.starting = None
        if self._watching is None:
            self._watching = loop.create_task(self._watch())
        log.info("worker.started", pid=worker.pid)
        return worker

    async def _first_answer(self, worker: RemoteWorker) -> None:
        """A worker that does not come up is ended, and serves nobody."""
        try:
            async with asyncio.timeout(_FIRST_ANSWER_S):
                await worker.caught_up()
        except TimeoutError:
            self._end(worker, _FIRST_ANSWER_S)
            raise EnvironmentFault("a new worker does not answer") from None
        if not worker.is_alive:
            raise EnvironmentFault("a new worker ended at once")

    def _end(self, worker: RemoteWorker, silent_s: float) -> None:
        worker.condemn(f"it had not answered for {silent_s:g} s")
        self._zygote.kill(worker.pid)

    def _death_of(self, slot: _Slot, pid: int) -> Callable[[str], None]:
        def died(how: str) -> None:
            slot.restarts += 1
            log.error("worker.died", pid=pid, how=how)

        return died

    async def _watch(self) -> None:
        """Find out who hangs and who is not needed, while there is anybody."""
        while self._living():
            await asyncio.sleep(_HEARTBEAT_S)
            for slot in self._slots.values():
                if slot.worker is not None and slot.worker.is_alive:
                    self._look_at(slot, slot.worker)
        self._watching = None

    def _look_at(self, slot: _Slot, worker: RemoteWorker) -> None:
        now = asyncio.get_running_loop().time()
        if worker.sessions:
            slot.idle_since = now
        if worker.feel() >= _MOST_MISSED:
            self._end(worker, _HEARTBEAT_S * _MOST_MISSED)
        elif now - slot.idle_since > self._setup.idle_s:
            worker.retire()
            log.info("worker.retired", pid=worker.pid)
