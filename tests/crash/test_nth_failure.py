"""The n-th write, sync, open or connect fails, for n = 1, 2, 3 … until one passes clean.

Whatever fails: one clear message, nothing acknowledged is lost, and the next attempt works.
Hosts are scripted where the disk fails (the double says what was started and how often), and
real where connections fail.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from core import failpoints
from core.bootstrap import open_engine
from core.clock import SystemClock
from core.domain.documents import parse
from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.errors import OpsError, TargetError
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.executors.ssh import SshExecutor
from core.flow.definition import RunRequest
from core.home import Home
from core.ids import UlidSource
from core.runtime import recording
from core.runtime.engine import Engine
from core.storage import backup, output, runs
from core.storage.reading import Connection
from core.storage.runs import TargetFilter
from core.storage.store import Store
from tests.crash.disk import FAILURES, Disk, Failure, failing_disk
from tests.support.sshd import Sshd, loopback, temporary_sshd
from tests.support.waiting import eventually
from tests.support.work import QUICK, book_of, new_token, run, target

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="SQLite is a library of its own there"),
]

T = TypeVar("T")

PRINTED = b"0123456789abcdef" * 6000
"""More than one chunk of output."""
MARK = {"kind": "script", "name": "mark", "spec": {"text": "echo 1", "language": "sh"}}
STEP = {"kind": "command", "name": "main", "command": "x"}
HOSTS = ("h1", "h2")
LONGEST = 2000
"""Operations at which a path that never passes clean is given up."""


def script(target: Target, work: Work | None) -> Behaviour:
    return Behaviour(output=((Stream.OUT, PRINTED),))


@dataclass
class Site:
    """A home in which a run was lost half way; afterwards, what was acknowledged there."""

    home: Path
    lost: str
    """The run."""
    executor: ScriptedExecutor = field(default_factory=lambda: ScriptedExecutor(script))
    run: str = ""
    said: list[OpsError] = field(default_factory=list)
    """What was refused."""

    async def live(self) -> None:
        """Take up what was lost, change documents, run to the end, stop."""
        engine = await self.twice(self.open)
        try:
            await self.twice(lambda: put(engine, MARK))
            self.run = await self.twice(lambda: start(engine, hosts=HOSTS))
            await end(engine, self.run)
            await end(engine, self.lost)
        finally:
            await engine.stop()

    async def twice(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do it; when it is refused, do it again: one failure must not cost two."""
        try:
            return await act()
        except OpsError as error:
            self.said.append(error)
            return await act()

    async def open(self) -> Engine:
        executors = {"ssh": self.executor, "local": self.executor}
        engine = open_engine(Home(self.home), executors=executors)
        try:
            await engine.start()
        except BaseException:
            await engine.stop()
            raise
        return engine

    def check(self) -> None:
        """Everything acknowledged is there, whole and once."""
        with closing(sqlite3.connect(Home(self.home).database)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            found = dict(database.execute("SELECT id, state FROM run"))
            assert set(found) == {self.lost, self.run}
            assert found[self.run] == RunState.SUCCEEDED
            assert found[self.lost] in TERMINAL_RUN_STATES
            query = "SELECT 1 FROM document WHERE name = 'mark'"
            assert database.execute(query).fetchone() == (1,)
        assert set(self.executor.started.values()) == {1}
        clock = SystemClock()
        store = Store.open(self.home, clock, UlidSource(clock))
        try:
            assert store.reader.read_now(self.printed) == [PRINTED] * len(HOSTS)
        finally:
            store.close()

    def printed(self, connection: Connection) -> list[bytes]:
        rows = runs.targets_of(connection, self.run, TargetFilter())
        return [
            b"".join(segment.data for segment in output.iter_all(connection, row.id, ("out",)))
            for row in rows
        ]


async def start(engine: Engine, **more: Any) -> str:
    row = await engine.runs.start(RunRequest(step=STEP, **more), "ada", None)
    return row.id


async def end(engine: Engine, run_id: str) -> None:
    async with asyncio.timeout(20):
        while driver := engine.runs.live.get(run_id):
            await driver.finished.wait()
            await asyncio.sleep(0)


async def put(engine: Engine, *documents: dict[str, Any]) -> None:
    batch = [parse(body) for body in documents]
    await engine.store.writer.write(lambda tx: engine.documents.apply(tx, batch, "ada"))


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with a run that an engine left behind, and the run."""
    home = tmp_path_factory.mktemp("lost") / "j"
    stay = asyncio.Event()
    site = Site(home, "", ScriptedExecutor(lambda _target, _work: Behaviour(until=stay)))

    async def leave() -> None:
        engine = await site.open()
        hosts = ({"kind": "host", "name": name, "spec": {"protocol": "local"}} for name in HOSTS)
        await put(engine, *hosts)
        site.lost = await start(engine, hosts=HOSTS)
        await eventually(lambda: len(site.executor.started) == len(HOSTS))
        backup.backup(engine.store.path, home.with_name("left.db"))
        stay.set()
        await engine.stop()

    asyncio.run(leave())
    return home.with_name("left.db"), site.lost


LATER = pytest.mark.expect_logs("storage.refused|output cannot be indexed now|periodic.not-kept")
"""What had to be kept was kept later, or found later: the log says that it took more than once."""
QUIET = "truncate"
"""Nobody waits for it: logs shrink in the background."""

each_failure = pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(failure, id=name, marks=() if failure.operation == QUIET else LATER)
        for name, failure in FAILURES.items()
    ],
)
def test_whichever_operation_of_the_disk_fails_nothing_is_lost_and_the_next_attempt_works(
    failure: Failure, lost: tuple[Path, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_RETRY_DELAY_S", 0.001)
    refusals = list[OpsError]()
    with failing_disk(home) as disk:
        for number in numbers(disk, failure):
            site = Site(home / str(number), lost[1])
            site.home.mkdir(mode=0o700)
            shutil.copy(lost[0], Home(site.home).database)
            with disk.fails(failure, number):
                asyncio.run(site.live())
            site.check()
            shutil.rmtree(site.home)
            refusals += site.said
    assert [str(said) for said in refusals if not is_clear(said)] == []


@pytest.mark.timeout(120)
@each_failure
def test_whichever_operation_fails_a_backup_is_whole_or_leaves_nothing(
    failure: Failure, lost: tuple[Path, str], home: Path
) -> None:
    refusals = list[OpsError]()
    folder = home / "backups"
    folder.mkdir()
    with failing_disk(home) as disk:
        for number in numbers(disk, failure):
            copy = folder / f"{number}.db"
            with disk.fails(failure, number):
                try:
                    backup.backup(lost[0], copy)
                except OpsError as error:
                    refusals.append(error)
            if copy.exists():
                backup.check(copy)
                copy.unlink()
            assert list(folder.iterdir()) == [], number
            backup.backup(lost[0], copy)
            copy.unlink()
    assert [str(said) for said in refusals if not is_clear(said)] == []


def numbers(disk: Disk, failure: Failure) -> Iterator[int]:
    """1, 2, 3 … until the path passed without coming to that operation."""
    for number in range(1, LONGEST, failure.stride):
        yield number
        if not disk.struck:
            return
    raise AssertionError(f"{LONGEST} operations failed, and none of the paths passed clean")


def is_clear(said: OpsError) -> bool:
    """Whether it says what could not be done, and what to try."""
    return any(word in str(said) for word in ("disk", "cannot", "full")) and bool(said.hint)


# --- connections ------------------------------------------------------------------------------


@pytest.mark.needs("sshd")
@pytest.mark.parametrize("point", ["ssh.connecting", "ssh.connected"])
async def test_whichever_connection_fails_its_host_alone_says_so_and_the_next_attempt_works(
    point: str,
) -> None:
    hosts = 3
    with temporary_sshd(addresses=loopback(hosts, network=78)) as sshd:
        executor = SshExecutor(book_of(sshd), QUICK, new_token, idle_s=0)
        try:
            for error in ("EMFILE", "ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH"):
                for number in range(1, hosts + 2):
                    failpoints.arm(f"{point}=error:{error}@{number}")
                    refused = [said for said in await visit(executor, sshd) if said is not None]
                    failpoints.arm("")
                    assert len(refused) == (number <= hosts), (error, number)
                    assert all("host00" in said.message for said in refused)
                    assert await visit(executor, sshd) == [None] * hosts
        finally:
            failpoints.arm("")
            await executor.close()


async def visit(executor: SshExecutor, sshd: Sshd) -> list[TargetError | None]:
    """Run something on every host; how each was refused."""

    async def one(index: int) -> TargetError | None:
        try:
            done = await run(executor, target(sshd, index), "echo ok")
        except TargetError as error:
            return error
        assert done.out == b"ok\n"
        return None

    return await asyncio.gather(*(one(index) for index in range(len(sshd.addresses))))
