"""What a database's or a driver's error means: one table for each kind of database."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

import psycopg
import pymysql

from core.domain.run import TargetCode


class Kind(Enum):
    """What follows from a failure."""

    AUTHENTICATION = auto()
    UNREACHABLE = auto()
    BUSY = auto()
    """The server takes no further connection now."""
    NO_DATABASE = auto()
    DENIED = auto()
    """The account may not do this."""
    DUPLICATE = auto()
    """A row with this key exists."""
    REFUSED = auto()
    """Any other no to a statement."""
    CONFLICT = auto()
    """Deadlock, serialization, a lock that was not given: the same may go well the next time."""
    INTERRUPTED = auto()
    """The statement was ended by us, by its time limit, or by somebody at the database."""
    LOST = auto()
    """The connection broke."""


CODE_OF: Mapping[Kind, TargetCode] = {
    Kind.AUTHENTICATION: TargetCode.AUTHENTICATION_FAILURE,
    Kind.UNREACHABLE: TargetCode.CONNECTION_FAILURE,
    Kind.BUSY: TargetCode.CONNECTION_FAILURE,
    Kind.NO_DATABASE: TargetCode.INVALID_OPTIONS,
    Kind.DENIED: TargetCode.UNAUTHORIZED,
    Kind.LOST: TargetCode.CONNECTION_LOST,
}
"""Any other: the statement failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One error, understood."""

    kind: Kind
    words: str
    """The database's own, without what was sent."""
    position: int | None = None
    """Where in the text as it was sent, from 0."""


# ---------------------------------------------------------------------- PostgreSQL

_OF_SQLSTATE: Mapping[str, Kind] = {
    "08": Kind.LOST,
    "23505": Kind.DUPLICATE,
    "28": Kind.AUTHENTICATION,
    "3D000": Kind.NO_DATABASE,
    "40001": Kind.CONFLICT,
    "40P01": Kind.CONFLICT,
    "42501": Kind.DENIED,
    "53300": Kind.BUSY,
    "55P03": Kind.CONFLICT,
    "57014": Kind.INTERRUPTED,
    "57P01": Kind.LOST,
    "57P02": Kind.LOST,
    "57P03": Kind.BUSY,
}
"""SQLSTATE, or its class."""

_OF_POSTGRESQL_ENTRANCE = (
    ("password authentication failed", Kind.AUTHENTICATION),
    ("no password supplied", Kind.AUTHENTICATION),
    ("authentication method requirement", Kind.AUTHENTICATION),
    ("authentication failed", Kind.AUTHENTICATION),
    ("no pg_hba.conf entry", Kind.AUTHENTICATION),
    ("role ", Kind.AUTHENTICATION),
    ("database ", Kind.NO_DATABASE),
    ("permission denied", Kind.DENIED),
    ("too many clients", Kind.BUSY),
    ("connection slots", Kind.BUSY),
    ("starting up", Kind.BUSY),
    ("shutting down", Kind.BUSY),
)
"""libpq says why a connection was not made in words only: found in its text -> what it means."""


def of_postgresql(error: psycopg.Error) -> Failure:
    state = error.sqlstate
    if state is None:
        is_lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Failure(Kind.LOST if is_lost else Kind.REFUSED, _last_line(error))
    kind = _OF_SQLSTATE.get(state) or _OF_SQLSTATE.get(state[:2], Kind.REFUSED)
    diag = error.diag
    words = [diag.message_primary or _last_line(error)]
    words += [each for each in (diag.message_detail, diag.message_hint) if each]
    position = int(diag.statement_position) - 1 if diag.statement_position else None
    return Failure(kind, f"{'; '.join(words)} (SQLSTATE {state})", position)


def at_postgresql_entrance(error: psycopg.Error) -> Failure:
    if error.sqlstate is not None:
        return of_postgresql(error)
    lines = [line for line in str(error).splitlines() if " failed: " in line]
    words = (lines[-1] if lines else _last_line(error)).rpartition(" failed: ")[2]
    words = words.strip().removeprefix("FATAL:  ")
    for text, kind in _OF_POSTGRESQL_ENTRANCE:
        if text in words:
            return Failure(kind, words)
    return Failure(Kind.UNREACHABLE, words)


# ---------------------------------------------------------------------- MySQL and MariaDB

_OF_MYSQL: Mapping[int, Kind] = {
    **dict.fromkeys((1044, 1045, 1251, 1275, 1698, 2059), Kind.AUTHENTICATION),
    **dict.fromkeys((1040, 1203), Kind.BUSY),
    1049: Kind.NO_DATABASE,
    **dict.fromkeys((1142, 1143, 1227, 1370), Kind.DENIED),
    1062: Kind.DUPLICATE,
    **dict.fromkeys((1205, 1213, 1020), Kind.CONFLICT),
    **dict.fromkeys((1317, 1969, 3024), Kind.INTERRUPTED),
    **dict.fromkeys((0, 1053, 1080, 1927, 2006, 2013, 2014, 2055), Kind.LOST),
    2003: Kind.UNREACHABLE,
}
"""Number of the server's, or of the client's from 2000 on."""


def of_mysql(error: pymysql.Error) -> Failure:
    number, *rest = error.args or (None,)
    words = str(rest[0]) if rest else str(error)
    if not isinstance(number, int):
        return Failure(
            Kind.LOST if isinstance(error, pymysql.InterfaceError) else Kind.REFUSED, words
        )
    return Failure(_OF_MYSQL.get(number, Kind.REFUSED), f"{words or 'it broke'} (error {number})")


# ---------------------------------------------------------------------- SQLite

_OF_SQLITE: Mapping[int, Kind] = {
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


def of_sqlite(error: sqlite3.Error) -> Failure:
    code = getattr(error, "sqlite_errorcode", 0)
    kind = _OF_SQLITE.get(code) or _OF_SQLITE.get(code & 0xFF, Kind.REFUSED)
    return Failure(kind, str(error))


def _last_line(error: Exception) -> str:
    """libpq writes a paragraph for each address and method that it has tried."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
