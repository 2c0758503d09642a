"""PostgreSQL, through psycopg and libpq."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, ClassVar

import psycopg
import sqlalchemy
from psycopg.pq import TransactionStatus

from core.domain.statements import Statement
from core.executors.sql.drivers.base import BATCH_ROWS, Answer, Driver, Values
from core.executors.sql.failures import Failure, Kind

_CANCEL_TIMEOUT_S = 3


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
        fetch = f"FETCH FORWARD {BATCH_ROWS} FROM jobdeck_rows"
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
            return _at_entrance(error)
        found = _understood(error)
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
                self._raw.cancel_safe(timeout=_CANCEL_TIMEOUT_S)

    def sever(self) -> None:
        if self._raw is not None:
            with suppress(psycopg.Error, OSError):
                _shut(self._raw.pgconn.socket)


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

_AT_ENTRANCE = (
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


def _understood(error: psycopg.Error) -> Failure:
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


def _at_entrance(error: psycopg.Error) -> Failure:
    if error.sqlstate is not None:
        return _understood(error)
    lines = [line for line in str(error).splitlines() if " failed: " in line]
    words = (lines[-1] if lines else _last_line(error)).rpartition(" failed: ")[2]
    words = words.strip().removeprefix("FATAL:  ")
    for text, kind in _AT_ENTRANCE:
        if text in words:
            return Failure(kind, words)
    return Failure(Kind.UNREACHABLE, words)


def _last_line(error: Exception) -> str:
    """libpq writes a paragraph for each address and method that it has tried."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__


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
