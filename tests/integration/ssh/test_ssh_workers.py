"""Sessions in worker processes: how they are shared out, and what a worker's death leaves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.domain.hostkeys import KeyStatus
from core.domain.run import TargetCode, TargetState
from core.errors import EnvironmentFault, TargetError
from core.executors.hostkeybook import InMemoryHostKeys
from core.executors.protocol import Claim, Outcome, Stream
from core.executors.stopping import StopSignal
from core.executors.workers import WorkerPool, Zygote
from tests.integration.ssh.conftest import Serve
from tests.support.processes import alive, parent_of
from tests.support.sshd import Sshd, loopback
from tests.support.waiting import eventually
from tests.support.work import (
    ACCEPT_NEW,
    MemorySink,
    book_of,
    command,
    empty_book,
    run,
    target,
)
from tests.support.workers import Zygotes, pool

pytestmark = pytest.mark.needs("sshd")

MB = 1_000_000
MakePool = Callable[..., WorkerPool]


@pytest.fixture
async def make_pool(zygotes: Zygotes, serve: Serve) -> AsyncIterator[MakePool]:
    """Makes pools that are closed when the test ends."""
    made = []

    def make(book: InMemoryHostKeys, **options: Any) -> WorkerPool:
        made.append(pool(zygotes, book, **options))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Sshd(tmp_path_factory.mktemp("fleet"), loopback(50, network=33)) as sshd:
        yield sshd


def pids(executor: WorkerPool) -> list[int]:
    return [worker.pid for worker in executor.status()]


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def open_files(pid: int) -> list[str]:
    return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]


# ---------------------------------------------------------------------- sharing out


async def test_few_sessions_need_no_worker_and_many_use_all(
    make_pool: MakePool, fleet: Sshd
) -> None:
    executor = make_pool(book_of(fleet), count=2, threshold=10)
    await asyncio.gather(*(run(executor, target(fleet, n), "echo") for n in range(9)))
    assert executor.status() == []

    results = await asyncio.gather(
        *(run(executor, target(fleet, n), f"echo {n}") for n in range(50))
    )

    assert [result.out for result in results] == [f"{n}\n".encode() for n in range(50)]
    await executor.caught_up()
    workers = executor.status()
    assert [worker.sessions for worker in workers] == [0, 0]
    assert [worker.connections for worker in workers] == [20, 20]


async def test_a_host_finds_its_connection_again(make_pool: MakePool, serve: Serve) -> None:
    sshd = serve(addresses=loopback(12, network=34))
    executor = make_pool(book_of(sshd), count=2, threshold=2)

    for _ in range(3):
        await asyncio.gather(*(run(executor, target(sshd, n), "true") for n in range(12)))

    assert sshd.log.read_text().count("Accepted publickey") == 12


async def test_a_worker_that_is_not_needed_goes(make_pool: MakePool, sshd: Sshd) -> None:
    executor = make_pool(book_of(sshd), idle_s=0.1)
    await run(executor, target(sshd), "true")
    (pid,) = pids(executor)

    await eventually(lambda: not alive([pid]))

    assert (await run(executor, target(sshd), "echo again")).out == b"again\n"


async def test_workers_have_nothing_of_the_engine_and_go_with_it(
    zygotes: Zygotes, sshd: Sshd
) -> None:
    executor = pool(zygotes, book_of(sshd), count=2)
    await asyncio.gather(*(run(executor, target(sshd, n), "sleep 0.2") for n in range(4)))
    workers = pids(executor)

    for pid in workers:
        assert {name for name in open_files(pid) if name.startswith("/")} == {"/dev/null"}

    assert len(workers) == 2
    await executor.close()
    assert alive(workers) == []


# ---------------------------------------------------------------------- memory and back-pressure


class Measuring(MemorySink):
    """Counts, keeps nothing, and watches the memory of this process and of a worker."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self._pids = (os.getpid(), pid)
        self.size = 0
        self.most = dict.fromkeys(self._pids, 0)

    def write(self, stream: Stream, data: bytes) -> bool:
        self.size += len(data)
        for pid in self._pids:
            self.most[pid] = max(self.most[pid], resident_bytes(pid))
        return True


