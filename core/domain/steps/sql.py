"""SQL statements, sent to a database from the engine's machine: to each target's own, or to one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

import msgspec
from pydantic import Field, StringConstraints, model_validator

from core.domain.certificates import Authorities
from core.domain.command_rules.values import CommandText, Judged, Language
from core.domain.filling import Filled, fill
from core.domain.patterns import TABLE
from core.domain.statements import Database, Statement, cut, line_of_tools, whole
from core.domain.steps.base import MAX_PROGRAM_CHARACTERS, Given, ServiceStep
from core.domain.tasks import LedgerEntry, SqlScript
from core.domain.values import EnvName, Lines

PORTS: Mapping[Database, int] = {
    Database.POSTGRESQL: 5432,
    Database.MYSQL: 3306,
    Database.MSSQL: 1433,
    Database.ORACLE: 1521,
}
_EXPLAIN: Mapping[Database, str] = {
    Database.POSTGRESQL: "EXPLAIN",
    Database.MYSQL: "EXPLAIN",
    Database.SQLITE: "EXPLAIN QUERY PLAN",
}
"""Where a database tells how it would go about a statement, and leaves nothing behind."""
EXPLAINED = frozenset(
    {"SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"}
)
"""First words of statements that a database tells about without carrying them out."""
_MOST_ROWS_OF_PLANS = 10_000
_FILLING = re.compile(r"\$\{[A-Za-z_]\w*\}")
_OF_SERVERS = ("address", "port", "db", "tls", "ca")
ParameterName = Annotated[str, StringConstraints(pattern=r"^[^\W\d]\w*$", max_length=63)]
StatementText = Annotated[Lines, StringConstraints(min_length=1, max_length=MAX_PROGRAM_CHARACTERS)]


class ResultFormat(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    """Columns under their names, for people."""
    JSON = "json"
    """One list of objects for each statement that brings rows."""
    CSV = "csv"


class Tls(StrEnum):
    """Whether the line to a server is encrypted, and its certificate checked."""

    VERIFY = "verify"
    OFF = "off"


class SqlStep(ServiceStep):
    """SQL statements, sent to each target's own database or once, from the engine's machine.

    Values go in as `parameters`, and stand in the text as `:name`.
    """

    access: ClassVar[str | None] = "sql"

    kind: Literal["sql"]
    database: Database = Field(
        description="what speaks there; mysql: MariaDB too, mssql: SQL Server"
    )
    text: StatementText | None = Field(
        None, description="statements; cut at semicolons outside of quotes and comments"
    )
    statements: tuple[StatementText, ...] = Field(
        (), max_length=1000, description="one statement each, whatever semicolons it holds"
    )
    parameters: dict[ParameterName, Filled | bool | int | float | None] = Field(
        default_factory=dict, description="name -> value; `:name` in a statement stands for it"
    )
    address: Filled | None = Field(
        None, min_length=1, max_length=255, description="of the server; empty: the target's"
    )
    port: int | None = Field(None, ge=1, le=65535, description="empty: the database's usual one")
    db: Filled | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="name of the database on the server; oracle: of the service",
    )
    path: Filled | None = Field(
        None, min_length=1, max_length=4096, description="of an SQLite file on the engine's machine"
    )
    transaction: bool = Field(
        True, description="all statements take effect or none; else each for itself"
    )
    ledger: str | None = Field(
        None,
        pattern=TABLE,
        max_length=200,
        description="table that keeps what has taken effect, so that nothing does twice in a run",
    )
    max_rows: int = Field(
        10_000, ge=0, le=100_000_000, description="of all results; with more the step fails"
    )
    max_affected: int | None = Field(
        None, ge=0, description="rows changed; with more the step fails, and changes nothing"
    )
    statement_timeout_s: float | None = Field(
        None, gt=0, le=30 * 86400, description="of each statement, kept by the database"
    )
    result: ResultFormat = Field(ResultFormat.TABLE, description="how rows are printed")
    capture: dict[EnvName, str] = Field(
        default_factory=dict,
        description="output -> column of the first row of the last statement that brings rows",
    )
    tries: int = Field(
        3, ge=1, le=10, description="where a deadlock or a lost line let nothing take effect"
    )
    tls: Tls = Field(
        Tls.VERIFY,
        description="for servers that are not on the engine's machine; off: in the clear",
    )
    ca: Authorities | None = Field(
        None, max_length=1 << 18, description="PEM: trust these authorities, and no others"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.text is None) == (not self.statements):
            raise ValueError("give `text` or `statements`, one of the two")
        self._check_place()
        if not self.transaction and (self.ledger is not None or self.max_affected is not None):
            raise ValueError("`ledger` and `max_affected` need `transaction: true`")
        if self.ledger is not None and self.capture:
            raise ValueError(
                "a repeat that finds its ledger row has nothing to capture; read it in a step of"
                " its own"
            )
        self._check_statements()
        return self

    def _check_place(self) -> None:
        if self.once and (self.targets, self.rolling) != (None, None):
            raise ValueError("with `once` there are no targets; drop `targets`, `rolling`")
        if self.database is Database.SQLITE:
            if self.path is None:
                raise ValueError("`database: sqlite` needs the `path` of its file")
            if given := [name for name in _OF_SERVERS if name in self.model_fields_set]:
                raise ValueError(f"an SQLite file has no server; drop `{'`, `'.join(given)}`")
            if self.run_as is not None:
                raise ValueError("an SQLite file has no accounts; drop `run_as`")
            return
        if self.path is not None:
            raise ValueError("`path` belongs to `database: sqlite`")
        if self.db is None:
            raise ValueError("`db` names the database on the server; it is required")
        if self.once and self.address is None:
            raise ValueError("with `once` there is no target; give the `address` of the server")
        if self.once and self.run_as is None:
            raise ValueError("with `once` there is no target; `run_as` names the account")
        if self.ca is not None and self.tls is Tls.OFF:
            raise ValueError("`ca` belongs to `tls: verify`")
        if self.database is Database.MSSQL and self.tls is Tls.OFF:
            raise ValueError(
                "a login to SQL Server tells the password to the line; drop `tls: off`, and give"
                " the `ca` that signed the server's certificate"
            )

    def _check_statements(self) -> None:
        for text in (self.text, *self.statements):
            if text is not None and (line := line_of_tools(text, self.database)):
                raise ValueError(
                    f"line {line}: GO is a word for Microsoft's tools, and no SQL; end each"
                    " statement with a semicolon, or give each batch as one of `statements`"
                )
        parts = self.parts()
        if not parts or not all(part.words for part in parts):
            raise ValueError("there is no statement in the text")
        used = {place.name for part in parts for place in part.places}
        for number, part in enumerate(parts, 1):
            if found := _FILLING.search(part.text):
                raise ValueError(
                    f"statement {number}: {found[0]} is not filled in SQL; give it as one of"
                    " `parameters`, and write :name"
                )
            if self.transaction and (word := part.ends_transaction(self.database)):
                raise ValueError(
                    f"statement {number}: {word} begins or ends a transaction; leave it out, or"
                    " write `transaction: false`"
                )
        if missing := sorted(used - set(self.parameters)):
            raise ValueError(f":{missing[0]} stands in the text, and `parameters` has no value")
        if unused := sorted(set(self.parameters) - used):
            raise ValueError(
                f"the parameter {unused[0]} stands nowhere in the text as :{unused[0]}"
            )

    @property
    def logs_in(self) -> bool:
        return self.database is not Database.SQLITE

    @property
    def may_repeat(self) -> bool:
        return self.idempotent or self.ledger is not None

    def parts(self) -> Sequence[Statement]:
        """The statements, in their order."""
        if self.text is not None:
            return cut(self.text, self.database)
        return [whole(text, self.database) for text in self.statements]

    def rehearsal(self, given: Given) -> SqlScript | None:
        """How the database would go about each statement, where it can tell."""
        parts = self.parts()
        explain = _EXPLAIN.get(self.database)
        if explain is None or not all(part.words[0] in EXPLAINED for part in parts):
            return None
        return msgspec.structs.replace(
            self.task(given),
            statements=tuple(f"{explain} {part.text}" for part in parts),
            transaction=True,
            ledger=None,
            max_rows=_MOST_ROWS_OF_PLANS,
            max_affected=None,
            capture={},
        )

    def judged(self, given: Given) -> Sequence[Judged]:
        whole = [("text", self.text)] if self.text is not None else []
        each = [(f"statements[{n}]", text) for n, text in enumerate(self.statements)]
        return [
            CommandText(language=Language.SQL, text=text, where=where, database=self.database)
            for where, text in whole + each
        ]

    def task(self, given: Given) -> SqlScript:
        """ValueError where a value is missing."""
        env = given.env
        return SqlScript(
            database=self.database.value,
            address=_filled(self.address, env),
            port=self.port or PORTS.get(self.database, 0),
            db=_filled(self.db or self.path, env),
            statements=tuple(part.text for part in self.parts()),
            values={
                name: fill(value, env) if isinstance(value, str) else value
                for name, value in self.parameters.items()
            },
            transaction=self.transaction,
            may_repeat=self.may_repeat,
            ledger=None
            if self.ledger is None
            else LedgerEntry(
                table=self.ledger,
                run=env["JOBDECK_RUN"],
                step=env["JOBDECK_STEP"],
                target=env["JOBDECK_HOST"],
            ),
            max_rows=self.max_rows,
            max_affected=self.max_affected,
            statement_timeout_s=self.statement_timeout_s,
            result=self.result.value,
            capture=dict(self.capture),
            tries=self.tries,
            tls=self.tls is Tls.VERIFY,
            ca=self.ca,
        )


def _filled(text: str | None, env: Mapping[str, str]) -> str:
    return "" if text is None else fill(text, env)
