"""Kinds of access for the contract: how each is told the same few things, against the real far side.

A new kind is a context manager that yields an `Access`, and one entry in `ACCESSES`.
"""

from __future__ import annotations

import asyncio
import csv
import io
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from core.domain.run import TargetCode
from core.domain.steps import Given, HttpStep, SqlStep
from core.errors import TargetError
from core.executors.http import HttpExecutor
from core.executors.local import LocalExecutor
from core.executors.protocol import Executor, Login, Stream, Target, Winrm, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.executors.sql import SqlExecutor
from core.executors.ssh import SshExecutor
from core.executors.winrm import WinrmExecutor
from tests.support import winrm_line
from tests.support.certificates import Authority
from tests.support.postgres import PASSWORD, Postgres
from tests.support.processes import alive
from tests.support.sshd import Sshd, kill, loopback, temporary_sshd
from tests.support.webserver import Reply, WebServer
from tests.support.winrmd import WinrmServer
from tests.support.work import QUICK, MemorySink, book_of, command, new_token, script
from tests.support.work import target as ssh_target

LONG_S = 600
"""Longer than any test waits."""
Place = Callable[["Servers", Path], AbstractAsyncContextManager["Access"]]


class Servers:
    """What several cases share: started when the first of them needs it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    @cached_property
    def sshd(self) -> Sshd:
        return self._stack.enter_context(temporary_sshd(addresses=loopback(1, network=29)))

    @cached_property
    def postgres(self) -> Postgres:
        server = self._stack.enter_context(Postgres())
        server.role("app")
        return server


@dataclass(kw_only=True)
class Access:
    """One kind of access, and how to have the far side do what a case is about."""

    executor: Executor
    target: Target
    prints: Callable[[str], Work]
    """Prints this text, and ends well."""
    shown: Callable[[str], bytes] = str.encode
    """What must arrive of it."""
    prints_bytes: Callable[[bytes], Work] | None = None
    """Prints these bytes, which are no text."""
    fails: Work
    failure: TargetCode
    lasts: Callable[[float | None], Work]
    """Goes on for minutes; with a time limit."""
    is_at_work: Callable[[MemorySink], object]
    """Whether the far side is in the middle of `lasts`, as the far side sees it."""
    with_secret: Callable[[str], Work]
    """`lasts`, with a secret among its values."""
    unreachable: tuple[Target, Work] | None = None
    """Where nobody answers."""
    refused: tuple[Target, Work] | None = None
    """Where the login is not taken."""
    lose: Callable[[MemorySink], Awaitable[None]] | None = None
    """Cut the line in the middle of `cut`."""
    cut: Work | None = None
    """Goes on for minutes, and cannot be repeated; None: `lasts`."""
    ends_there: bool = True
    """Whether the far side shows that the work has ended."""
    splits_streams: Work | None = None
    """Prints `out` and `err`, each on its stream."""


def _pid(sink: MemorySink) -> list[int]:
    return alive(sink.out.split()[:1])


@contextmanager
def _dead_port() -> Iterator[int]:
    """A port that is bound and takes no connection."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def _octal(data: bytes) -> str:
    return "".join(f"\\{byte:03o}" for byte in data)


def _program_access(executor: Executor, target: Target, **more: Any) -> Access:
    """What all have in common that end in a POSIX shell."""
    endless = f"echo $$; exec sleep {LONG_S}"
    return Access(
        executor=executor,
        target=target,
        prints=lambda text: script('printf %s "$TEXT"', env={"TEXT": text}),
        prints_bytes=lambda data: command(f"printf '{_octal(data)}'"),
        fails=command("exit 7"),
        failure=TargetCode.NON_ZERO_RESULT,
        lasts=lambda limit: command(endless, timeout_s=limit),
        is_at_work=_pid,
        with_secret=lambda secret: command(endless, env={"TOKEN": secret}),
        splits_streams=command("echo out; echo err >&2"),
        **more,
    )


