"""Oracle's driver as far as it goes without a server: the way in."""

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


async def test_nobody_at_the_door_is_told_with_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outcome = await outcome_of(port)
    assert outcome.code is TargetCode.CONNECTION_FAILURE
    assert (
        "db1: no way into the database: DPY-6005: cannot connect to database; " in outcome.message
    )
