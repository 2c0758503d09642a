"""Opening the SQLite file: its settings, and the reading side.

The only place that knows the dialect's settings. WAL lets readers go on
beside the writer; `synchronous=FULL` makes a commit survive a power cut
(NORMAL may lose the last commits, see sqlite.org/pragma.html).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.pool import QueuePool

from core.storage.writer import storage_fault

T = TypeVar("T")

READERS = 4


def open_writing(path: Path) -> Engine:
    """An engine whose transactions take the write lock at once."""
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=2,
        connect_args={"check_same_thread": False, "timeout": 10},
    )
    _use_own_transactions(engine, "BEGIN IMMEDIATE", read_only=False)
    return engine


def open_reading(path: Path) -> Engine:
    """An engine that cannot write; each transaction sees one state of the database."""
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=READERS,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": 10},
    )
    _use_own_transactions(engine, "BEGIN", read_only=True)
    return engine


def _use_own_transactions(engine: Engine, begin: str, *, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy says when; the driver must not guess
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA busy_timeout = 10000")
        cursor.execute("PRAGMA cache_size = -16000")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


class Reader:
    """Runs reads in a few threads of their own, so that they never hold up the event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="storage-reader")

    async def read(self, query: Callable[[Connection], T]) -> T:
        """The answer of `query`, from one consistent state of the database."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self.read_now, query
        )

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """The same, in the calling thread; for start-up and tools."""
        try:
            with self._engine.connect() as connection, connection.begin():
                return query(connection)
        except exc.SQLAlchemyError as error:
            raise storage_fault(error) from error

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        self._engine.dispose()
