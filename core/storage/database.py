"""Opening the SQLite file: its settings, and the reading side.

The only place that knows the dialect's settings. WAL lets readers go on
beside the writer; `synchronous=FULL` makes a commit survive a power cut
(NORMAL may lose the last commits, see sqlite.org/pragma.html).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from core.errors import StorageFault
from core.storage.writer import storage_fault

T = TypeVar("T")

READERS = 4
READ_ONLY = "jobdeck_read_only"
"""Execution option of connections that see committed states only."""
BUSY_TIMEOUT_S = 10.0
"""How long a write or a start waits for another program that holds the database."""

# Only a new file takes it: what retention deletes can be given back to the disk. It takes the
# write lock even where it changes nothing, so connections that only read must not say it.
_GIVES_BACK = "PRAGMA auto_vacuum = INCREMENTAL"

_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",  # macOS: without it a sync stops at the drive's own cache
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA journal_size_limit = 67108864",  # a long read lets the log grow; afterwards it shrinks
    "PRAGMA cache_size = -16000",  # KiB
)


def open_writing(
    path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S, foreign_keys: bool = True
) -> Engine:
    """An engine whose transactions take the write lock at once.

    `foreign_keys=False` is for migrations: rebuilding a table must not cascade.
    """
    engine = _engine(path, busy_timeout_s, pool_size=1)
    settings = (_GIVES_BACK, *_SETTINGS, f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
    _use_own_transactions(engine, "BEGIN IMMEDIATE", settings)
    return engine


def open_reading(path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engine:
    """An engine that cannot write; each transaction sees one state of the database."""
    engine = _engine(path, busy_timeout_s, pool_size=READERS)
    engine.update_execution_options(**{READ_ONLY: True})
    _use_own_transactions(engine, "BEGIN", (*_SETTINGS, "PRAGMA query_only = ON"))
    return engine


def create_private_file(path: Path) -> None:
    """An empty file that only its owner can read, unless there is one already.

    SQLite gives its own companions (`-wal`, `-shm`) the mode of the database.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise StorageFault(
            f"the database {path} cannot be created: {error.strerror}",
            hint="check the home folder's owner, mode and mount",
        ) from error


def _engine(path: Path, busy_timeout_s: float, *, pool_size: int) -> Engine:
    return create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": busy_timeout_s},
    )


def _use_own_transactions(engine: Engine, begin: str, settings: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy says when; the driver must not guess
        for setting in settings:
            connection.execute(setting)

    def start(dbapi_connection: PoolProxiedConnection) -> None:
        assert dbapi_connection.driver_connection is not None, "it is open"
        dbapi_connection.driver_connection.execute(begin)

    # An engine that has a listener, of "begin" for one, is slower at every statement.
    engine.dialect.do_begin = start  # type: ignore[method-assign]


class Reader:
    """Runs reads in a few threads of their own, so that they never hold up the event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="storage-reader")

    async def read(self, query: Callable[[Connection], T]) -> T:
        """The answer of `query`, from one consistent state of the database."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_now, query)

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """The same, in the calling thread; for start-up and tools."""
        return read_with(self._engine, query)

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        self._engine.dispose()


def read_with(engine: Engine, query: Callable[[Connection], T]) -> T:
    """The answer of `query` on a connection of its own; StorageFault when there is none."""
    try:
        with engine.connect() as connection, connection.begin():
            return query(connection)
    except exc.SQLAlchemyError as error:
        raise storage_fault(error) from error