async def test_100_mb_arrive_in_flat_memory_of_engine_and_worker(
    make_pool: MakePool, sshd: Sshd
) -> None:
    executor = make_pool(book_of(sshd))
    await run(executor, target(sshd), f"head -c {5 * MB} /dev/zero")
    (pid,) = pids(executor)
    sink, before = Measuring(pid), {each: resident_bytes(each) for each in (os.getpid(), pid)}

    async with executor.open(target(sshd)) as session:
        work = command(f"head -c {100 * MB} /dev/zero")
        outcome = await session.run(work, sink, StopSignal())

    assert (outcome.state, sink.size) == (TargetState.SUCCESS, 100 * MB)
    grown = {each: sink.most[each] - before[each] for each in before}
    assert max(grown.values()) < 16 * MB, grown


# ---------------------------------------------------------------------- death


class Claimed(MemorySink):
    """The sink of a work that may be claimed; the target can hold the claim."""

    async def unclaimed(self, reason: str) -> None:
        raise AssertionError(reason)


@pytest.mark.expect_logs("ERROR core.executors.workers.pool: .*signal 9.*worker.died")
async def test_50_sessions_of_a_worker_that_is_killed_are_unknown_and_the_next_ones_work(
    make_pool: MakePool, fleet: Sshd
) -> None:
    executor = make_pool(book_of(fleet), count=2)
    sinks = [MemorySink() for _ in range(50)]

    async def follow(n: int) -> Outcome:
        async with executor.open(target(fleet, n)) as session:
            return await session.run(command(f"echo {n}; sleep 1000"), sinks[n], StopSignal())

    running = [asyncio.ensure_future(follow(n)) for n in range(50)]
    await asyncio.gather(*(sink.heard.wait() for sink in sinks))
    killed, spared = pids(executor)
    os.kill(killed, signal.SIGKILL)
    done, going_on = await asyncio.wait(running, timeout=5)

    assert (len(done), len(going_on)) == (25, 25)
    outcomes = [each.result() for each in done]
    assert {(each.state, each.code) for each in outcomes} == {
        (TargetState.UNKNOWN, TargetCode.CONNECTION_LOST)
    }
    assert {each.message.split(";")[0] for each in outcomes} == {
        "the connection was lost: a worker process ended (signal 9)"
    }
    assert [sink.out for sink in sinks] == [f"{n}\n".encode() for n in range(50)]

    again = await asyncio.gather(*(run(executor, target(fleet, n), "echo") for n in range(50)))
    assert Counter(each.outcome.state for each in again) == {TargetState.SUCCESS: 50}
    assert Counter(worker.restarts for worker in executor.status()) == {0: 1, 1: 1}
    assert spared in pids(executor)
    assert killed not in pids(executor)
    for each in going_on:
        each.cancel()
    await asyncio.wait(going_on)


@pytest.mark.expect_logs("worker.died")
async def test_a_claimed_work_on_a_killed_worker_may_be_followed_from_what_the_sink_got(
    make_pool: MakePool, sshd: Sshd
) -> None:
    executor, sink = make_pool(book_of(sshd)), Claimed()
    work = command("head -c 300000 /dev/zero; sleep 1000", claim=Claim(run_id="r", epoch=1))
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(session.run(work, sink, StopSignal()))
        await sink.heard.wait()
        os.kill(pids(executor)[0], signal.SIGKILL)
        outcome = await running
        got = len(sink.out)
        await session.settle()

    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.LINE_LOST)
    assert outcome.may_be_followed
    assert len(sink.out) == got <= 300_000


@pytest.mark.expect_logs("worker.died")
async def test_what_was_not_sent_yet_may_be_tried_again(make_pool: MakePool, sshd: Sshd) -> None:
    executor = make_pool(book_of(sshd))
    async with executor.open(target(sshd)) as session:
        (pid,) = pids(executor)
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: not executor.status())
        outcome = await session.run(command("echo"), MemorySink(), StopSignal())

    assert (outcome.state, outcome.code) == (
        TargetState.UNREACHABLE,
        TargetCode.CONNECTION_FAILURE,
    )
    assert "broke before the work was sent: a worker process ended (signal 9)" in outcome.message


