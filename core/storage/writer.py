"""The one writer: a thread that commits many writes as one group.

A write is a function of a `Transaction`. The thread takes all writes that
wait, runs each inside its own savepoint, commits once with
`synchronous=FULL`, and only then answers them: what is acknowledged is on
disk. A write that raises is rolled back alone; the others of its group stand.
When the commit itself fails, every write of the group gets the fault and
nothing of it is kept.

Rules for editors: a write must not wait for anything; journal entries are
made through the `Transaction`, so they are in the same commit by construction, which
writes those of the whole group at its end; listeners are told only after the commit,
and after the answers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, exc

from core import failpoints
from core.clock import Clock
from core.errors import StorageFault
from core.storage import tables

T = TypeVar("T")
Write = Callable[["Transaction"], Any]
Asked = tuple[Write, "Future[Any] | asyncio.Future[Any]"]
"""A write, and who waits for it: a thread, or a loop."""
News = tuple[int, Set[str]]
"""What a commit brought: the number of its last journal entry, and the types of all of them."""
Listener = Callable[[int, Set[str]], None]

_log = logging.getLogger(__name__)

_MAX_GROUP = 512
"""Writes per commit: bounds how long an acknowledgement can wait for its neighbours."""

_APPEND = tables.journal.insert()


class Transaction:
    """One write's view of the database: a connection, the time, and the journal."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.at = timestamp(now)
        self._entries: list[dict[str, str]] = []
        """Of the journal, of all writes of the group: they are written with its end."""

    def journal(self, actor: str, type_: str, subject: str, data: Mapping[str, Any]) -> None:
        """Append an entry that is committed together with this write."""
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        # Here and not with the group's end: what no file can hold is the fault of this write alone.
        f"{actor}{subject}{text}".encode()
        entry = {"at": self.at, "actor": actor, "type": type_, "subject": subject, "data": text}
        self._entries.append(entry)

    def attempt(self, write: Write) -> Any:
        """The value of `write`, or `_Raised` with everything it did undone.

        A fault of the database itself is raised on: SQLite may have rolled back the
        whole group with it (sqlite.org/lang_transaction.html, section 2.4).
        """
        entries_before = len(self._entries)
        # Straight to the driver: SQLAlchemy's own savepoint object costs four times as much.
        self.connection.exec_driver_sql("SAVEPOINT one_write")
        try:
            answer = write(self)
        except exc.DBAPIError as error:
            if not isinstance(error, _ONE_WRITES_OWN):
                raise
            answer = _Raised(error)
        except Exception as error:  # noqa: BLE001 - a refusal or a bug: its own future says so
            answer = _Raised(error)
        if isinstance(answer, _Raised):
            self.connection.exec_driver_sql("ROLLBACK TO one_write")
            del self._entries[entries_before:]
        self.connection.exec_driver_sql("RELEASE one_write")
        return answer

    def end(self) -> News | None:
        """Write the group's journal; the last number and the types in it, None where it has none."""
        if not self._entries:
            return None
        *most, last = self._entries
        if most:
            self.connection.execute(_APPEND, most)
        key = self.connection.execute(_APPEND, last).inserted_primary_key
        assert key is not None
        return int(key[0]), {entry["type"] for entry in self._entries}


