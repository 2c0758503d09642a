"""What errors of SQL Server and Oracle mean, and a driver that is not installed."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import oracledb
import pytds
import pytest

from core.domain.run import TargetCode
from core.domain.statements import Database, whole
from core.errors import TargetError
from core.executors.sql.drivers import driver_of
from core.executors.sql.drivers.base import Entrance
from core.executors.sql.drivers.mssql import MsSql
from core.executors.sql.drivers.oracle import Oracle
from core.executors.sql.failures import Kind


@pytest.mark.parametrize(
    ("database", "library", "name"),
    [(Database.MSSQL, "pytds", "SQL Server"), (Database.ORACLE, "oracledb", "Oracle")],
)
def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, database: Database, library: str, name: str
) -> None:
    for module in ("mssql", "oracle", "tds"):
        monkeypatch.delitem(sys.modules, f"core.executors.sql.drivers.{module}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(TargetError, match=f"what speaks to {name} is not installed") as caught:
        driver_of(database)
    assert caught.value.target_code == TargetCode.INVALID_OPTIONS
    assert f"pip install 'jobdeck[{database}]'" in str(caught.value)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (208, Kind.REFUSED),
        (229, Kind.DENIED),
        (596, Kind.LOST),
        (1205, Kind.CONFLICT),
        (2601, Kind.DUPLICATE),
        (4060, Kind.NO_DATABASE),
        (17809, Kind.BUSY),
        (18456, Kind.AUTHENTICATION),
    ],
)
def test_an_error_of_sql_server_is_told_by_its_number(number: int, kind: Kind) -> None:
    error = pytds.OperationalError("no")
    error.number = number
    statement = whole("SELECT 1", Database.MSSQL)
    failure = MsSql(Entrance(db="shop"), lambda: 0.0).failure(error, statement)
    assert (failure.kind, failure.words) == (kind, f"no (error {number})")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ORA-00001", Kind.DUPLICATE),
        ("ORA-00060", Kind.CONFLICT),
        ("ORA-00942", Kind.REFUSED),
        ("ORA-01013", Kind.INTERRUPTED),
        ("ORA-01017", Kind.AUTHENTICATION),
        ("ORA-01031", Kind.DENIED),
        ("ORA-03113", Kind.LOST),
        ("ORA-12514", Kind.NO_DATABASE),
        ("ORA-12520", Kind.BUSY),
        ("DPY-4011", Kind.LOST),
        ("DPY-4024", Kind.INTERRUPTED),
    ],
)
def test_an_error_of_oracle_is_told_by_its_code(code: str, kind: Kind) -> None:
    statement = whole("SELECT 1", Database.ORACLE)
    failure = driver().failure(error(code), statement)
    assert (failure.kind, failure.words) == (kind, f"{code}: no")
    at_entrance = driver().failure(error(code), None)
    assert at_entrance.kind is (Kind.UNREACHABLE if kind is Kind.LOST else kind)


def test_a_session_that_is_dead_is_lost_whatever_killed_it() -> None:
    failure = driver().failure(error("ORA-00600", is_session_dead=True), None)
    assert failure.kind is Kind.UNREACHABLE


def test_the_place_of_an_error_is_counted_in_characters() -> None:
    statement = whole("SELECT '价' FORM a", Database.ORACLE)
    offset = statement.text.encode().index(b"FORM")
    failure = driver().failure(error("ORA-00923", offset=offset), statement)
    assert failure.position == statement.text.index("FORM")


def test_a_transaction_that_something_ended_is_noticed() -> None:
    made, raw = driver(), SimpleNamespace(autocommit=True, transaction_in_progress=False)
    made._raw = raw
    assert not made.in_transaction
    made.begin(None, [])  # type: ignore[arg-type] - Oracle is told nothing
    assert (raw.autocommit, made.in_transaction) == (False, True)
    made._has_changed = True
    assert not made.in_transaction


def driver() -> Oracle:
    return Oracle(Entrance(db="shop"), lambda: 0.0)


def error(code: str, *, offset: int = 0, is_session_dead: bool = False) -> oracledb.DatabaseError:
    return oracledb.DatabaseError(_Told(code, offset, is_session_dead))


class _Told:
    """In the shape of what python-oracledb tells of an error."""

    def __init__(self, full_code: str, offset: int, is_session_dead: bool) -> None:
        self.full_code = full_code
        self.offset = offset
        self.is_session_dead = is_session_dead

    def __str__(self) -> str:
        return f"{self.full_code}: no\nHelp: https://docs.oracle.com/error-help/db/"