@pytest.mark.expect_logs("worker.died")
async def test_a_session_that_opens_while_its_worker_dies_is_refused(
    make_pool: MakePool, sshd: Sshd
) -> None:
    executor = make_pool(book_of(sshd))
    await run(executor, target(sshd), "true")

    async def enter(port: int) -> None:
        async with executor.open(target(sshd, 1, port=port)):
            raise AssertionError("nobody answers there")

    with socket.create_server(("0.0.0.0", 0)) as silent:
        entering = asyncio.ensure_future(enter(silent.getsockname()[1]))
        await eventually(lambda: executor.status()[0].sessions == 1)
        os.kill(pids(executor)[0], signal.SIGKILL)

        with pytest.raises(TargetError, match=r"worker process ended \(signal 9\)") as caught:
            await entering
    assert caught.value.target_code == TargetCode.CONNECTION_FAILURE


@pytest.mark.slow
@pytest.mark.expect_logs("it had not answered for 8 s.*worker.died")
async def test_a_worker_that_hangs_is_replaced(make_pool: MakePool, sshd: Sshd) -> None:
    executor, sink = make_pool(book_of(sshd)), MemorySink()
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(
            session.run(command("echo; sleep 1000"), sink, StopSignal())
        )
        await sink.heard.wait()
        (pid,) = pids(executor)
        os.kill(pid, signal.SIGSTOP)
        outcome = await asyncio.wait_for(running, 20)

    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CONNECTION_LOST)
    await eventually(lambda: not alive([pid]))
    assert (await run(executor, target(sshd), "echo next")).out == b"next\n"


# ---------------------------------------------------------------------- death of the zygote


class Stillborn:
    """Makes zygotes that are gone before they hear anything."""

    births = 0

    def new(self) -> Zygote:
        ours, theirs = socket.socketpair()
        theirs.close()
        return Zygote(ours, again=self._bear)

    def _bear(self, control: socket.socket) -> None:
        self.births += 1


