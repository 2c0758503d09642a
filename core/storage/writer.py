"""The one writer: a thread that commits many writes as one group.

A write is a function of a `Transaction`. The thread takes all writes that
wait, runs each inside its own savepoint, commits once with
`synchronous=FULL`, and only then answers them: what is acknowledged is on
disk. A write that raises is rolled back alone; the others of its group stand.
When the commit itself fails, every write of the group gets the fault and
nothing of it is kept.

Rules for editors: a write must not wait for anything; journal entries are
made through the `Transaction`, so they are in the same commit by construction;
listeners are told only after the commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, exc

from core.clock import Clock
from core.errors import OpsError, StorageFault
from core.storage import tables

T = TypeVar("T")
Listener = Callable[[int], None]

_MAX_GROUP = 512
"""Writes per commit: bounds how long an acknowledgement can wait for its neighbours."""


class Transaction:
    """One write's view of the database: a connection, the time, and the journal."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.at = timestamp(now)

    def journal(self, actor: str, type_: str, subject: str, data: Mapping[str, Any]) -> int:
        """Append an entry that is committed together with this write; its sequence number."""
        result = self.connection.execute(
            tables.journal.insert(),
            {
                "at": self.at,
                "actor": actor,
                "type": type_,
                "subject": subject,
                "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")),
            },
        )
        seq = result.inserted_primary_key
        assert seq is not None
        return int(seq[0])


class Writer:
    """Commits writes in groups, in the order in which they were asked for."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._queue: queue.SimpleQueue[tuple[Callable[[Transaction], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._listeners: list[Listener] = []
        self._thread = threading.Thread(target=self._run, name="storage-writer", daemon=True)
        self._closed = False

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Commit what waits, then stop. Later writes are refused."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            if self._thread.is_alive():
                self._thread.join()

    def on_commit(self, listener: Listener) -> None:
        """Call `listener(last journal seq)` in the writer's thread after each commit with entries."""
        self._listeners.append(listener)

    @property
    def waiting(self) -> int:
        """Writes that wait for their commit; for back-pressure and health."""
        return self._queue.qsize()

    def submit(self, write: Callable[[Transaction], T]) -> Future[T]:
        """Queue a write; the future is answered after its commit."""
        future: Future[T] = Future()
        if self._closed:
            future.set_exception(StorageFault("the engine is closing its storage"))
        else:
            self._queue.put((write, future))
        return future

    async def write(self, write: Callable[[Transaction], T]) -> T:
        """Queue a write and wait for its commit, even when the waiting task is cancelled."""
        return await asyncio.shield(asyncio.wrap_future(self.submit(write)))

    def _run(self) -> None:
        with self._engine.connect() as connection:
            while (group := self._next_group()) is not None:
                self._commit(connection, group)

    def _next_group(self) -> list[tuple[Callable[[Transaction], Any], Future[Any]]] | None:
        first = self._queue.get()
        if first is None:
            return None
        group = [first]
        while len(group) < _MAX_GROUP:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._queue.put(None)
                break
            group.append(item)
        return group

    def _commit(
        self,
        connection: Connection,
        group: list[tuple[Callable[[Transaction], Any], Future[Any]]],
    ) -> None:
        answers: list[tuple[Future[Any], Any, BaseException | None]] = []
        last_seq: int | None = None
        try:
            with connection.begin():
                transaction = Transaction(connection, self._clock.now())
                for write, future in group:
                    try:
                        with connection.begin_nested():
                            answers.append((future, write(transaction), None))
                    except (OpsError, exc.IntegrityError) as refused:
                        answers.append((future, None, refused))
                    except exc.DBAPIError:
                        raise
                    except Exception as bug:  # the caller's write is wrong: its own future says so
                        answers.append((future, None, bug))
                last_seq = connection.exec_driver_sql("SELECT max(seq) FROM journal").scalar()
        except exc.SQLAlchemyError as error:
            with contextlib.suppress(exc.SQLAlchemyError):
                connection.rollback()
            fault = storage_fault(error)
            answers = [(future, None, fault) for _, future in group]
            last_seq = None
        for future, value, error_ in answers:
            if error_ is None:
                future.set_result(value)
            else:
                future.set_exception(error_)
        if last_seq is not None:
            for listener in self._listeners:
                listener(last_seq)


_FAULTS = (
    ("disk is full", "the disk is full", "free some space; nothing unacknowledged was kept"),
    ("readonly", "the home folder is read-only", "check its owner, its mode and its mount"),
    ("database is locked", "another program holds the database", "close it; only one engine per home"),
    ("malformed", "the database is damaged", "stop the engine, then `jobdeck restore` a backup"),
    ("not a database", "the database is damaged", "stop the engine, then `jobdeck restore` a backup"),
    ("disk i/o error", "the disk reported an error", "look at the system's log before going on"),
    ("unable to open", "the database cannot be opened", "check the home folder's owner and mode"),
)


def storage_fault(error: exc.SQLAlchemyError) -> StorageFault:
    """SQLite's complaint as one clear message; the SQL and its values are left out."""
    cause = str(getattr(error, "orig", None) or type(error).__name__)
    for sign, what, hint in _FAULTS:
        if sign in cause.lower():
            return StorageFault(f"{what}: {cause}", hint=hint)
    return StorageFault(f"the database refused: {cause}")


def timestamp(moment: datetime) -> str:
    """UTC as text whose order is the order of time: 2026-01-31T09:30:00.000000Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
