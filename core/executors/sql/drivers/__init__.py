"""One file for each kind of database: how it is entered, asked, limited and interrupted, and what
its errors mean. A library is imported when the first statement goes to its kind of database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.domain.run import TargetCode
from core.domain.statements import Database
from core.errors import TargetError
from core.executors.sql.drivers.base import Driver


def driver_of(database: Database) -> type[Driver]:
    """What speaks to this kind of database. Imports its library: for a thread.

    TargetError where that is an extra that is not installed.
    """
    match database:
        case Database.POSTGRESQL:
            from core.executors.sql.drivers.postgresql import PostgreSql

            return PostgreSql
        case Database.MYSQL:
            from core.executors.sql.drivers.mysql import MySql

            return MySql
        case Database.SQLITE:
            from core.executors.sql.drivers.sqlite import Sqlite

            return Sqlite
        case Database.MSSQL:
            with _of_extra("SQL Server", "mssql"):
                from core.executors.sql.drivers.mssql import MsSql

            return MsSql
        case Database.ORACLE:
            with _of_extra("Oracle", "oracle"):
                from core.executors.sql.drivers.oracle import Oracle

            return Oracle


@contextmanager
def _of_extra(name: str, extra: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise TargetError(
            TargetCode.INVALID_OPTIONS,
            f"what speaks to {name} is not installed where the engine runs ({error.name} is missing);"
            f" install it with `pip install 'jobdeck[{extra}]'`, and restart the engine",
        ) from error


__all__ = ["driver_of"]