def deaths(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What the log says of zygotes that died."""
    records = [json.loads(record.getMessage()) for record in caplog.records]
    return [record for record in records if record["event"] == "zygote.died"]


@pytest.mark.expect_logs("ERROR core.executors.workers.zygote: .*zygote.died")
async def test_a_killed_zygote_is_replaced_and_costs_no_session(
    make_pool: MakePool, fleet: Sshd, caplog: pytest.LogCaptureFixture
) -> None:
    executor, sinks = make_pool(book_of(fleet), count=2), [MemorySink() for _ in range(6)]

    async def follow(n: int) -> Outcome:
        async with executor.open(target(fleet, n)) as session:
            work = command("echo; sleep 1; echo end")
            return await session.run(work, sinks[n], StopSignal())

    running = [asyncio.ensure_future(follow(n)) for n in range(6)]
    await asyncio.gather(*(sink.heard.wait() for sink in sinks))
    first = pids(executor)
    os.kill(parent_of(first[0]), signal.SIGKILL)

    assert {each.state for each in await asyncio.gather(*running)} == {TargetState.SUCCESS}
    assert [sink.out for sink in sinks] == [b"\nend\n"] * 6
    assert pids(executor) == first

    for worker in executor._living():
        worker.retire()
    await eventually(lambda: not alive(first))
    assert (await run(executor, target(fleet), "echo next")).out == b"next\n"
    assert len(pids(executor)) == 1
    assert len(deaths(caplog)) == 1


@pytest.mark.expect_logs("zygote.died", "worker.died")
async def test_a_worker_that_outlived_its_zygote_is_seen_to_die(
    make_pool: MakePool, sshd: Sshd
) -> None:
    executor, sink = make_pool(book_of(sshd)), Claimed()
    work = command("echo; sleep 1000", claim=Claim(run_id="r", epoch=1))
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(session.run(work, sink, StopSignal()))
        await sink.heard.wait()
        (pid,) = pids(executor)
        os.kill(parent_of(pid), signal.SIGKILL)
        await eventually(lambda: not executor._zygote.is_alive)
        os.kill(pid, signal.SIGKILL)
        outcome = await running
        await session.settle()

    assert outcome.may_be_followed
    assert "a worker process ended (nobody saw how)" in outcome.message
    assert (await run(executor, target(sshd), "echo next")).out == b"next\n"
    assert pids(executor) not in ([], [pid])


@pytest.mark.slow
@pytest.mark.expect_logs("zygote.died", "it had not answered for 8 s.*worker.died")
async def test_a_worker_that_outlived_its_zygote_and_hangs_is_ended(
    make_pool: MakePool, sshd: Sshd
) -> None:
    executor = make_pool(book_of(sshd))
    await run(executor, target(sshd), "true")
    (pid,) = pids(executor)
    os.kill(parent_of(pid), signal.SIGKILL)
    os.kill(pid, signal.SIGSTOP)

    await eventually(lambda: not alive([pid]))


@pytest.mark.expect_logs("zygote.died")
async def test_workers_that_outlived_their_zygote_go_with_the_engine(
    zygotes: Zygotes, sshd: Sshd
) -> None:
    executor = pool(zygotes, book_of(sshd))
    await run(executor, target(sshd), "true")
    (pid,) = pids(executor)
    os.kill(parent_of(pid), signal.SIGKILL)
    await eventually(lambda: not executor._zygote.is_alive)
    os.kill(pid, signal.SIGSTOP)

    await executor.close()

    await eventually(lambda: not alive([pid]))


@pytest.mark.expect_logs("zygote.died")
async def test_zygotes_that_die_at_once_are_replaced_ever_more_rarely(
    sshd: Sshd, caplog: pytest.LogCaptureFixture
) -> None:
    made_by = Stillborn()
    executor = pool(made_by, book_of(sshd))

    for n in range(8):
        executor._zygote._not_before = 0
        for _ in range(3):
            assert (await run(executor, target(sshd), f"echo {n}")).out == f"{n}\n".encode()

    assert [death["delay_s"] for death in deaths(caplog)] == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert made_by.births == 8
    await executor.close()


@pytest.mark.expect_logs("zygote.died")
async def test_a_zygote_that_cannot_be_started_is_tried_ever_more_rarely() -> None:
    def fail(control: socket.socket) -> None:
        raise BlockingIOError("no more processes")

    ours, theirs = socket.socketpair()
    theirs.close()
    zygote, delays = Zygote(ours, again=fail), []
    for _ in range(8):
        zygote._not_before = 0
        with pytest.raises(EnvironmentFault, match="no more processes"):
            await zygote.start()
        delays.append(round(zygote._not_before - asyncio.get_running_loop().time()))
    zygote.close()

    assert delays == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_without_a_zygote_the_engine_does_the_work_itself(
    make_pool: MakePool, sshd: Sshd
) -> None:
    executor = make_pool(book_of(sshd))
    executor._zygote.close()

    assert (await run(executor, target(sshd), "echo here")).out == b"here\n"
    assert (await run(executor, target(sshd), "echo here")).out == b"here\n"
    assert executor.status() == []


# ---------------------------------------------------------------------- host keys


async def test_a_revoked_key_is_trusted_nowhere_once_that_is_acknowledged(
    make_pool: MakePool, fleet: Sshd
) -> None:
    book = book_of(fleet)
    executor = make_pool(book, count=2)
    await asyncio.gather(*(run(executor, target(fleet, n), "true") for n in range(8)))

    for known in book.records():
        book.put(msgspec.structs.replace(known, status=KeyStatus.REVOKED))
    await book.caught_up()
    answers = await asyncio.gather(
        *(run(executor, target(fleet, n), "true") for n in range(8)), return_exceptions=True
    )

    codes = {answer.target_code for answer in answers if isinstance(answer, TargetError)}
    assert codes == {TargetCode.HOST_KEY_REVOKED}
    assert len(answers) == 8


async def test_a_first_key_seen_by_a_worker_is_on_the_engines_record_and_every_workers(
    make_pool: MakePool, fleet: Sshd
) -> None:
    seen = []
    book = empty_book()
    book._on_new = seen.append
    executor = make_pool(book, count=2)

    await asyncio.gather(
        *(run(executor, target(fleet, n, host_key=ACCEPT_NEW), "true") for n in range(6))
    )

    names = {f"[{address}]:{fleet.port}" for address in fleet.addresses[:6]}
    assert {key.pattern for key in seen} == names
    assert len(seen) == 6
    assert {key.pattern for key in book.records()} == names
    assert {key.status for key in book.records()} == {KeyStatus.APPROVED}