@asynccontextmanager
async def local(servers: Servers, folder: Path) -> AsyncIterator[Access]:
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    executor = LocalExecutor(QUICK, new_token, environ)
    here = Target(host="engine", address="localhost", login=Login(user=""))
    yield _program_access(executor, here)
    await executor.close()


@asynccontextmanager
async def ssh(servers: Servers, folder: Path) -> AsyncIterator[Access]:
    server = servers.sshd
    with _dead_port() as dead:
        executor = SshExecutor(book_of(server), patience=QUICK, new_token=new_token, environ={})

        async def lose(sink: MemorySink) -> None:
            kill(server.sessions())

        there = ssh_target(server)
        wrong = Login(user=there.login.user, password="wrong-9Xk")
        yield _program_access(
            executor,
            there,
            unreachable=(ssh_target(server, port=dead), command("true")),
            refused=(ssh_target(server, login=wrong), command("true")),
            lose=lose,
        )
        await executor.close()


@asynccontextmanager
async def winrm(servers: Servers, folder: Path) -> AsyncIterator[Access]:
    """The host is a double, whose PowerShell is Python and /bin/sh; the line to it is real."""
    home, authority = folder / "windows home", Authority(folder)
    home.mkdir()
    executor = WinrmExecutor(QUICK, new_token)
    with WinrmServer(home, authority, proof="basic") as server, _dead_port() as dead:

        def there(**more: Any) -> Target:
            given = {
                "host": "win1",
                "address": "127.0.0.1",
                "port": server.port,
                "login": Login(user=winrm_line.USER, password=winrm_line.PASSWORD),
                "winrm": Winrm(authentication="basic", ca=authority.pem),
            }
            return Target(**{**given, **more})

        async def lose(sink: MemorySink) -> None:
            server.cut()

        wrong = Login(user=winrm_line.USER, password="wrong-9Xk")
        yield _program_access(
            executor,
            there(),
            unreachable=(there(port=dead), command("true")),
            refused=(there(login=wrong), command("true")),
            lose=lose,
        )
        await executor.close()


@asynccontextmanager
async def http(servers: Servers, folder: Path) -> AsyncIterator[Access]:
    clock = SystemClock()
    executor = HttpExecutor(clock)

    def request(path: str, *, limit: float | None = None, **spec: Any) -> Work:
        step = HttpStep.model_validate(
            {"kind": "http", "name": "main", "url": web.url(path), "tries": 1, **spec}
        )
        return Work(attempt_id=new_token(), task=step.task(Given(script=None, env={})),
                    timeout_s=limit)  # fmt: skip

    def prints(data: bytes) -> Work:
        web.serve("/text", Reply(body=data))
        return request("/text")

    with WebServer() as web, _dead_port() as dead:
        web.serve("/bad", Reply(500, b"no"))
        web.serve("/slow", Reply(delay_s=LONG_S))
        web.serve("/dropped", Reply(drop=True))
        networks = ("127.0.0.0/8",)
        there = Target(
            host="web1", address="127.0.0.1", login=Login(user=""), networks=networks
        )  # fmt: skip

        async def lose(sink: MemorySink) -> None:
            """The server hangs up by itself."""

        yield Access(
            executor=executor,
            target=there,
            prints=lambda text: prints(text.encode()),
            prints_bytes=prints,
            fails=request("/bad"),
            failure=TargetCode.UNEXPECTED_ANSWER,
            lasts=lambda limit: request("/slow", limit=limit),
            is_at_work=lambda sink: [each for each in web.received if each.target == "/slow"],
            with_secret=lambda secret: request("/slow", headers={"Authorization": secret}),
            lose=lose,
            cut=request("/dropped", method="POST"),
            ends_there=False,
            unreachable=(there, request("/", url=f"http://127.0.0.1:{dead}/")),
        )
        web.released.set()
        await executor.close()


def _as_csv(text: str) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows([["t"], [text]])
    return written.getvalue().encode()


