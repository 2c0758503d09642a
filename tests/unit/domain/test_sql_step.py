"""What a step of kind `sql` must say, and what it hands to its executor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.domain.documents import parse
from core.domain.steps import Given, SqlStep
from core.errors import Invalid
from tests.support.certificates import Authority

ENV = {"JOBDECK_RUN": "r1", "JOBDECK_STEP": "main", "JOBDECK_HOST": "db1"}
SERVER = {"database": "postgresql", "db": "shop"}
MSSQL = {"database": "mssql", "db": "shop"}
ORACLE = {"database": "oracle", "db": "shop.example"}
FILE = {"database": "sqlite", "path": "/srv/a.db"}
AUTHORITY = Authority(Path()).pem


def step(**spec: Any) -> SqlStep:
    return SqlStep.model_validate({"kind": "sql", "name": "main", **spec})


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({**SERVER}, "give `text` or `statements`, one of the two"),
        ({**SERVER, "text": "SELECT 1", "statements": ["SELECT 1"]}, "one of the two"),
        ({**SERVER, "text": "-- nothing"}, "there is no statement in the text"),
        ({**SERVER, "statements": ["SELECT 1", " ; "]}, "there is no statement in the text"),
        ({"database": "postgresql", "text": "SELECT 1"}, "`db` names the database"),
        ({"database": "sqlite", "text": "SELECT 1"}, "needs the `path` of its file"),
        ({**SERVER, "path": "/a", "text": "SELECT 1"}, "`path` belongs to `database: sqlite`"),
        ({**FILE, "port": 1, "tls": "off", "text": "SELECT 1"}, "drop `port`, `tls`"),
        ({**FILE, "run_as": "ops", "text": "SELECT 1"}, "has no accounts"),
        ({**SERVER, "once": True, "text": "SELECT 1"}, "give the `address`"),
        (
            {**SERVER, "once": True, "address": "a", "text": "SELECT 1"},
            "`run_as` names the account",
        ),
        ({**FILE, "once": True, "targets": "all", "text": "SELECT 1"}, "there are no targets"),
        ({**SERVER, "text": "SELECT :a"}, ":a stands in the text, and `parameters` has no value"),
        ({**FILE, "text": "SELECT 1", "parameters": {"a": 1}}, "stands nowhere in the text as :a"),
        ({**FILE, "text": "SELECT '${A}'"}, "statement 1: ${A} is not filled in SQL"),
        ({**FILE, "text": "SELECT 1; COMMIT"}, "statement 2: COMMIT begins or ends a transaction"),
        (
            {"database": "mysql", "db": "a", "text": "DROP TABLE b"},
            "statement 1: DROP begins or ends a transaction",
        ),
        ({**FILE, "text": "SELECT 1", "transaction": False, "ledger": "l"}, "need `transaction"),
        ({**FILE, "text": "SELECT 1", "transaction": False, "max_affected": 1}, "need `transact"),
        ({**FILE, "text": "SELECT 1", "ledger": "l", "capture": {"A": "a"}}, "nothing to capture"),
        ({**FILE, "text": "SELECT 1", "ledger": "l; DROP"}, "must be the name of a table"),
        ({**FILE, "text": "SELECT 1", "execution": "detached"}, "drop `execution`"),
        (
            {**SERVER, "text": "SELECT 1", "tls": "off", "ca": AUTHORITY},
            "`ca` belongs to `tls: verify`",
        ),
        ({**SERVER, "text": "SELECT 1", "ca": "x"}, "give certificates in PEM"),
        ({**FILE, "text": "SELECT :a", "parameters": {"a": "${B C}"}}, "names no variable"),
        ({"database": "db2", "text": "SELECT 1"}, "'sqlite', 'mssql' or 'oracle'"),
        (
            {**MSSQL, "text": "SELECT 1;\nGO\nSELECT 2"},
            "line 2: GO is a word for Microsoft's tools",
        ),
        ({**MSSQL, "statements": ["SELECT 1", "SELECT 2\n go 5 "]}, "line 2: GO is a word"),
        ({**MSSQL, "text": "SELECT 1", "tls": "off"}, "tells the password to the line"),
        ({**MSSQL, "text": "BEGIN TRAN; SELECT 1"}, "statement 1: BEGIN begins or ends a transac"),
        ({**ORACLE, "text": "TRUNCATE TABLE a"}, "statement 1: TRUNCATE begins or ends a transac"),
    ],
)
def test_a_bad_step_is_refused_in_one_sentence(spec: dict[str, Any], what: str) -> None:
    body = {"kind": "sql", "name": "main", **spec}
    with pytest.raises(Invalid) as caught:
        parse({"kind": "job", "name": "j", "spec": {"steps": [body]}})
    assert what in caught.value.problems[0].what
    assert caught.value.problems[0].where.startswith("spec.steps[0]")


def test_values_stay_beside_the_text_in_their_own_kinds() -> None:
    task = step(
        **FILE,
        text="SELECT :a, :b; SELECT :c, :d",
        parameters={"a": "x ${B} $${", "b": 1, "c": True, "d": None},
    ).task(Given(script=None, env={**ENV, "B": "'; --"}))
    assert task.statements == ("SELECT :a, :b", "SELECT :c, :d")
    assert task.values == {"a": "x '; -- ${", "b": 1, "c": True, "d": None}
    assert isinstance(task.values["c"], bool)


@pytest.mark.parametrize(
    ("spec", "port"),
    [
        ({}, 5432),
        ({"database": "mysql"}, 3306),
        ({"database": "mssql"}, 1433),
        ({"database": "oracle"}, 1521),
        ({"port": 6543}, 6543),
    ],
)
def test_each_kind_of_database_has_its_port(spec: dict[str, Any], port: int) -> None:
    task = step(**{**SERVER, "text": "SELECT 1", **spec}).task(Given(script=None, env=ENV))
    assert task.port == port


def test_a_ledger_lets_a_step_be_repeated_and_names_run_step_and_target() -> None:
    made = step(**SERVER, text="SELECT 1", ledger="ops.ledger")
    entry = made.task(Given(script=None, env=ENV)).ledger
    assert made.may_repeat
    assert not step(**SERVER, text="SELECT 1").may_repeat
    assert entry is not None
    assert (entry.table, entry.run, entry.step, entry.target) == ("ops.ledger", "r1", "main", "db1")


def test_a_file_is_opened_without_an_account() -> None:
    assert step(**SERVER, text="SELECT 1").logs_in
    assert not step(**FILE, text="SELECT 1").logs_in


def test_a_task_does_not_show_its_values() -> None:
    task = step(**FILE, text="SELECT :a", parameters={"a": "pw-1"}).task(
        Given(script=None, env=ENV)
    )
    assert "pw-1" not in repr(task)


@pytest.mark.parametrize(("server", "tells"), [(SERVER, True), (MSSQL, False), (ORACLE, False)])
def test_only_a_database_that_leaves_nothing_behind_is_asked_how_it_would_go_about_it(
    server: dict[str, Any], tells: bool
) -> None:
    rehearsal = step(**server, text="SELECT 1").rehearsal(Given(script=None, env=ENV))
    assert (rehearsal is not None) is tells
