"""SQLite: a file on the engine's machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import sqlalchemy

from core.domain.statements import Statement
from core.executors.sql.drivers.base import TimedHere
from core.executors.sql.failures import Failure, Kind

_LOCK_S = 5.0
_STEPS = 10_000
"""Of SQLite's machine, between two looks at the clock: under a millisecond."""


class Sqlite(TimedHere):
    """The file is not made where there is none."""

    dialect = "sqlite"
    place = ":{}"
    errors = sqlite3.Error

    def _open(self) -> sqlite3.Connection:
        uri = f"file:{quote(str(Path(self._entrance.db).absolute()))}?mode=rw"
        return sqlite3.connect(
            uri, uri=True, timeout=_LOCK_S, isolation_level=None, check_same_thread=False
        )

    def failure(self, error: sqlite3.Error, statement: Statement | None) -> Failure:
        return _understood(error)

    def begin(self, connection: sqlalchemy.Connection, statements: Sequence[Statement]) -> None:
        # Who begins with a look and then writes may find the file changed in between.
        reads = all(statement.only_reads for statement in statements)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    @property
    def in_transaction(self) -> bool:
        return bool(self._raw.in_transaction)

    def _end_at(self, ends_s: float) -> None:
        self._raw.set_progress_handler(lambda: self._monotonic() > ends_s, _STEPS)

    def interrupt(self) -> None:
        if self._raw is not None:
            with suppress(sqlite3.Error):
                self._raw.interrupt()


_OF_CODE: Mapping[int, Kind] = {
    sqlite3.SQLITE_PERM: Kind.DENIED,
    sqlite3.SQLITE_BUSY: Kind.CONFLICT,
    sqlite3.SQLITE_LOCKED: Kind.CONFLICT,
    sqlite3.SQLITE_READONLY: Kind.DENIED,
    sqlite3.SQLITE_INTERRUPT: Kind.INTERRUPTED,
    sqlite3.SQLITE_CANTOPEN: Kind.NO_DATABASE,
    sqlite3.SQLITE_NOTADB: Kind.NO_DATABASE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: Kind.DUPLICATE,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: Kind.DUPLICATE,
}
"""Extended result code, or its lowest byte, the primary one."""


def _understood(error: sqlite3.Error) -> Failure:
    code = getattr(error, "sqlite_errorcode", 0)
    kind = _OF_CODE.get(code) or _OF_CODE.get(code & 0xFF, Kind.REFUSED)
    return Failure(kind, str(error))
