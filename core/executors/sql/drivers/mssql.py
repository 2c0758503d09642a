"""Microsoft SQL Server and Azure SQL, through pytds (the extra `mssql`)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytds
import sqlalchemy
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.mssql.base import MSDialect

from core.domain.statements import Statement
from core.executors.sql.drivers.base import TimedHere
from core.executors.sql.drivers.tds import Connection, Line, as_pytds_errors
from core.executors.sql.failures import Failure, Kind


class MsSql(TimedHere):
    """SQL Server limits no statement itself, and its request to end one is no thing for another
    thread: where one is stopped or takes too long, the line is broken, and the server takes back
    what was not committed.
    """

    dialect = "mssql+jobdeck"
    place = "%({})s"
    doubled = "%"
    errors = pytds.Error

    _line: Line | None = None
    _authority_file: Path | None = None
    _has_begun = False

    def _open(self) -> Connection:
        entrance = self._entrance
        with as_pytds_errors():
            made = socket.create_connection(
                (entrance.address, entrance.port), entrance.connect_timeout_s
            )
        self._line = line = Line(made, self._monotonic)
        try:
            with as_pytds_errors():
                raw = pytds.connect(
                    dsn=entrance.host,
                    port=entrance.port,
                    database=entrance.db,
                    user=entrance.user,
                    password=entrance.password,
                    login_timeout=entrance.connect_timeout_s,
                    disable_connect_retry=True,
                    appname="jobdeck",
                    autocommit=True,
                    cafile=self._authorities() if entrance.is_encrypted else None,
                    validate_host=True,
                    sock=line,
                )
        except pytds.Error as error:
            line.end()
            is_refusal = isinstance(error.__cause__, pytds.OperationalError)
            raise (error.__cause__ if is_refusal else error) from None
        line.is_entered = True
        return Connection(raw, line)

    def _authorities(self) -> str:
        """The file that pytds reads them from; those of this machine where the step names none."""
        given = self._entrance.ca
        if given is None:
            known = ssl.create_default_context().get_ca_certs(binary_form=True)
            if not known:
                raise pytds.InterfaceError("this machine names no authorities; give `ca`")
            given = "".join(map(ssl.DER_cert_to_PEM_cert, known))
        with NamedTemporaryFile("w", prefix="jobdeck-ca-", suffix=".pem", delete=False) as file:
            file.write(given)
        self._authority_file = Path(file.name)
        return file.name

    def close(self) -> None:
        if self._authority_file is not None:
            self._authority_file.unlink(missing_ok=True)

    def begin(self, connection: sqlalchemy.Connection, statements: Sequence[Statement]) -> None:
        # Without this, some errors end a statement and leave what is behind it in its batch to run.
        connection.exec_driver_sql("SET XACT_ABORT ON")
        connection.exec_driver_sql("BEGIN TRANSACTION")
        self._has_begun = True

    @property
    def in_transaction(self) -> bool:
        return bool(self._raw.in_transaction)

    def hear(self, listener: Callable[[str], None]) -> None:
        self._raw.heard = listener

    def _end_at(self, ends_s: float) -> None:
        if self._line is not None:
            self._line.ends_s = ends_s

    def failure(self, error: pytds.Error, statement: Statement | None) -> Failure:
        found = _understood(error)
        if statement is None and found.kind is Kind.LOST:
            return Failure(Kind.UNREACHABLE, found.words)
        if self._line is not None and self._line.is_overdue:
            # Of a statement that is no part of a transaction nobody has heard how it ended.
            kind = Kind.INTERRUPTED if self._has_begun else Kind.LOST
            return Failure(kind, f"no end within {self._limit_s:g} s (`statement_timeout_s`)")
        return found

    def interrupt(self) -> None:
        self.sever()

    def sever(self) -> None:
        if self._line is not None:
            self._line.sever()


class Dialect(MSDialect):
    """SQLAlchemy's SQL Server over pytds. It asks the server nothing by itself."""

    driver = "jobdeck"
    supports_statement_cache = True
    default_paramstyle = "pyformat"

    @classmethod
    def import_dbapi(cls) -> Any:
        return pytds

    def initialize(self, connection: sqlalchemy.Connection) -> None:
        self.default_isolation_level = "AUTOCOMMIT"

    def get_isolation_level_values(self, dbapi_conn: Any) -> Sequence[Any]:
        return ["AUTOCOMMIT"]

    def set_isolation_level(self, dbapi_connection: Any, level: str) -> None:
        dbapi_connection.autocommit = True

    def is_disconnect(self, e: Exception, connection: Any, cursor: Any) -> bool:
        return isinstance(e, pytds.InterfaceError)


registry.register("mssql.jobdeck", __name__, "Dialect")

_OF_NUMBER: Mapping[int, Kind] = {
    **dict.fromkeys((18452, 18456, 18470, 18486, 18487, 18488), Kind.AUTHENTICATION),
    **dict.fromkeys((10928, 10929, 17142, 17809, 18401, 40501, 40613), Kind.BUSY),
    **dict.fromkeys((911, 4060, 4064), Kind.NO_DATABASE),
    **dict.fromkeys((229, 230, 262, 297, 300, 916), Kind.DENIED),
    **dict.fromkeys((2601, 2627), Kind.DUPLICATE),
    **dict.fromkeys((1205, 1222, 3960, 41302, 41305, 41325, 41839), Kind.CONFLICT),
    **dict.fromkeys((596, 6005), Kind.LOST),
}
"""Number of the server's message."""


def _understood(error: pytds.Error) -> Failure:
    # pytds puts all that the server said before into the error's own words.
    words = getattr(error, "text", "") or str(error.args[0] if error.args else type(error).__name__)
    number = getattr(error, "number", 0)
    if not number:
        is_lost = isinstance(error, pytds.InterfaceError) or type(error) is pytds.Error
        return Failure(Kind.LOST if is_lost else Kind.REFUSED, words)
    return Failure(_OF_NUMBER.get(number, Kind.REFUSED), f"{words} (error {number})")
