"""What each kind of database is asked for, and what is the same for all of them.

A driver belongs to one attempt. Everything but `interrupt` and `sever` is called in the
attempt's own thread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, ClassVar

import sqlalchemy
from sqlalchemy.pool import NullPool

from core.domain.statements import Statement
from core.executors.sql.failures import Failure

BATCH_ROWS = 500

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
    def where(self) -> str:
        """For messages: the server that was asked, or the file."""
        return f"{self.address} port {self.port}" if self.address else self.db

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

    @property
    def where(self) -> str:
        """For messages: the server that it asks, or the file."""
        return self._entrance.where

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
        return Answer(tuple(result.keys()), result.partitions(BATCH_ROWS), lambda: result.rowcount)

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


class TimedHere(Driver):
    """A driver of a database that limits no statement itself: the clock is looked at here."""

    _limit_s: float | None = None

    def limit(self, connection: sqlalchemy.Connection, seconds: float) -> None:
        self._limit_s = seconds

    def run(
        self, connection: sqlalchemy.Connection, statement: Statement, values: Values
    ) -> Answer:
        if self._limit_s is not None:
            self._end_at(self._monotonic() + self._limit_s)
        return super().run(connection, statement, values)

    @abstractmethod
    def _end_at(self, ends_s: float) -> None:
        """Let what is sent next end at this moment of the clock, when it has not by then."""
