"""Hosts that cannot be reached, and connections that break: what is said, and when."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from core.domain.hostkeys import fingerprint
from core.domain.run import TargetCode, TargetState
from core.errors import TargetError
from core.executors.connections import KeepAlive
from core.executors.protocol import HostKeyRule, Login, Target
from core.executors.ssh import SshExecutor
from core.executors.stopping import StopSignal
from tests.integration.ssh.conftest import MakeExecutor, Serve
from tests.support.sshd import Sshd, free_port
from tests.support.waiting import eventually
from tests.support.work import MemorySink, book_of, command, empty_book, run, target

pytestmark = pytest.mark.needs("sshd")


async def refusal(executor: SshExecutor, to: Target) -> TargetError:
    with pytest.raises(TargetError) as caught:
        await run(executor, to, "true")
    return caught.value


def somewhere(port: int, address: str = "127.0.0.1", timeout_s: float = 5.0) -> Target:
    return Target(
        host="web1",
        address=address,
        port=port,
        login=Login(user="ops", password="x"),
        connect_timeout_s=timeout_s,
    )


@contextmanager
def listening(backlog: int = 5) -> Iterator[socket.socket]:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(backlog)
        yield sock


async def test_a_port_where_nobody_listens(make_executor: MakeExecutor) -> None:
    port = free_port(["127.0.0.1"])

    error = await refusal(make_executor(empty_book()), somewhere(port))

    assert error.target_code == TargetCode.CONNECTION_FAILURE
    assert str(error) == (
        f"web1 (127.0.0.1 port {port}) refuses the connection "
        "(is sshd running there, on that port?)"
    )


async def test_a_name_that_nobody_knows(make_executor: MakeExecutor) -> None:
    error = await refusal(make_executor(empty_book()), somewhere(22, "no-such-host.invalid"))

    assert error.target_code == TargetCode.HOST_NOT_FOUND
    assert "'no-such-host.invalid' of web1 cannot be resolved" in error.message


@pytest.mark.parametrize("address", ["a..b", "x" * 70])
async def test_a_name_that_cannot_be_one(make_executor: MakeExecutor, address: str) -> None:
    error = await refusal(make_executor(empty_book()), somewhere(22, address))

    assert error.target_code == TargetCode.HOST_NOT_FOUND


async def test_a_host_that_takes_the_connection_and_says_nothing(
    make_executor: MakeExecutor,
) -> None:
    with listening() as sock:
        error = await refusal(
            make_executor(empty_book()), somewhere(sock.getsockname()[1], timeout_s=0.3)
        )

    assert error.target_code == TargetCode.CONNECTION_TIMEOUT
    assert "took the connection, but the SSH login did not finish within 0.3 s" in error.message


async def test_a_host_that_does_not_even_take_the_connection(make_executor: MakeExecutor) -> None:
    with listening(backlog=0) as sock:
        # A full queue of connections drops further ones, as a firewall would.
        address = sock.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for other in waiting:
            other.setblocking(False)
            other.connect_ex(address)
        error = await refusal(make_executor(empty_book()), somewhere(address[1], timeout_s=0.5))
        for other in waiting:
            other.close()

    assert error.target_code == TargetCode.CONNECTION_TIMEOUT
    assert "does not answer within 0.5 s" in error.message


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-1.5-old\r\n", b"\x00" * 300]
)
async def test_a_host_that_speaks_something_else(
    make_executor: MakeExecutor, greeting: bytes
) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await refusal(make_executor(empty_book()), somewhere(port))

    assert error.target_code == TargetCode.CONNECTION_FAILURE
    assert f"web1 (127.0.0.1 port {port})" in error.message


async def test_a_host_that_hangs_up_at_once(make_executor: MakeExecutor) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        error = await refusal(
            make_executor(empty_book()), somewhere(server.sockets[0].getsockname()[1])
        )

    assert error.target_code == TargetCode.CONNECTION_FAILURE
    assert "closed the connection during the login" in error.message


async def test_a_host_without_a_common_algorithm(make_executor: MakeExecutor, serve: Serve) -> None:
    sshd = serve(config="KexAlgorithms sntrup761x25519-sha512@openssh.com")

    error = await refusal(make_executor(book_of(sshd)), target(sshd))

    assert error.target_code == TargetCode.CONNECTION_FAILURE
    # sshd hangs up as soon as it knows, which may be all that reaches us.
    assert re.search("no algorithm in common|know none of our algorithms", str(error))


async def test_hanging_hosts_hold_nobody_up(
    executor: SshExecutor, sshd: Sshd, make_executor: MakeExecutor
) -> None:
    with listening(backlog=100) as sock:
        port = sock.getsockname()[1]
        hanging = [
            asyncio.ensure_future(refusal(executor, somewhere(port, timeout_s=2)))
            for _ in range(50)
        ]
        await asyncio.sleep(0)
        begun = time.monotonic()  # noqa: TID251 - a real network is measured
        result = await run(executor, target(sshd), "echo quick")
        took = time.monotonic() - begun  # noqa: TID251
        errors = await asyncio.gather(*hanging)

    assert result.out == b"quick\n"
    assert took < 2
    assert {error.target_code for error in errors} == {TargetCode.CONNECTION_TIMEOUT}


async def test_the_second_address_of_a_name_is_tried(
    make_executor: MakeExecutor, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two_addresses(name: str, port: int, **_: object) -> list[tuple[object, ...]]:
        addresses = ["127.0.0.1", sshd.addresses[0]]  # nobody listens at the first
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    executor = make_executor(empty_book())
    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)

    error = await refusal(executor, target(sshd, address="two.example.org"))

    assert error.target_code == TargetCode.HOST_KEY_PENDING


async def test_work_on_a_cut_connection_is_unknown(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    sink = MemorySink()
    async with make_executor(book_of(sshd)).open(target(sshd)) as session:
        running = asyncio.ensure_future(
            session.run(command("echo begun; sleep 1000"), sink, StopSignal())
        )
        await sink.heard.wait()
        sshd.cut_connections()
        outcome = await running

    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CONNECTION_LOST)
    assert "it started, and how it ended cannot be known" in outcome.message
    assert sink.out == b"begun\n"


async def test_a_cut_before_the_work_said_that_it_started_is_unknown(
    make_executor: MakeExecutor, serve: Serve, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    sshd = serve(config=f"ForceCommand touch {trace}; sleep 1000")
    async with make_executor(book_of(sshd)).open(target(sshd)) as session:
        running = asyncio.ensure_future(session.run(command("true"), MemorySink(), StopSignal()))
        await eventually(trace.exists)
        sshd.cut_connections()
        outcome = await running

    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CONNECTION_LOST)
    assert "whether it started is not known" in outcome.message


async def test_a_peer_that_falls_silent_is_found_out(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    executor = make_executor(book_of(sshd), keep_alive=KeepAlive(interval_s=0.3, count=2))
    sink = MemorySink()
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(
            session.run(command("echo begun; sleep 1000"), sink, StopSignal())
        )
        await sink.heard.wait()
        sshd.pause()
        try:
            outcome = await asyncio.wait_for(running, 10)
        finally:
            sshd.resume()

    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CONNECTION_LOST)
    assert "not responding to keepalive" in outcome.message


class Proxy:
    """A wire between us and an sshd that a test can cut in the middle."""

    def __init__(self, sshd: Sshd) -> None:
        self._to = (sshd.addresses[0], sshd.port)
        self._writers: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._tasks: set[asyncio.Future[object]] = set()
        self.port = 0

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for pair in self._writers:
            for writer in pair:
                writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def half_close(self) -> None:
        """Say to our side that nothing more will come; its own words still pass."""
        for ours, _ in self._writers:
            ours.write_eof()

    async def _carry(self, reader: asyncio.StreamReader, ours: asyncio.StreamWriter) -> None:
        their_reader, theirs = await asyncio.open_connection(*self._to)
        self._writers.append((ours, theirs))
        for source, sink in ((reader, theirs), (their_reader, ours)):
            self._tasks.add(asyncio.ensure_future(self._pass(source, sink)))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(1 << 16):
            sink.write(data)


async def test_a_half_closed_connection_is_a_lost_one(
    make_executor: MakeExecutor, sshd: Sshd
) -> None:
    async with Proxy(sshd) as proxy:
        pinned = HostKeyRule(pinned=fingerprint(sshd.public_host_key()))
        to = target(sshd, address="127.0.0.1", port=proxy.port, host_key=pinned)
        sink = MemorySink()
        async with make_executor(empty_book()).open(to) as session:
            running = asyncio.ensure_future(
                session.run(command("echo begun; sleep 1000"), sink, StopSignal())
            )
            await sink.heard.wait()
            proxy.half_close()
            outcome = await asyncio.wait_for(running, 10)

    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CONNECTION_LOST)
