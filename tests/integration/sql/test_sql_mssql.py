"""SQL Server's driver against a double that knows TDS and no SQL: no server can be had."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import Login, Outcome
from core.executors.stopping import StopSignal
from tests.support.certificates import Authority
from tests.support.databases import ask
from tests.support.tdsd import HANG_UP, SILENCE, Tdsd, done, failure, remark, rows, sent_on, tdsd
from tests.support.work import MemorySink

SA = Login(user="sa", password="pw-sa")


@pytest.fixture
def server() -> Iterator[Tdsd]:
    with tdsd() as made:
        yield made


async def outcome_of(
    server: Tdsd, sink: MemorySink | None = None, stop: StopSignal | None = None, **more: Any
) -> Outcome:
    given = {"database": "mssql", "db": "shop", "port": server.port, "tries": 1, **more}
    return await ask(given, login=SA, sink=sink, stop=stop)


async def test_statements_are_one_transaction_with_their_values_beside_them(server: Tdsd) -> None:
    server.answers = {"UPDATE": done(count=3)}
    outcome = await outcome_of(
        server, text="UPDATE a SET b = :v; SELECT '100 %'", parameters={"v": "x'; DROP"}
    )
    assert outcome.state is TargetState.SUCCESS, outcome.message
    begin = server.heard.index("BEGIN TRANSACTION")
    assert server.heard[begin - 1] == "SET XACT_ABORT ON"
    assert "UPDATE a SET b = @P1" in server.heard[begin + 1]
    assert server.heard[begin + 2 :] == ["SELECT '100 %'", "COMMIT"]


async def test_what_the_server_says_aside_is_shown_once_and_errors_are_not_among_it(
    server: Tdsd,
) -> None:
    server.answers = {
        "EXEC a": remark("half way") + done(count=1, more=True) + remark("nearly") + done(),
        "SELECT b": rows("n", 1, more=True) + remark("behind") + done(),
        "EXEC c": remark("before it") + failure(50000, "too late"),
    }
    sink = MemorySink()

    outcome = await outcome_of(server, sink, text="EXEC a; SELECT b; EXEC c", result="csv")

    assert sink.err == b"half way\nnearly\nbehind\nbefore it\n"
    assert outcome.message == "statement 3: too late (error 50000); nothing took effect"


async def test_rows_come_to_an_end_and_an_error_behind_them_is_not_missed(server: Tdsd) -> None:
    server.answers = {
        "SELECT a": rows("n", 1, 2),
        "EXEC b": done(count=1, more=True) + rows("m", 7, more=True) + failure(50000, "too late"),
    }
    sink = MemorySink()
    outcome = await outcome_of(server, sink, text="SELECT a; EXEC b", result="csv")
    assert sink.out == b"n\r\n1\r\n2\r\nm\r\n7\r\n"
    assert outcome.state is TargetState.FAILED
    assert outcome.message == "statement 2: too late (error 50000); nothing took effect"
    assert server.heard[-1] == "ROLLBACK"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (229, TargetCode.UNAUTHORIZED),
        (208, TargetCode.STATEMENT_FAILED),
        (1205, TargetCode.STATEMENT_FAILED),
        (911, TargetCode.INVALID_OPTIONS),
    ],
)
async def test_a_refused_statement_is_told_by_its_number(
    server: Tdsd, number: int, code: TargetCode
) -> None:
    server.answers = {"DELETE": failure(number, "no")}
    outcome = await outcome_of(server, text="DELETE FROM a")
    assert (outcome.state, outcome.code) == (TargetState.FAILED, code)
    assert f"no (error {number}); nothing took effect" in outcome.message


async def test_a_deadlock_is_tried_again(server: Tdsd) -> None:
    server.answers = {"DELETE": failure(1205, "chosen as the deadlock victim")}
    await outcome_of(server, text="DELETE FROM a", tries=2)
    assert server.heard.count("DELETE FROM a") == 2


async def test_a_row_in_the_ledger_means_that_it_is_done(server: Tdsd) -> None:
    server.answers = {"INSERT INTO ledger": failure(2627, "Violation of PRIMARY KEY constraint")}
    outcome = await outcome_of(server, text="DELETE FROM a", ledger="ledger")
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert "DELETE FROM a" not in server.heard


async def test_a_statement_that_takes_too_long_ends_with_its_line(server: Tdsd) -> None:
    server.answers = {"WAITFOR": SILENCE}
    outcome = await outcome_of(server, text="WAITFOR DELAY '1:00'", statement_timeout_s=0.2)
    assert (outcome.state, outcome.code) == (TargetState.TIMED_OUT, TargetCode.COMMAND_TIMEOUT)
    assert "longer than 0.2 s (`statement_timeout_s`); nothing took effect" in outcome.message
    assert server.heard[-1] == "WAITFOR DELAY '1:00'"


async def test_without_a_transaction_nobody_knows_what_a_broken_line_left(server: Tdsd) -> None:
    server.answers = {"WAITFOR": SILENCE}
    outcome = await outcome_of(
        server, text="WAITFOR DELAY '1:00'", statement_timeout_s=0.2, transaction=False
    )
    assert outcome.state is TargetState.UNKNOWN
    assert "no end within 0.2 s (`statement_timeout_s`)" in outcome.message


async def test_a_stop_breaks_the_line_and_nothing_is_committed(server: Tdsd) -> None:
    server.answers = {"WAITFOR": SILENCE}
    stop = StopSignal()
    running = asyncio.create_task(outcome_of(server, stop=stop, text="WAITFOR DELAY '1:00'"))
    assert await asyncio.to_thread(server.asked.wait, 10)
    stop.set()
    outcome = await running
    assert (outcome.state, outcome.message) == (
        TargetState.TERMINATED,
        "cancelled; nothing took effect",
    )
    assert "COMMIT" not in server.heard


@pytest.mark.parametrize(
    ("at", "state"), [("DELETE", TargetState.UNREACHABLE), ("COMMIT", TargetState.UNKNOWN)]
)
async def test_a_line_that_breaks_in_the_middle_of_a_commit_leaves_a_doubt(
    server: Tdsd, at: str, state: TargetState
) -> None:
    server.answers = {at: HANG_UP}
    outcome = await outcome_of(server, text="DELETE FROM a")
    assert (outcome.state, outcome.code) == (state, TargetCode.CONNECTION_LOST)
    assert "the connection to the database was lost" in outcome.message


@pytest.mark.parametrize(
    ("login", "code", "words"),
    [
        (failure(18456, "Login failed for user 'sa'."), TargetCode.AUTHENTICATION_FAILURE, "'sa'"),
        (failure(4060, 'Cannot open database "shop"'), TargetCode.INVALID_OPTIONS, "shop"),
        (sent_on("10.0.0.9", 1433), TargetCode.CONNECTION_FAILURE, "on to another one"),
    ],
    ids=["login", "database", "elsewhere"],
)
async def test_a_login_that_comes_to_nothing_says_why(
    login: bytes, code: TargetCode, words: str
) -> None:
    with tdsd(login=login) as server:
        outcome = await outcome_of(server, text="SELECT 1")
    assert outcome.code is code
    assert words in outcome.message
    assert "pw-sa" not in outcome.message


@pytest.mark.parametrize("called", ["127.0.0.1", "db1.example"])
async def test_a_certificate_is_checked_before_the_login(tmp_path: Path, called: str) -> None:
    authority = Authority(tmp_path)
    with tdsd(authority.server_context(called)) as server:
        good = await outcome_of(server, text="SELECT 1", ca=authority.pem)
        stranger = await outcome_of(server, text="SELECT 1", ca=Authority(tmp_path).pem)
    if called == "127.0.0.1":
        assert good.state is TargetState.SUCCESS, good.message
    else:
        assert good.code is TargetCode.CONNECTION_FAILURE
        assert "does not match host name" in good.message
    assert stranger.code is TargetCode.CONNECTION_FAILURE
    assert "certificate verify failed" in stranger.message


async def test_a_server_without_tls_is_told_nothing_where_it_is_wanted(
    server: Tdsd, tmp_path: Path
) -> None:
    outcome = await outcome_of(server, text="SELECT 1", ca=Authority(tmp_path).pem)
    assert outcome.code is TargetCode.CONNECTION_FAILURE
    assert "encryption but it is not supported by server" in outcome.message
    assert not server.has_login
