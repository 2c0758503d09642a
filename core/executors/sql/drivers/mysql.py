"""MySQL and MariaDB, through PyMySQL."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pymysql
import sqlalchemy
from pymysql.constants import SERVER_STATUS

from core.domain.statements import Statement
from core.executors.sql.drivers.base import Driver
from core.executors.sql.failures import Failure, Kind

_IN_THE_CLEAR = ("dialog", "mysql_clear_password")
"""Ways to log in by which the password itself travels."""


class MySql(Driver):
    """MariaDB too. PyMySQL quotes values itself, in its own way to the server."""

    dialect = "mysql+pymysql"
    place = "%({})s"
    doubled = "%"
    errors = pymysql.Error

    def _open(self) -> pymysql.Connection[Any]:
        entrance = self._entrance
        context = ssl.create_default_context(cadata=entrance.ca) if entrance.is_encrypted else None
        may_tell = entrance.is_encrypted or not entrance.is_remote
        connection: pymysql.Connection[Any] = pymysql.connect(
            host=entrance.host,
            port=entrance.port,
            user=entrance.user,
            password=entrance.password,
            database=entrance.db,
            charset="utf8mb4",
            connect_timeout=entrance.connect_timeout_s,
            autocommit=True,
            ssl=context,
            ssl_disabled=context is None,
            auth_plugin_map={} if may_tell else dict.fromkeys(_IN_THE_CLEAR, _TellsNoPassword),
            defer_connect=True,
        )
        connection.connect(self._socket())
        return connection

    def _socket(self) -> socket.socket:
        entrance = self._entrance
        try:
            made = socket.create_connection(
                (entrance.address, entrance.port), entrance.connect_timeout_s
            )
        except OSError as error:
            raise pymysql.OperationalError(2003, error.strerror or str(error)) from error
        made.settimeout(None)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return made

    def _streams(self, statement: Statement) -> bool:
        return statement.only_reads

    def failure(self, error: pymysql.Error, statement: Statement | None) -> Failure:
        found = _understood(error)
        if statement is None and found.kind is Kind.LOST:
            return Failure(Kind.UNREACHABLE, found.words)
        return found

    def take_back(self, connection: sqlalchemy.Connection) -> None:
        rows = self._raw._result
        if rows is None or not rows.unbuffered_active:
            super().take_back(connection)
            return
        # PyMySQL would take in all rows that are left before it sends anything: the line is given up,
        # and with it the transaction.
        rows.unbuffered_active = False
        self.sever()
        connection.invalidate()

    @property
    def in_transaction(self) -> bool:
        return bool(self._raw.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

    def limit(self, connection: sqlalchemy.Connection, seconds: float) -> None:
        if "MariaDB" in self._raw.server_version:
            connection.exec_driver_sql(f"SET SESSION max_statement_time = {seconds:.3f}")
        else:  # MySQL limits what reads, and nothing else
            connection.exec_driver_sql(
                f"SET SESSION max_execution_time = {max(1, int(seconds * 1000))}"
            )

    def interrupt(self) -> None:
        if self._raw is None:
            return
        with suppress(pymysql.Error, OSError), self._open() as other, other.cursor() as cursor:
            cursor.execute(f"KILL QUERY {int(self._raw.thread_id())}")

    def sever(self) -> None:
        with suppress(OSError, AttributeError):
            self._raw._sock.shutdown(socket.SHUT_RDWR)


class _TellsNoPassword:
    """In the place of a way to log in that would tell the password to whoever answers."""

    def __init__(self, connection: Any) -> None:
        pass

    def authenticate(self, packet: Any) -> Any:
        raise pymysql.OperationalError(
            1251, "the server asks for the password in the clear, and the line is not encrypted"
        )


_OF_NUMBER: Mapping[int, Kind] = {
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


def _understood(error: pymysql.Error) -> Failure:
    number, *rest = error.args or (None,)
    words = str(rest[0]) if rest else str(error)
    if not isinstance(number, int):
        return Failure(
            Kind.LOST if isinstance(error, pymysql.InterfaceError) else Kind.REFUSED, words
        )
    return Failure(_OF_NUMBER.get(number, Kind.REFUSED), f"{words or 'it broke'} (error {number})")