class Writer:
    """Commits writes in groups, in the order in which they were asked for."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._queue: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self._listeners: list[Listener] = []
        self._after: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="storage-writer", daemon=True)
        self._door = threading.Lock()  # nothing may be queued behind the mark that ends the thread
        self.fault: StorageFault | None = None
        """Why the last group could not be committed; None: it was."""
        self._closed = False

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Commit what waits, then stop. Later writes are refused."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def on_commit(self, listener: Listener) -> None:
        """Call `listener(last seq, types)` in the writer's thread after each commit with entries."""
        self._listeners.append(listener)

    def after_commit(self, listener: Callable[[], None]) -> None:
        """Call `listener()` in the writer's thread after each commit, with entries or without."""
        self._after.append(listener)

    @property
    def closed(self) -> bool:
        """Whether writes are refused from here on."""
        return self._closed

    @property
    def waiting(self) -> int:
        """Writes that wait for their commit; for back-pressure and health."""
        return self._queue.qsize()

    def submit(self, write: Callable[[Transaction], T]) -> Future[T]:
        """Queue a write; the future is answered after its commit."""
        future: Future[T] = Future()
        self._ask((write, future))
        return future

    async def write(self, write: Callable[[Transaction], T]) -> T:
        """Queue a write and wait for its commit; cancelling the waiting task keeps the write."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._ask((write, future))
        return await future

    def _ask(self, asked: Asked) -> None:
        with self._door:
            if not self._closed:
                self._queue.put(asked)
                return
        asked[1].set_exception(StorageFault("the engine is closing its storage"))

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            news = self._commit(group)
            if news is not None:
                self._tell(partial(listener, *news) for listener in self._listeners)
            self._tell(self._after)

    def _next_group(self) -> list[Asked] | None:
        item = self._queue.get()
        if item is None:
            return None
        group = [item]
        while len(group) < _MAX_GROUP:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._queue.put(None)
                break
            group.append(item)
        return [asked for asked in group if _is_wanted(asked[1])]

    def _commit(self, group: Sequence[Asked]) -> News | None:
        """Run and commit a group, and answer who waits."""
        answers: list[Any] = []
        news = None
        try:
            with self._engine.connect() as connection, connection.begin():
                failpoints.reach("storage.group.open")
                transaction = Transaction(connection, self._clock.now())
                for write, _ in group:
                    answers.append(transaction.attempt(write))
                    failpoints.reach("storage.write.done")
                news = transaction.end()
                failpoints.reach("storage.group.written")
            failpoints.reach("storage.group.committed")
            self.fault = None
        except exc.SQLAlchemyError as error:
            self.fault = storage_fault(error)
            answers = [_Raised(self.fault)] * len(group)
            news = None
        _answer([(future, answer) for (_, future), answer in zip(group, answers, strict=True)])
        failpoints.reach("storage.group.answered")
        return news

    def _tell(self, listeners: Iterable[Callable[[], None]]) -> None:
        for listener in listeners:
            try:
                listener()
            except Exception:  # noqa: BLE001 - a listener's bug must not end the one writer
                _log.exception("a listener of commits failed")


class _Raised:
    """A write's answer when it raised."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _answer(answered: Iterable[tuple[Future[Any] | asyncio.Future[Any], Any]]) -> None:
    """Tell everybody who waits; one call for each loop, as each of them wakes it."""
    in_loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for future, answer in answered:
        if isinstance(future, Future):
            _settle(future, answer)
        else:
            in_loops.setdefault(future.get_loop(), []).append((future, answer))
    for loop, those in in_loops.items():
        with suppress(RuntimeError):  # the loop has ended, and with it who waits
            loop.call_soon_threadsafe(_settle_all, those)


def _is_wanted(future: Future[Any] | asyncio.Future[Any]) -> bool:
    """Whether a write is to be done: a thread may have withdrawn its own, a loop keeps what it asked."""
    return not isinstance(future, Future) or future.set_running_or_notify_cancel()


def _settle_all(answered: Iterable[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, answer in answered:
        _settle(future, answer)


def _holdable(error: BaseException) -> BaseException:
    """The error, or one in its place: no future holds a StopIteration, and its caller would hang."""
    if not isinstance(error, StopIteration):
        return error
    instead = RuntimeError("a write raised StopIteration")
    instead.__cause__ = error
    return instead


def _settle(future: Future[Any] | asyncio.Future[Any], answer: Any) -> None:
    if future.done():  # whoever waited was cancelled
        return
    if isinstance(answer, _Raised):
        future.set_exception(_holdable(answer.error))
    else:
        future.set_result(answer)


_ONE_WRITES_OWN = (exc.IntegrityError, exc.ProgrammingError, exc.InterfaceError, exc.DataError)
"""What the database says against one statement, without harm to the others."""

_RESTORE = "stop the engine, then `jobdeck restore` a backup"
_FAULTS = {
    "SQLITE_FULL": ("the disk is full", "free some space; nothing unacknowledged was kept"),
    "SQLITE_READONLY": ("the home folder is read-only", "check its owner, its mode and its mount"),
    "SQLITE_BUSY": ("another program holds the database", "close it; only one engine per home"),
    "SQLITE_CORRUPT": ("the database is damaged", _RESTORE),
    "SQLITE_NOTADB": ("the database is damaged", _RESTORE),
    "SQLITE_IOERR": ("the disk reported an error", "look at the system's log before going on"),
    "SQLITE_CANTOPEN": ("the database cannot be opened", "check the home folder's owner and mode"),
}
"""SQLite's result codes (the part before a second underscore) -> what it means, what to try."""


def storage_fault(error: exc.SQLAlchemyError | sqlite3.Error) -> StorageFault:
    """SQLite's complaint as one clear message; the SQL and its values are left out."""
    cause = getattr(error, "orig", None) or error
    code = "_".join(str(getattr(cause, "sqlite_errorname", "")).split("_")[:2])
    said = str(cause) if isinstance(cause, sqlite3.Error) else type(cause).__name__
    if code in _FAULTS:
        what, hint = _FAULTS[code]
        return StorageFault(f"{what}: {said}", hint=hint)
    return StorageFault(f"the database refused: {said}")


def timestamp(moment: datetime) -> str:
    """UTC as text whose order is the order of time: 2026-01-31T09:30:00.000000Z."""
    # Eight times as quick as strftime, and asked for with every row.
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
