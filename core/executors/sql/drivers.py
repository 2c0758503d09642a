"""The three kinds of databases: how each is entered, asked, limited and interrupted.

A driver belongs to one attempt. Everything but `interrupt` and `sever` is called in the
attempt's own thread.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, ClassVar
from urllib.parse import quote

import psycopg
import pymysql
import sqlalchemy
from psycopg.pq import TransactionStatus
from pymysql.constants import SERVER_STATUS
from sqlalchemy.pool import NullPool

from core.domain.statements import Database, Statement
from core.executors.sql import failures
from core.executors.sql.failures import Failure

_BATCH_ROWS = 500
_HELPER_TIMEOUT_S = 3
_SQLITE_LOCK_S = 5.0
_SQLITE_STEPS = 10_000
"""Of SQLite's machine, between two looks at the clock: under a millisecond."""

_IN_THE_CLEAR = ("dialog", "mysql_clear_password")
"""Ways to log in to MySQL by which the password itself travels."""

Values = Mapping[str, str | bool | int | float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Where a database is, and who enters. `db` is a path for SQLite."""

    host: str = ""
    """As it was written: certificates are checked against it."""
    address: str = ""
    """What it was resolved to: connected to."""
    port: int = 0
    db: str
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = True
    ca: str | None = None
    connect_timeout_s: float = 20.0

    @property
    def is_remote(self) -> bool:
        return not ip_address(self.address.partition("%")[0]).is_loopback

    @property
    def is_encrypted(self) -> bool:
        return self.tls and (self.is_remote or self.ca is not None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement brought."""

    columns: tuple[str, ...] | None
    """None: it brings no rows."""
    batches: Iterator[Sequence[Sequence[Any]]]
    affected: Callable[[], int]
    """Rows that the database says it touched, once all batches were taken; less than 0: no word."""


class Driver(ABC):
    """One kind of database, for one attempt."""

    dialect: ClassVar[str]
    place: ClassVar[str]
    """How the driver wants a place for a value."""
    doubled: ClassVar[str] = ""
    errors: ClassVar[type[Exception]]

    def __init__(self, entrance: Entrance, monotonic: Callable[[], float]) -> None:
        self._entrance = entrance
        self._monotonic = monotonic
        self._raw: Any = None

    def connect(self) -> sqlalchemy.Connection:
        """An open connection that begins transactions only when it is told to."""
        engine = sqlalchemy.create_engine(
            f"{self.dialect}://",
            creator=self._enter,
            poolclass=NullPool,
            hide_parameters=True,
            **self._engine_options(),
        )
        return engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _enter(self) -> Any:
        self._raw = self._open()
        return self._raw

    def run(
        self, connection: sqlalchemy.Connection, statement: Statement, values: Values
    ) -> Answer:
        """Send one statement; its values travel beside it."""
        options = {"stream_results": True} if self._streams(statement) else {}
        result = connection.exec_driver_sql(
            statement.written(self.place, doubled=self.doubled),
            {place.name: values[place.name] for place in statement.places},
            execution_options=options,
        )
        if not result.returns_rows:
            return Answer(None, iter(()), lambda: result.rowcount)
        return Answer(tuple(result.keys()), result.partitions(_BATCH_ROWS), lambda: result.rowcount)

    def _engine_options(self) -> Mapping[str, Any]:
        return {}

    def _streams(self, statement: Statement) -> bool:
        """Whether its rows are asked for piece by piece, by a way of the driver's own."""
        return False

    @abstractmethod
    def _open(self) -> Any: ...

    @abstractmethod
    def failure(self, error: Any, statement: Statement | None) -> Failure:
        """What an error of the driver means; `statement`: what was sent, None at the entrance."""

    def begin(self, connection: sqlalchemy.Connection, statements: Sequence[Statement]) -> None:
        """Begin the transaction that these are to run in."""
        connection.exec_driver_sql("BEGIN")

    @property
    @abstractmethod
    def in_transaction(self) -> bool: ...

    def take_back(self, connection: sqlalchemy.Connection) -> None:
        """Let nothing of an open transaction take effect."""
        if self.in_transaction:
            connection.exec_driver_sql("ROLLBACK")

    @abstractmethod
    def limit(self, connection: sqlalchemy.Connection, seconds: float) -> None:
        """Let the database end each statement that takes longer."""

    def hear(self, listener: Callable[[str], None]) -> None:
        """Tell `listener` what the database says aside, where it does."""
        return

    @abstractmethod
    def interrupt(self) -> None:
        """Ask the database to end what runs; from any thread."""

    def sever(self) -> None:
        """Break the connection under a thread that waits for it, where there is a line to break;
        from any thread.
        """
        return

    def close(self) -> None:
        """Nobody will ask for anything more."""
        return


class PostgreSql(Driver):
    """Through psycopg and libpq."""

    dialect = "postgresql+psycopg"
    place = "%({})s"
    doubled = "%"
    errors = psycopg.Error

    _DECLARE: ClassVar[str] = "DECLARE jobdeck_rows NO SCROLL CURSOR FOR "
    _authority_file: Path | None = None

    def _engine_options(self) -> Mapping[str, Any]:
        return {"use_native_hstore": False}

    def _open(self) -> psycopg.Connection[Any]:
        entrance = self._entrance
        return psycopg.connect(
            host=entrance.host,
            hostaddr=entrance.address,
            port=entrance.port,
            dbname=entrance.db,
            user=entrance.user,
            password=entrance.password,
            connect_timeout=max(2, int(entrance.connect_timeout_s)),
            application_name="jobdeck",
            autocommit=True,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            **self._encryption(),
            # Nothing of the engine's user: no password file, no key, no settings.
            passfile=f"{os.devnull}/none",
            options="",
            gssencmode="disable",
            sslcertmode="disable",
        )

    def _encryption(self) -> dict[str, Any]:
        entrance = self._entrance
        if entrance.is_encrypted:
            return {"sslmode": "verify-full", "sslrootcert": self._authorities()}
        if entrance.is_remote:
            return {"sslmode": "disable", "require_auth": "!password"}
        return {"sslmode": "prefer"}

    def _authorities(self) -> str:
        """What libpq calls a root certificate. It reads files only, again for each cancel."""
        if self._entrance.ca is None:
            return "system"
        with NamedTemporaryFile("w", prefix="jobdeck-ca-", suffix=".pem", delete=False) as file:
            file.write(self._entrance.ca)
        self._authority_file = Path(file.name)
        return file.name

    def close(self) -> None:
        if self._authority_file is not None:
            self._authority_file.unlink(missing_ok=True)

    def run(
        self, connection: sqlalchemy.Connection, statement: Statement, values: Values
    ) -> Answer:
        if not self._streams(statement):
            return super().run(connection, statement, values)
        # libpq would hold a whole result in memory; a cursor brings it piece by piece.
        connection.exec_driver_sql(
            self._DECLARE + statement.written(self.place, doubled=self.doubled),
            {place.name: values[place.name] for place in statement.places},
        )
        fetch = f"FETCH FORWARD {_BATCH_ROWS} FROM jobdeck_rows"
        first = connection.exec_driver_sql(fetch)

        def batches() -> Iterator[Sequence[Sequence[Any]]]:
            rows = first.all()
            while rows:
                yield rows
                rows = connection.exec_driver_sql(fetch).all()
            connection.exec_driver_sql("CLOSE jobdeck_rows")

        return Answer(tuple(first.keys()), batches(), lambda: -1)

    def _streams(self, statement: Statement) -> bool:
        return statement.only_reads and self.in_transaction

    def failure(self, error: psycopg.Error, statement: Statement | None) -> Failure:
        if statement is None:
            return failures.at_postgresql_entrance(error)
        found = failures.of_postgresql(error)
        if found.position is None:
            return found
        sent = found.position - (len(self._DECLARE) if self._streams(statement) else 0)
        return Failure(found.kind, found.words, _position(statement, sent))

    @property
    def in_transaction(self) -> bool:
        return self._raw.info.transaction_status not in (
            TransactionStatus.IDLE,
            TransactionStatus.UNKNOWN,
        )

    def limit(self, connection: sqlalchemy.Connection, seconds: float) -> None:
        connection.exec_driver_sql(f"SET statement_timeout = {max(1, int(seconds * 1000))}")

    def hear(self, listener: Callable[[str], None]) -> None:
        self._raw.add_notice_handler(
            lambda said: listener(f"{said.severity}:  {said.message_primary}")
        )

    def interrupt(self) -> None:
        if self._raw is not None:
            with suppress(psycopg.Error):
                self._raw.cancel_safe(timeout=_HELPER_TIMEOUT_S)

    def sever(self) -> None:
        if self._raw is not None:
            with suppress(psycopg.Error, OSError):
                _shut(self._raw.pgconn.socket)


class MySql(Driver):
    """Through PyMySQL; MariaDB too. It quotes values itself, in its own way to the server."""

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
        found = failures.of_mysql(error)
        if statement is None and found.kind is failures.Kind.LOST:
            return Failure(failures.Kind.UNREACHABLE, found.words)
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


class Sqlite(Driver):
    """A file on the engine's machine; it is not made where there is none."""

    dialect = "sqlite"
    place = ":{}"
    errors = sqlite3.Error

    _limit_s: float | None = None

    def _open(self) -> sqlite3.Connection:
        uri = f"file:{quote(str(Path(self._entrance.db).absolute()))}?mode=rw"
        return sqlite3.connect(
            uri, uri=True, timeout=_SQLITE_LOCK_S, isolation_level=None, check_same_thread=False
        )

    def failure(self, error: sqlite3.Error, statement: Statement | None) -> Failure:
        return failures.of_sqlite(error)

    def begin(self, connection: sqlalchemy.Connection, statements: Sequence[Statement]) -> None:
        # Who begins with a look and then writes may find the file changed in between.
        reads = all(statement.only_reads for statement in statements)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    @property
    def in_transaction(self) -> bool:
        return bool(self._raw.in_transaction)

    def limit(self, connection: sqlalchemy.Connection, seconds: float) -> None:
        self._limit_s = seconds

    def run(
        self, connection: sqlalchemy.Connection, statement: Statement, values: Values
    ) -> Answer:
        if (limit_s := self._limit_s) is not None:
            ends_s = self._monotonic() + limit_s
            self._raw.set_progress_handler(lambda: self._monotonic() > ends_s, _SQLITE_STEPS)
        return super().run(connection, statement, values)

    def interrupt(self) -> None:
        if self._raw is not None:
            with suppress(sqlite3.Error):
                self._raw.interrupt()


DRIVERS: Mapping[Database, type[Driver]] = {
    Database.POSTGRESQL: PostgreSql,
    Database.MYSQL: MySql,
    Database.SQLITE: Sqlite,
}


class _TellsNoPassword:
    """In the place of a way to log in that would tell the password to whoever answers."""

    def __init__(self, connection: Any) -> None:
        pass

    def authenticate(self, packet: Any) -> Any:
        raise pymysql.OperationalError(
            1251, "the server asks for the password in the clear, and the line is not encrypted"
        )


def _shut(descriptor: int) -> None:
    """End a connection whose owner sits in another thread; the owner closes it."""
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        copy.shutdown(socket.SHUT_RDWR)


def _position(statement: Statement, sent: int) -> int:
    """Where a character of the text as libpq sent it, with $1 for the first place, was written."""
    numbers: dict[str, int] = {}
    shift = 0
    for place in statement.places:
        if sent + shift <= place.at:
            break
        number = numbers.setdefault(place.name, len(numbers) + 1)
        shift += len(f":{place.name}") - len(f"${number}")
    return sent + shift
