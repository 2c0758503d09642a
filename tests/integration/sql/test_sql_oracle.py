"""Oracle's driver as far as it goes without a server: the way in over a real line, and what is
sent in which order, to a double of python-oracledb's connection.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import oracledb
import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import Login, Outcome
from core.executors.sql.drivers.base import Entrance
from core.executors.sql.drivers.oracle import Oracle
from tests.support.certificates import Authority
from tests.support.databases import ask

SCOTT = Login(user="scott", password="pw-tiger")


async def outcome_of(port: int, **more: Any) -> Outcome:
    given = {
        "database": "oracle",
        "db": "shop",
        "port": port,
        "tries": 1,
        "text": "SELECT 1",
        **more,
    }
    return await ask(given, login=SCOTT)


class Sent:
    """A double of a connection of python-oracledb's: it keeps what it is sent."""

    version = "19.0.0.0.0"
    warning = None

    def __init__(self) -> None:
        self.autocommit = False
        self.call_timeout = 0
        self.transaction_in_progress = False
        self.statements: list[tuple[str, dict[str, Any], bool]] = []

    def cursor(self) -> _Cursor:
        return _Cursor(self)

    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...


class _Cursor:
    description = None
    rowcount = 1
    warning: oracledb.Error | None = None

    def __init__(self, sent: Sent) -> None:
        self._sent = sent

    def execute(self, text: str, values: dict[str, Any]) -> None:
        sent = self._sent
        sent.statements.append((text, dict(values), sent.autocommit))
        ends = sent.autocommit or text == "COMMIT" or "commits" in text
        sent.transaction_in_progress = not ends
        if text.startswith("CREATE"):
            self.warning = oracledb.Error("DPY-7000: with compilation errors")

    def close(self) -> None: ...


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    made = Sent()
    monkeypatch.setattr(oracledb, "connect", lambda **options: made)
    return made


@contextmanager
def listener(context: ssl.SSLContext) -> Iterator[tuple[int, list[bytes]]]:
    """Takes one connection over TLS, and what is said first; then it hangs up."""
    heard: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError), context.wrap_socket(server.accept()[0], server_side=True) as line:
            heard.append(line.recv(4096))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1], heard
    finally:
        thread.join(10)
        server.close()
        assert not thread.is_alive()


@pytest.mark.parametrize(("called", "is_told"), [("127.0.0.1", True), ("db1.example", False)])
async def test_a_certificate_is_checked_before_anything_is_told(
    tmp_path: Path, called: str, is_told: bool
) -> None:
    authority = Authority(tmp_path)
    with listener(authority.server_context(called)) as (port, heard):
        outcome = await outcome_of(port, ca=authority.pem)
    assert (outcome.state, outcome.code) == (
        TargetState.UNREACHABLE,
        TargetCode.CONNECTION_FAILURE,
    ), outcome.message
    assert any(b"SERVICE_NAME=shop" in piece for piece in heard) is is_told
    assert ("certificate verify failed" in outcome.message) is not is_told
    assert "pw-tiger" not in outcome.message


async def test_a_certificate_is_compared_with_the_name_and_not_with_the_address(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    with listener(authority.server_context("db1.example")) as (port, heard):
        entrance = Entrance(
            host="db1.example", address="127.0.0.1", port=port, db="shop", ca=authority.pem
        )
        with pytest.raises(oracledb.Error):
            Oracle(entrance, lambda: 0.0)._open()
    assert b"SERVICE_NAME=shop" in heard[0]


async def test_statements_are_one_transaction_without_a_begin(sent: Sent) -> None:
    outcome = await outcome_of(
        1521,
        text="UPDATE a SET b = :v;\nBEGIN c(:w); END;\n/\n",
        parameters={"v": "x'y", "w": True},
        ledger="ledger",
        statement_timeout_s=2.5,
    )
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert [text.partition(" (")[0] for text, _, _ in sent.statements] == [
        "INSERT INTO ledger",
        "UPDATE a SET b = :v",
        "BEGIN c(:w); END;",
        "COMMIT",
    ]
    assert [values for _, values, _ in sent.statements][1:3] == [{"v": "x'y"}, {"w": 1}]
    assert not any(autocommit for _, _, autocommit in sent.statements)
    assert sent.call_timeout == 2500


async def test_without_a_transaction_each_statement_is_committed(sent: Sent) -> None:
    await outcome_of(1521, text="UPDATE a SET b = 1; DROP TABLE c", transaction=False)
    assert [(text, autocommit) for text, _, autocommit in sent.statements] == [
        ("UPDATE a SET b = 1", True),
        ("DROP TABLE c", True),
    ]


async def test_a_block_that_commits_on_its_own_fails_the_step(sent: Sent) -> None:
    outcome = await outcome_of(1521, text="UPDATE a SET b = 1;\nBEGIN commits; END;\n/")
    assert outcome.state is TargetState.FAILED
    assert outcome.message == (
        "statement 2 ended the transaction by itself; all up to it took effect"
    )


async def test_a_program_that_does_not_compile_is_a_failure(sent: Sent) -> None:
    outcome = await outcome_of(1521, text="CREATE PROCEDURE p IS BEGIN", transaction=False)
    assert outcome.state is TargetState.FAILED
    assert "DPY-7000: with compilation errors" in outcome.message


async def test_nobody_at_the_door_is_told_with_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outcome = await outcome_of(port)
    assert outcome.code is TargetCode.CONNECTION_FAILURE
    assert (
        "db1: no way into the database: DPY-6005: cannot connect to database; " in outcome.message
    )
