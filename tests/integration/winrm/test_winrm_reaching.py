"""The way to a Windows host: who is let in, whose certificate is trusted, what is said of failures."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import msgspec
import pytest

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Login, Target, Winrm
from core.executors.winrm import WinrmExecutor
from tests.support.certificates import Authority
from tests.support.waiting import eventually
from tests.support.webserver import Reply, WebServer
from tests.support.winrm_line import PASSWORD, USER
from tests.support.winrmd import NO_ROOM, WinrmServer
from tests.support.work import QUICK, command, new_token, run

C = TargetCode


async def refusal(executor: WinrmExecutor, target: Target) -> TargetError:
    with pytest.raises(TargetError) as caught:
        async with executor.open(target):
            pass
    return caught.value


def entered_by(target: Target, **options: object) -> Target:
    return msgspec.structs.replace(target, winrm=Winrm(**options))


async def test_without_tls_the_messages_are_encrypted(
    executor: WinrmExecutor, target: Target, tmp_path: Path
) -> None:
    with WinrmServer(tmp_path) as plain:
        there = msgspec.structs.replace(target, port=plain.port, winrm=Winrm(tls=False))
        result = await run(executor, there, command("echo shown; echo $A", env={"A": "hidden"}))

    assert result.out == b"shown\nhidden\n"
    assert not any(b"Envelope" in message for message in plain.seen)


async def test_a_password_as_it_stands_is_taken_behind_tls(
    executor: WinrmExecutor, target: Target, authority: Authority, tmp_path: Path
) -> None:
    with WinrmServer(tmp_path, authority, proof="basic") as basic:
        way = Winrm(ca=authority.pem, authentication="basic")
        login = Login(user=USER, password=PASSWORD)
        there = msgspec.structs.replace(target, port=basic.port, winrm=way, login=login)
        result = await run(executor, there, "echo in")

    assert result.out == b"in\n"


async def test_credssp_hands_the_login_on(
    executor: WinrmExecutor, target: Target, authority: Authority, tmp_path: Path
) -> None:
    with WinrmServer(tmp_path, authority, proof="credssp") as server:
        way = Winrm(ca=authority.pem, authentication="credssp")
        there = msgspec.structs.replace(target, port=server.port, winrm=way)
        result = await run(executor, there, "echo in; echo err >&2")
        await eventually(lambda: executor.idle_connections)
        again = await run(executor, there, "echo again")
        handed_on = server.handed_on

    assert (result.out, again.out) == (b"in\n", b"again\n")
    assert server.logins == 1
    assert handed_on.password == PASSWORD
    assert PASSWORD.encode() not in b"".join(server.seen)


@pytest.mark.parametrize("late", [False, True], ids=["at once", "in the middle"])
async def test_a_certificate_proves_an_account_that_has_no_password(
    executor: WinrmExecutor, target: Target, authority: Authority, tmp_path: Path, *, late: bool
) -> None:
    certificate, key = authority.issue("ada", "the passphrase")
    shown = Login(
        user="", tls_certificate=certificate, tls_key=key, tls_passphrase="the passphrase"
    )
    wrong = msgspec.structs.replace(shown, tls_passphrase="another")
    with WinrmServer(tmp_path, authority, proof="certificate", asks_late=late) as server:
        way = Winrm(ca=authority.pem, authentication="certificate")
        there = msgspec.structs.replace(target, port=server.port, winrm=way, login=shown)
        result = await run(executor, there, "echo in")
        error = await refusal(executor, msgspec.structs.replace(there, login=wrong))

    assert result.out == b"in\n"
    assert error.target_code == C.INVALID_OPTIONS
    assert "cannot be opened with `tls_passphrase`" in str(error)


@pytest.mark.parametrize("authentication", ["kerberos"])
async def test_what_is_not_installed_is_said(
    executor: WinrmExecutor, server: WinrmServer, target: Target, authentication: str
) -> None:
    error = await refusal(executor, entered_by(target, authentication=authentication))

    assert error.target_code == C.INVALID_OPTIONS
    assert "is not installed" in str(error)
    assert server.seen == []


@pytest.mark.parametrize(
    "proof",
    [
        "ntlm",
        "basic",
        pytest.param("credssp", marks=pytest.mark.expect_logs("WARNING .*Received CredSSP error")),
    ],
)
async def test_a_wrong_password_is_refused_and_not_shown(
    executor: WinrmExecutor, target: Target, authority: Authority, tmp_path: Path, proof: str
) -> None:
    way = Winrm(ca=authority.pem, authentication=proof)
    login = Login(user=f"HOST\\{USER}", password="tr0ub4dor")
    with WinrmServer(tmp_path, authority, proof=proof) as server:
        there = msgspec.structs.replace(target, port=server.port, winrm=way, login=login)
        error = await refusal(executor, there)

    assert error.target_code == C.AUTHENTICATION_FAILURE
    assert "refuses the login of HOST\\ada" in str(error)
    assert "tr0ub4dor" not in str(error) + repr(error.__cause__)


async def test_a_pinned_certificate_is_enough_and_no_other_is_taken(
    executor: WinrmExecutor, server: WinrmServer, target: Target
) -> None:
    pin = server.fingerprint().upper()

    assert (await run(executor, entered_by(target, certificate=pin), "echo in")).out == b"in\n"
    await eventually(lambda: executor.idle_connections == 1)
    seen = len(server.seen)
    error = await refusal(executor, entered_by(target, certificate="00" * 32))

    assert error.target_code == C.CONNECTION_FAILURE
    assert "another certificate than the pinned one; nothing was sent" in str(error)
    assert len(server.seen) == seen


async def test_a_certificate_that_nobody_trusts_is_refused(
    executor: WinrmExecutor, server: WinrmServer, target: Target
) -> None:
    error = await refusal(executor, entered_by(target))

    assert error.target_code == C.CONNECTION_FAILURE
    assert "certificate that is not trusted; nothing was sent" in str(error)
    assert server.seen == []


async def test_a_certificate_of_another_name_is_refused(
    executor: WinrmExecutor, server: WinrmServer, target: Target
) -> None:
    error = await refusal(executor, msgspec.structs.replace(target, address="localhost"))

    assert "certificate that is not trusted" in str(error)
    assert server.seen == []


async def test_a_host_that_does_not_listen_or_has_no_name(
    executor: WinrmExecutor, target: Target
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    closed = await refusal(executor, msgspec.structs.replace(target, port=port))
    unknown = await refusal(executor, msgspec.structs.replace(target, address="no.such.invalid"))

    assert (closed.target_code, unknown.target_code) == (C.CONNECTION_FAILURE, C.HOST_NOT_FOUND)
    assert "refuses the connection" in str(closed)


async def test_a_host_that_says_nothing_is_not_waited_for(
    executor: WinrmExecutor, target: Target
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        first = socket.create_connection(("127.0.0.1", port))  # fills the queue
        with first:
            there = msgspec.structs.replace(target, port=port, connect_timeout_s=0.3)
            error = await refusal(executor, there)

    assert error.target_code == C.CONNECTION_TIMEOUT


@pytest.mark.parametrize("status", [200, 401])
async def test_an_answer_without_an_end_in_sight_is_not_read_to_it(
    executor: WinrmExecutor, target: Target, authority: Authority, status: int
) -> None:
    headers = {"WWW-Authenticate": 'Basic realm="a"', "Content-Length": str(1 << 40)}
    with WebServer(authority, "127.0.0.1") as web:
        web.serve("/wsman", Reply(status, body=bytes(17 << 20), headers=headers))
        way = Winrm(ca=authority.pem, authentication="basic")
        there = msgspec.structs.replace(target, port=web.port, winrm=way)
        error = await refusal(executor, there)

    assert error.target_code == C.CONNECTION_FAILURE
    assert "answers with something else than WinRM" in str(error)


async def test_nor_is_the_first_one_of_a_host_without_tls(
    executor: WinrmExecutor, target: Target
) -> None:
    headers = {"Content-Length": str(1 << 40)}
    with WebServer(None, "127.0.0.1") as web:
        web.serve("/wsman", Reply(200, body=bytes(17 << 20), headers=headers))
        there = msgspec.structs.replace(target, port=web.port, winrm=Winrm(tls=False))
        error = await refusal(executor, there)

    assert error.target_code == C.CONNECTION_FAILURE
    assert "answers with something else than WinRM" in str(error)


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (NO_ROOM, C.IO_FAILURE, "no room for another session"),
        (5, C.AUTHENTICATION_FAILURE, "access is denied"),
        (4711, C.IO_FAILURE, "says no (fault 4711): The server says no."),
    ],
)
async def test_a_fault_is_told_by_its_number(
    executor: WinrmExecutor, server: WinrmServer, target: Target, number: int, code: str, words: str
) -> None:
    server.faults["Create"] = [number]

    error = await refusal(executor, target)

    assert error.target_code == code
    assert words in str(error)


async def test_a_connection_is_used_again_and_replaced_when_it_is_stale(
    executor: WinrmExecutor, server: WinrmServer, target: Target
) -> None:
    for _ in range(3):
        assert (await run(executor, target, "echo in")).out == b"in\n"
        await eventually(lambda: executor.idle_connections == 1)
    assert (executor.dialled, server.logins) == (1, 1)

    server.cut_all()

    assert (await run(executor, target, "echo in")).out == b"in\n"
    assert server.logins == 2


async def test_an_encrypted_connection_that_is_stale_is_replaced(
    executor: WinrmExecutor, target: Target, tmp_path: Path
) -> None:
    with WinrmServer(tmp_path) as plain:
        there = msgspec.structs.replace(target, port=plain.port, winrm=Winrm(tls=False))
        for _ in range(2):
            assert (await run(executor, there, "echo in")).out == b"in\n"
            await eventually(lambda: executor.idle_connections == 1)
            plain.cut_all()

    assert executor.dialled == 2


async def test_many_hosts_share_a_few_threads(server: WinrmServer, target: Target) -> None:
    executor = WinrmExecutor(QUICK, new_token, threads=4)
    hosts = [msgspec.structs.replace(target, host=f"win{number}") for number in range(12)]
    try:
        results = await asyncio.gather(
            *(run(executor, host, f"sleep 0.2; echo {host.host}") for host in hosts)
        )
    finally:
        await executor.close()

    assert [result.out.decode().strip() for result in results] == [host.host for host in hosts]
