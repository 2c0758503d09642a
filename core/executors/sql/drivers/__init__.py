"""One file for each kind of database: how it is entered, asked, limited and interrupted, and what
its errors mean. A library is imported when the first statement goes to its kind of database.
"""

from __future__ import annotations

from core.domain.statements import Database
from core.executors.sql.drivers.base import Driver


def driver_of(database: Database) -> type[Driver]:
    """What speaks to this kind of database. Imports its library: for a thread."""
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


__all__ = ["driver_of"]
