"""One attempt at a script, in a thread of its own: from the first connection to the last try.

    enter -> begin -> ledger row -> statements -> commit
      ^                  |                          |
      |                  +- it is there: nothing to do
      +- again, where nothing took effect, or where a repeat does no harm

Whatever fails, what it says about the effect is certain: nothing took effect, some statements
did (outside of a transaction), or it is not known (a line that broke in the middle of a commit).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from threading import Event, Lock
from typing import Any, NoReturn

import msgspec
import sqlalchemy
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from core.domain.run import TargetCode, TargetState
from core.domain.statements import Database, Statement, whole
from core.domain.tasks import LedgerEntry, SqlScript
from core.errors import TargetError
from core.executors import outcomes
from core.executors.protocol import Outcome, OutputLimitReached, Stream
from core.executors.sql.drivers.base import Answer, Driver
from core.executors.sql.failures import CODE_OF, Failure, Kind
from core.executors.sql.rendering import RENDERERS, Row, plain

_PAUSE_S = 0.5
"""Before the second try; each further one waits twice as long."""
_MOST_AT_ONCE = 64 * 2**20
"""Characters and bytes of the rows that are fetched together: as text they take several times that."""
_AT_ENTRANCE_AGAIN = frozenset({Kind.BUSY, Kind.UNREACHABLE})

Tell = Callable[[Stream, str], None]
"""Hands a piece of output over, and waits until there is room for the next."""


class Stopped(Exception):
    """It was ended because `stop` was called; its words say what took effect."""

    def __init__(self, effect: str, *, is_certain: bool) -> None:
        super().__init__(effect)
        self.is_certain = is_certain


class _Ended(Exception):
    """The try is over. `again`: another may follow."""

    def __init__(self, outcome: Outcome, *, again: bool = False) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome
        self.again = again


class Attempt:
    """`run` is called once, in a thread; `stop`, `interrupt` and `sever` from others."""

    def __init__(
        self, attempt_id: str, host: str, script: SqlScript, drivers: Sequence[Driver], tell: Tell
    ) -> None:
        """`drivers`: one for each address of the server."""
        self._id = attempt_id
        self._host = host
        self._script = script
        self._statements = [whole(text, Database(script.database)) for text in script.statements]
        self._drivers = drivers
        self._tell = tell
        self._lock = Lock()
        self._stopping = Event()
        self._has_begun = False
        self._driver: Driver | None = None
        self._number = 0
        """Of the statement that runs, from 1."""
        self._done = 0
        """Statements that the database has carried out; rows of the last may still come."""
        self._is_committing = False
        self._is_in_doubt = False
        """A commit was lost, and no later try has found out what became of it."""
        self._rows = 0
        self._affected = 0
        self._first: dict[str, Any] | None = None
        """The first row of the last statement that brought rows."""

    # ------------------------------------------------------------------ called from other threads

    def stop(self) -> bool:
        """Let nothing more begin; whether anything has."""
        with self._lock:
            self._stopping.set()
            return self._has_begun

    def interrupt(self) -> None:
        """Ask the database to end what runs."""
        if (driver := self._driver) is not None:
            driver.interrupt()

    def sever(self) -> None:
        """Break the connection."""
        if (driver := self._driver) is not None:
            driver.sever()

    # ------------------------------------------------------------------ called in the thread

    def run(self) -> Outcome:
        """The outcome; Stopped where it was stopped."""
        pause_s = _PAUSE_S
        for left in reversed(range(self._script.tries)):
            try:
                return self._try()
            except _Ended as end:
                if not end.again or left == 0:
                    return self._judged(end.outcome)
                self._note(f"{end.outcome.message}; trying again in {pause_s:g} s")
            if self._stopping.wait(pause_s):
                self._raise_stopped()
            pause_s *= 2
        raise AssertionError("there is at least one try")

    def _try(self) -> Outcome:
        driver, connection = self._enter()
        self._rows = self._affected = self._number = self._done = 0
        self._first, self._is_committing = None, False
        try:
            with self._lock:
                if self._stopping.is_set():
                    self._raise_stopped()
                self._has_begun = True
                self._driver = driver
            return self._work(driver, connection)
        except OutputLimitReached:
            raise _Ended(outcomes.printed_too_much(self._effect())) from None
        except DBAPIError as error:
            self._fail(driver.failure(error.orig, self._statement))
        finally:
            # Of a connection that is lost, SQLAlchemy itself says that there is nothing to take back.
            with suppress(SQLAlchemyError):
                driver.take_back(connection)
            self._driver = None
            with suppress(SQLAlchemyError):
                connection.close()
            driver.close()

    def _enter(self) -> tuple[Driver, sqlalchemy.Connection]:
        failure: Failure | None = None
        where = ""
        for driver in self._drivers:
            try:
                return driver, driver.connect()
            except DBAPIError as error:
                driver.close()
                failure = driver.failure(error.orig, None)
                where = driver.where
                if failure.kind is not Kind.UNREACHABLE:
                    break
        assert failure is not None, "there is at least one address"
        raise _Ended(
            outcomes.refused(
                TargetError(
                    CODE_OF.get(failure.kind, TargetCode.CONNECTION_FAILURE),
                    f"{self._host}: no way into the database: {failure.words} ({where})",
                )
            ),
            again=failure.kind in _AT_ENTRANCE_AGAIN,
        )

    def _work(self, driver: Driver, connection: sqlalchemy.Connection) -> Outcome:
        script = self._script
        driver.hear(lambda said: self._tell(Stream.ERR, f"{said}\n"))
        if script.statement_timeout_s is not None:
            driver.limit(connection, script.statement_timeout_s)
        if script.transaction:
            driver.begin(connection, self._statements)
        if script.ledger is not None and not self._sign(driver, connection, script.ledger):
            self._note("it had taken effect already, in this run; nothing was done")
            return Outcome(state=TargetState.SUCCESS)
        for number, statement in enumerate(self._statements, 1):
            if self._stopping.is_set():
                self._raise_stopped()
            self._number = number
            answer = driver.run(connection, statement, script.values)
            self._done = number
            self._take(statement, answer)
            if script.transaction and not driver.in_transaction:
                self._refuse(
                    f"statement {number} ended the transaction by itself",
                    effect="all up to it took effect",
                )
        outputs = self._captured()
        if script.transaction:
            self._is_committing = True
            connection.exec_driver_sql("COMMIT")
        return Outcome(state=TargetState.SUCCESS, outputs_file=outputs)

    def _sign(self, driver: Driver, connection: sqlalchemy.Connection, entry: LedgerEntry) -> bool:
        """Put the row of this step into the ledger; False where it is there.

        Another transaction that has just put it there is waited for.
        """
        text = (
            f"INSERT INTO {entry.table} (run, step, target, attempt, at)"  # noqa: S608 - a checked name
            " VALUES (:run, :step, :target, :attempt, CURRENT_TIMESTAMP)"
        )
        row = {name: getattr(entry, name) for name in ("run", "step", "target")}
        statement = whole(text, Database(self._script.database))
        try:
            driver.run(connection, statement, {**row, "attempt": self._id})
        except DBAPIError as error:
            failure = driver.failure(error.orig, statement)
            if failure.kind is Kind.DUPLICATE:
                return False
            if failure.kind is not Kind.REFUSED:
                raise
            self._refuse(
                f"{entry.table} cannot be used as a ledger: {failure.words}"
                " (`jobdeck help sql` shows the table)"
            )
        self._is_in_doubt = False
        return True

    def _take(self, statement: Statement, answer: Answer) -> None:
        """Show what a statement brought, and hold it against the limits."""
        before = self._rows
        if answer.columns is not None:
            self._first = {}
            render = RENDERERS[self._script.result]
            for text in render(answer.columns, self._counted(answer)):
                self._tell(Stream.OUT, text)
        rows = self._rows - before
        affected = max(answer.affected(), rows, 0) if statement.changes else 0
        self._affected += affected
        most = self._script.max_affected
        if most is not None and self._affected > most:
            self._refuse(f"{self._affected:,} rows would change, and `max_affected` is {most:,}")
        said = f"rows changed: {affected:,}" if statement.changes else f"rows: {rows:,}"
        self._note(f"statement {self._number}: {said}")

    def _counted(self, answer: Answer) -> Iterator[Sequence[Row]]:
        columns, most = answer.columns, self._script.max_rows
        assert columns is not None
        for batch in answer.batches:
            if not self._first and batch:
                self._first = dict(zip(columns, batch[0], strict=True))
            if _size(batch) > _MOST_AT_ONCE:
                self._refuse(
                    f"more than {_MOST_AT_ONCE >> 20} MiB in a few rows (select less of them)"
                )
            self._rows += len(batch)
            if (over := self._rows - most) > 0:
                if rest := batch[:-over]:
                    yield rest
                self._refuse(f"there are more than {most:,} rows (`max_rows`)")
            yield batch

    def _captured(self) -> bytes | None:
        if not self._script.capture:
            return None
        row = self._first or {}
        missing = [column for column in self._script.capture.values() if column not in row]
        if missing:
            why = "there is no row" if not row else f"no column {missing[0]}"
            self._refuse(f"nothing to capture: {why}", code=TargetCode.INVALID_OUTPUTS)
        values = {name: plain(row[column]) for name, column in self._script.capture.items()}
        return json.dumps(values).encode()

    # ------------------------------------------------------------------ how it ends otherwise

    @property
    def _statement(self) -> Statement | None:
        return self._statements[self._number - 1] if self._number else _NONE

    def _fail(self, failure: Failure) -> NoReturn:
        """What follows from an error of the database's."""
        if self._stopping.is_set() and failure.kind in (Kind.INTERRUPTED, Kind.LOST):
            self._raise_stopped(is_lost=failure.kind is Kind.LOST)
        match failure.kind:
            case Kind.LOST:
                self._fail_lost(failure)
            case Kind.INTERRUPTED if (limit_s := self._script.statement_timeout_s) is not None:
                message = f"it took longer than {limit_s:g} s (`statement_timeout_s`)"
                state, code = TargetState.TIMED_OUT, TargetCode.COMMAND_TIMEOUT
            case kind:
                message = failure.words
                state, code = TargetState.FAILED, CODE_OF.get(kind, TargetCode.STATEMENT_FAILED)
        place = self._place(failure.position)
        raise _Ended(
            Outcome(state=state, code=code, message=f"{place}{message}; {self._effect()}"),
            again=failure.kind is Kind.CONFLICT and self._script.transaction,
        )

    def _fail_lost(self, failure: Failure) -> NoReturn:
        lost = f"{self._host}: the connection to the database was lost: {failure.words}"
        if self._script.transaction and not self._is_committing:
            error = TargetError(TargetCode.CONNECTION_LOST, f"{lost}; {self._effect()}")
            raise _Ended(outcomes.refused(error), again=True)
        self._is_in_doubt = True
        doubt = "in the middle of its commit" if self._is_committing else self._place(None)
        outcome = Outcome(
            state=TargetState.UNKNOWN,
            code=TargetCode.CONNECTION_LOST,
            message=f"{lost}, {doubt.rstrip(': ')}; whether it took effect is not known"
            " (look at the database)",
        )
        raise _Ended(outcome, again=self._script.may_repeat)

    def _refuse(
        self, message: str, *, code: TargetCode = TargetCode.UNEXPECTED_ANSWER, effect: str = ""
    ) -> NoReturn:
        """End it by our own judgement."""
        words = f"{message}; {effect or self._effect()}"
        raise _Ended(Outcome(state=TargetState.FAILED, code=code, message=words))

    def _judged(self, outcome: Outcome) -> Outcome:
        """An outcome is no better known than what a lost commit has left open."""
        if not self._is_in_doubt or outcome.state is TargetState.UNKNOWN:
            return outcome
        return msgspec.structs.replace(
            outcome,
            state=TargetState.UNKNOWN,
            code=TargetCode.CONNECTION_LOST,
            message="the connection was lost while it took effect, and then: " + outcome.message,
        )

    def _raise_stopped(self, *, is_lost: bool = False) -> NoReturn:
        in_doubt = self._is_in_doubt or (
            is_lost and (self._is_committing or not self._script.transaction)
        )
        effect = "whether it took effect is not known" if in_doubt else self._effect()
        raise Stopped(effect, is_certain=not in_doubt)

    def _effect(self) -> str:
        """What took effect, where the connection ends outside of a commit."""
        if self._script.transaction or not self._done:
            return "nothing took effect"
        return f"statements 1 to {self._done} took effect"

    def _place(self, position: int | None) -> str:
        if not self._number:
            return ""
        statement = self._statements[self._number - 1]
        if position is None:
            return f"statement {self._number}: "
        before = statement.text[:position]
        line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
        return f"statement {self._number}, line {line}, column {column}: "

    def _note(self, text: str) -> None:
        self._tell(Stream.NOTE, f"Jobdeck: {text}\n")


def _size(batch: Sequence[Row]) -> int:
    """Characters and bytes in rows."""
    long = (str, bytes, bytearray, memoryview)
    return sum(len(cell) for row in batch for cell in row if isinstance(cell, long))


_NONE = Statement("", (), ())
"""What is sent before the first statement: our own."""
