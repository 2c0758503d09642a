"""SQL statements on SQLite files."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import Outcome
from core.executors.stopping import StopSignal
from tests.support.databases import LEDGER, ask
from tests.support.work import MemorySink

ENDLESS = (
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c"
)


class File:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.own = sqlite3.connect(path, isolation_level=None)
        self.own.execute("CREATE TABLE goods (id integer PRIMARY KEY, name text)")
        self.own.execute(LEDGER)

    async def ask(self, text: str | None, **more: Any) -> Outcome:
        given = {name: more.pop(name) for name in ("env", "sink", "stop") if name in more}
        spec = {"database": "sqlite", "path": str(self.path), "text": text, **more}
        return await ask(spec, **given)

    def rows(self) -> list[Any]:
        return self.own.execute("SELECT id, name FROM goods ORDER BY id").fetchall()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    made = File(tmp_path / "a file? 100%.db")
    yield made
    made.own.close()


async def test_a_value_stays_a_value_and_a_row_comes_back(file: File) -> None:
    sink = MemorySink()
    outcome = await file.ask(
        "INSERT INTO goods VALUES (:id, :name); SELECT * FROM goods",
        parameters={"id": 1, "name": "${NAME}"},
        env={"NAME": "'); DROP TABLE goods; --\n"},
        capture={"ID": "id"},
        sink=sink,
    )
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert file.rows() == [(1, "'); DROP TABLE goods; --\n")]
    assert json.loads(outcome.outputs_file or b"") == {"ID": 1}
    assert sink.out.decode() == (
        "id | name\n---+---------------------------\n1  | '); DROP TABLE goods; --\\n\n"
    )


async def test_rows_that_a_change_brings_are_counted(file: File) -> None:
    file.own.execute("INSERT INTO goods VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    outcome = await file.ask("DELETE FROM goods RETURNING id", max_affected=2)
    assert outcome.code is TargetCode.UNEXPECTED_ANSWER
    assert len(file.rows()) == 3


async def test_a_trigger_is_one_statement(file: File) -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON goods BEGIN DELETE FROM goods; SELECT 1; END;"
    outcome = await file.ask(None, statements=[trigger, "INSERT INTO goods VALUES (1, 'a')"])
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert file.rows() == []


async def test_no_rows_have_their_columns_and_nothing_to_capture(file: File) -> None:
    sink = MemorySink()
    outcome = await file.ask("SELECT id FROM goods", capture={"ID": "id"}, sink=sink)
    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.INVALID_OUTPUTS)
    assert outcome.message == "nothing to capture: there is no row; nothing took effect"
    assert sink.out == b"id\n--\n"


@pytest.mark.parametrize("limit", ["timeout_s", "statement_timeout_s"])
async def test_an_endless_statement_is_ended(file: File, limit: str) -> None:
    outcome = await file.ask(ENDLESS, **{limit: 0.3})
    assert (outcome.state, outcome.code) == (TargetState.TIMED_OUT, TargetCode.COMMAND_TIMEOUT)


async def test_a_stop_is_heard_in_the_middle(file: File) -> None:
    stop, sink = StopSignal(), MemorySink()
    statements = ["INSERT INTO goods VALUES (1, 'a')", "SELECT 1", ENDLESS]
    asking = asyncio.ensure_future(file.ask(None, statements=statements, stop=stop, sink=sink))
    async with asyncio.timeout(20):
        await sink.heard.wait()
    stop.set()
    outcome = await asking
    assert (outcome.state, outcome.message) == (
        TargetState.TERMINATED,
        "cancelled; nothing took effect",
    )
    assert file.rows() == []


async def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    outcome = await ask({"database": "sqlite", "path": str(path), "text": "SELECT 1"})
    assert (outcome.state, outcome.code) == (TargetState.SUBMIT_FAILED, TargetCode.INVALID_OPTIONS)
    assert "unable to open database file" in outcome.message
    assert outcome.message.endswith(f"({path})")
    assert not path.exists()


async def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("no database" * 1000)
    outcome = await ask({"database": "sqlite", "path": str(path), "text": "SELECT * FROM a"})
    assert outcome.code is TargetCode.INVALID_OPTIONS
    assert "file is not a database" in outcome.message


async def test_a_ledger_row_makes_a_repeat_do_nothing(file: File) -> None:
    text = "INSERT INTO goods (name) VALUES ('a')"
    first = await file.ask(text, ledger="ledger")
    second = await file.ask(text, ledger="ledger")
    assert first.state is second.state is TargetState.SUCCESS
    assert file.rows() == [(1, "a")]


@pytest.mark.parametrize("cell", ["printf('%.*c', 70000000, 'x')", "zeroblob(70000000)"])
async def test_a_cell_that_would_fill_the_memory_is_refused(file: File, cell: str) -> None:
    sink = MemorySink()
    text = "INSERT INTO goods VALUES (1, 'kept?'); SELECT CELL AS big"
    outcome = await file.ask(text.replace("CELL", cell), sink=sink)
    assert outcome.state is TargetState.FAILED
    assert "more than 64 MiB in a few rows (select less of them)" in outcome.message
    assert len(sink.out) < 1000
    assert file.rows() == []