@asynccontextmanager
async def sql(servers: Servers, folder: Path) -> AsyncIterator[Access]:
    executor = SqlExecutor(SystemClock())
    server = servers.postgres
    with _dead_port() as dead:

        def ask(text: str, *, limit: float | None = None, **spec: Any) -> Work:
            step = SqlStep.model_validate(
                {"kind": "sql", "name": "main", "database": "postgresql", "db": "postgres",
                 "port": server.port, "text": text, "tries": 1, **spec}
            )  # fmt: skip
            return Work(attempt_id=new_token(), task=step.task(Given(script=None, env={})),
                        timeout_s=limit)  # fmt: skip

        def there(**more: Any) -> Target:
            login = Login(user="app", password=PASSWORD)
            return Target(**{"host": "db1", "address": "127.0.0.1", "login": login, **more})

        async def lose(sink: MemorySink) -> None:
            server.query(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'",
            )

        endless = f"SELECT pg_sleep({LONG_S})"
        yield Access(
            executor=executor,
            target=there(),
            prints=lambda text: ask("SELECT :t::text AS t", parameters={"t": text}, result="csv"),
            shown=_as_csv,
            fails=ask("SELECT 1 / 0"),
            failure=TargetCode.STATEMENT_FAILED,
            lasts=lambda limit: ask(endless, limit=limit),
            is_at_work=lambda sink: server.at_work("postgres"),
            with_secret=lambda secret: ask(
                f"SELECT pg_sleep({LONG_S}), :s::text", parameters={"s": secret}
            ),
            unreachable=(there(), ask("SELECT 1", port=dead)),
            refused=(there(login=Login(user="app", password="wrong-9Xk")), ask("SELECT 1")),
            lose=lose,
        )
        await executor.close()


@asynccontextmanager
async def scripted(servers: Servers, folder: Path) -> AsyncIterator[Access]:
    """The double that other tests use keeps the same contract."""
    never = asyncio.Event()

    def behave(target: Target, work: Work | None) -> Behaviour:
        if target.host == "gone":
            return Behaviour(refuses=TargetError("ConnectionFailure", "gone: nobody answers"))
        if target.host == "locked":
            return Behaviour(refuses=TargetError("AuthenticationFailure", "locked: not you"))
        assert work is not None or target.host == "h1"
        text = "" if work is None else work.program.text
        match text.partition(" ")[0]:
            case "print":
                return Behaviour(
                    output=((Stream.OUT, text[6:].encode("utf-8", "surrogateescape")),)
                )
            case "both":
                return Behaviour(output=((Stream.OUT, b"out\n"), (Stream.ERR, b"err\n")))
            case "fail":
                return Behaviour(exit_code=7)
            case "cut":
                return Behaviour(output=((Stream.OUT, b"on"),), lost_at=(2,))
        return Behaviour(until=never)

    executor = ScriptedExecutor(behave)

    def there(host: str) -> Target:
        return Target(host=host, address=host, login=Login(user="deploy"))

    async def lose(sink: MemorySink) -> None:
        """The script does it by itself."""

    yield Access(
        executor=executor,
        target=there("h1"),
        prints=lambda text: command(f"print {text}"),
        prints_bytes=lambda data: command(f"print {data.decode('utf-8', 'surrogateescape')}"),
        fails=command("fail"),
        failure=TargetCode.NON_ZERO_RESULT,
        lasts=lambda limit: command("last", timeout_s=limit),
        is_at_work=lambda sink: executor.running,
        with_secret=lambda secret: command("last", env={"TOKEN": secret}),
        unreachable=(there("gone"), command("print x")),
        refused=(there("locked"), command("print x")),
        lose=lose,
        cut=command("cut"),
        splits_streams=command("both"),
    )
    await executor.close()


ACCESSES: dict[str, Place] = {
    "ssh": ssh,
    "winrm": winrm,
    "local": local,
    "http": http,
    "sql": sql,
    "scripted": scripted,
}
"""Name -> the real thing; `winrm` has a double at the other end of its line, `scripted` is one."""
