"""Work under a claim behind a real sshd: started once, followed to its end, whatever the line does."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from core.domain.run import TargetCode, TargetState
from core.executors import outcomes
from core.executors.protocol import BecomeLogin, Claim, Position, Stream, Work
from core.executors.ssh import SshExecutor
from core.executors.stopping import StopSignal
from tests.integration.ssh.conftest import BOTH_CARRIERS, MakeExecutor, Serve, connections_of
from tests.support.fleet import Gate
from tests.support.processes import alive
from tests.support.sshd import Sshd, kill
from tests.support.users import Users
from tests.support.waiting import eventually
from tests.support.work import MemorySink, Result, book_of, command, login, script, target

pytestmark = pytest.mark.needs("sshd")
CARRIERS = BOTH_CARRIERS


def claimed(text: str, **more: object) -> Work:
    return command(text, claim=Claim(run_id="r1", epoch=1), **more)


def again(work: Work, *results: Result, running_s: float = 0.0, epoch: int = 1) -> Work:
    """`work`, to be followed from where `results` left it."""
    assert work.claim is not None
    at = Position(
        out=sum(len(result.out) for result in results),
        err=sum(len(result.sink.err) for result in results),
    )
    claim = msgspec.structs.replace(work.claim, resume=at, running_s=running_s, epoch=epoch)
    return msgspec.structs.replace(work, claim=claim)


async def run(
    executor: SshExecutor,
    sshd: Sshd,
    work: Work,
    *,
    settles: bool = True,
    sink: MemorySink | None = None,
    stop: StopSignal | None = None,
    **of_target: object,
) -> Result:
    sink = sink or MemorySink()
    async with executor.open(target(sshd, **of_target)) as session:
        outcome = await session.run(work, sink, stop or StopSignal())
        if settles:
            await session.settle()
    return Result(outcome, sink)


def claims(sshd: Sshd) -> list[str]:
    spool = sshd.home / ".jobdeck"
    return [path.name for path in spool.iterdir() if path.is_dir()] if spool.exists() else []


WORKS = {
    "argument": claimed("echo out; echo err >&2; exit 3"),
    "standard input": claimed("echo out; echo err >&2; exit $A", env={"A": "3"}),
    "script": script(
        "echo out\necho err >&2\nexit $1", "sh", "3", claim=Claim(run_id="r1", epoch=1)
    ),
}


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS.keys())
async def test_output_and_status_come_back_and_nothing_stays(
    executor: SshExecutor, sshd: Sshd, work: Work
) -> None:
    result = await run(executor, sshd, work)

    assert result.outcome.exit_code == 3
    assert (result.out, result.sink.err, result.sink.note) == (b"out\n", b"err\n", b"")
    await eventually(lambda: work.attempt_id not in claims(sshd))


@pytest.mark.needs("fish", "csh", "sudo", "su")
@pytest.mark.needs_root
@pytest.mark.parametrize("login_shell", ["/bin/sh", "/usr/bin/csh", "/usr/bin/fish"])
@pytest.mark.parametrize("become", ["", "sudo", "su"])
async def test_every_login_shell_and_every_door_leads_to_a_claim_at_home(
    make_executor: MakeExecutor, serve: Serve, users: Users, login_shell: str, become: str
) -> None:
    sshd = serve(own_homes=True, config="StrictModes no")
    name = Path(login_shell).name
    rule = "ALL=(ALL) NOPASSWD: ALL"
    user = users.user(name, login_shell=login_shell, sudo=rule)
    other = users.user("other")
    door = BecomeLogin(
        method=become, user=other.name, password=other.password if become == "su" else None
    )
    who, home = (other.name, other.home) if become else (user.name, user.home)
    to = login(sshd.client_key, user.name, become=door if become else None)
    executor = make_executor(book_of(sshd))

    for work in (
        claimed("id -un; echo err >&2; ls .jobdeck"),
        claimed("id -un; echo err >&2; ls .jobdeck; : $A", env={"A": "it's"}),
    ):
        result = await run(executor, sshd, work, login=to)

        assert result.outcome.state is TargetState.SUCCESS, result.outcome
        assert result.out.decode().split() == [who, work.attempt_id]
        assert result.sink.err == b"err\n"
    await eventually(lambda: list((home / ".jobdeck").iterdir()) == [])


class Cutting(MemorySink):
    """Cuts the line when `at` bytes have come; 0: never."""

    def __init__(self, sshd: Sshd, at: int) -> None:
        super().__init__()
        self._sshd = sshd
        self._left = at

    def write(self, stream: Stream, data: bytes) -> bool:
        super().write(stream, data)
        if self._left > 0 and stream is not Stream.NOTE:
            self._left -= len(data)
            if self._left <= 0:
                self._sshd.cut_connections()
        return True


async def follow_through_cuts(
    executor: SshExecutor, sshd: Sshd, work: Work, cuts: Sequence[int]
) -> list[Result]:
    """Run `work` while the line is cut again and again; every session that it took."""
    results = [await run(executor, sshd, work, sink=Cutting(sshd, cuts[0]))]
    while results[-1].outcome.may_be_followed:
        came = sum(len(result.out) + len(result.sink.err) for result in results)
        cut = next((at - came for at in cuts if at > came), 0)
        sink = Cutting(sshd, cut)
        results.append(await run(executor, sshd, again(work, *results), sink=sink))
    return results


@pytest.mark.parametrize(
    "cuts", [(1, 2, 3), (99_999, 4_000_000, 4_000_001), (7_654_321, 10**7, 11 * 10**6)]
)
async def test_cut_lines_cost_not_a_byte_and_start_nothing_twice(
    make_executor: MakeExecutor, serve: Serve, tmp_path: Path, cuts: tuple[int, ...]
) -> None:
    sshd, ledger = serve(), tmp_path / "ledger"
    data = hashlib.shake_128(b"out").digest(10_000_000)
    other = hashlib.shake_128(b"err").digest(1_000_000)
    (tmp_path / "out").write_bytes(data)
    (tmp_path / "err").write_bytes(other)
    text = f"""
        echo start >>{ledger}
        for part in 0 1 2 3 4 5 6 7 8 9; do
            dd if={tmp_path}/out bs=1000000 skip=$part count=1 2>/dev/null
            dd if={tmp_path}/err bs=100000 skip=$part count=1 >&2 2>/dev/null
            sleep 0.1
        done
        echo end >>{ledger}
        exit 7
    """
    executor = make_executor(book_of(sshd))

    results = await follow_through_cuts(executor, sshd, claimed(text), cuts)

    assert len(results) > 1
    assert results[-1].outcome.exit_code == 7
    assert b"".join(result.out for result in results) == data
    assert b"".join(result.sink.err for result in results) == other
    assert ledger.read_text() == "start\nend\n"


async def test_twenty_arrivals_at_once_start_one_work(
    executor: SshExecutor, sshd: Sshd, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    work = claimed(f"echo started >>{ledger}; sleep 0.5; echo done; exit 4")

    results = await asyncio.gather(*(run(executor, sshd, work, settles=False) for _ in range(20)))

    assert ledger.read_text() == "started\n"
    assert [result.outcome.exit_code for result in results] == [4] * 20
    assert [result.out for result in results] == [b"done\n"] * 20


@pytest.mark.parametrize("number", range(10))
async def test_of_a_start_and_a_look_at_once_one_wins(
    executor: SshExecutor, sshd: Sshd, tmp_path: Path, number: int
) -> None:
    ledger, work = tmp_path / "ledger", claimed(f"echo started >>{tmp_path}/ledger; echo done")

    async def late() -> Result:
        await asyncio.sleep(number * 0.002)
        return await run(executor, sshd, work, settles=False)

    looked, started = await asyncio.gather(run(executor, sshd, again(work), settles=False), late())

    assert looked.outcome.code is started.outcome.code
    if looked.outcome.never_started:
        assert started.outcome.never_started
        assert not ledger.exists()
    else:
        assert looked.out == started.out == b"done\n"
        assert ledger.read_text() == "started\n"


async def test_an_older_owner_can_start_and_see_nothing(
    executor: SshExecutor, sshd: Sshd, tmp_path: Path
) -> None:
    other, work = claimed("true"), claimed(f"touch {tmp_path}/trace")

    await run(executor, sshd, again(other, epoch=2))
    started = await run(executor, sshd, work)
    looked = await run(executor, sshd, again(work))
    of_another_run = msgspec.structs.replace(work, claim=Claim(run_id="r2", epoch=1))
    ran = await run(executor, sshd, of_another_run)

    assert started.outcome.code is looked.outcome.code is TargetCode.FENCED
    assert ran.outcome.state is TargetState.SUCCESS
    (sshd.home / ".jobdeck" / "fence-r1-2").unlink()


async def leave_running(executor: SshExecutor, sshd: Sshd, work: Work) -> Result:
    """Start `work`, and go away after its first output, as an engine that is killed."""
    sink = MemorySink()
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(session.run(work, sink, StopSignal()))
        await sink.heard.wait()
        running.cancel()
        await asyncio.wait({running})
    return Result(outcomes.line_lost("cancelled", started=True), sink)


async def test_work_outlives_its_engine(
    executor: SshExecutor, make_executor: MakeExecutor, sshd: Sshd, tmp_path: Path
) -> None:
    with Gate(tmp_path) as gate:
        work = claimed(f"echo one; {gate.wait}; echo two; exit 5")
        left = await leave_running(executor, sshd, work)
        await executor.close()
        gate.open()
        result = await run(make_executor(book_of(sshd)), sshd, again(work, left))

    assert (left.out, result.out, result.outcome.exit_code) == (b"one\n", b"two\n", 5)


async def test_a_claim_that_was_not_settled_can_be_read_again(
    executor: SshExecutor, sshd: Sshd
) -> None:
    work = claimed("echo one; echo two >&2; exit 5")

    await run(executor, sshd, work, settles=False)
    result = await run(executor, sshd, again(work))
    later = await run(executor, sshd, again(work))

    assert (result.out, result.sink.err, result.outcome.exit_code) == (b"one\n", b"two\n", 5)
    assert later.outcome.never_started


async def test_a_killed_watcher_is_unknown_with_its_evidence(
    executor: SshExecutor, sshd: Sshd
) -> None:
    work = claimed("echo $PPID $$; exec sleep 1000")
    left = await leave_running(executor, sshd, work)
    watcher, sleeping = map(int, left.out.split())
    kill([watcher])
    result = await run(executor, sshd, again(work, left))
    kill([sleeping])

    assert (result.outcome.state, result.outcome.code) == (
        TargetState.UNKNOWN,
        TargetCode.CLAIM_BROKEN,
    )
    assert "what watched over it was killed" in result.outcome.message


async def test_a_restarted_host_is_unknown_with_its_evidence(
    executor: SshExecutor, sshd: Sshd
) -> None:
    work = claimed("echo $PPID $$; exec sleep 1000")
    left = await leave_running(executor, sshd, work)
    pid = sshd.home / ".jobdeck" / work.attempt_id / "pid"
    # A double of a restart: the claim was made in another boot than this one.
    number, _, born = pid.read_text().split()
    pid.write_text(f"{number} 00000000-0000-4000-8000-000000000000 {born}\n")
    result = await run(executor, sshd, again(work, left))
    kill(map(int, left.out.split()))

    assert (result.outcome.state, result.outcome.code) == (
        TargetState.UNKNOWN,
        TargetCode.CLAIM_BROKEN,
    )
    assert "the host was restarted" in result.outcome.message


async def test_a_start_that_was_cut_short_can_never_happen(
    executor: SshExecutor, sshd: Sshd
) -> None:
    work = claimed("echo never")
    # A double of a host that dies between the claim and its watcher.
    (sshd.home / ".jobdeck" / work.attempt_id).mkdir(parents=True)

    looked = await run(executor, sshd, again(work))
    late = await run(executor, sshd, work)

    assert looked.outcome.never_started
    assert late.outcome.never_started


@pytest.mark.parametrize("when", ["first", "later"])
@pytest.mark.parametrize(
    "text",
    [
        "echo $$; exec sleep 1000",
        "trap '' TERM; sleep 1000 & echo $!; (sleep 1000; true) & echo $!; echo $$; wait",
        "setsid sleep 1000 & echo $!; echo $$; wait",
    ],
    ids=["one process", "deaf to TERM", "a session of its own"],
)
async def test_a_stop_leaves_no_process(
    executor: SshExecutor, sshd: Sshd, text: str, when: str
) -> None:
    work, stop, left = claimed(text), StopSignal(), Result(outcomes.claim_absent())
    if when == "later":
        left = await leave_running(executor, sshd, work)
        work = again(work)
    sink = MemorySink()
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(session.run(work, sink, stop))
        await sink.heard.wait()
        stop.set()
        outcome = await asyncio.wait_for(running, 30)
        await session.settle()

    assert outcome.code is TargetCode.CANCELLED, outcome
    assert outcome.message == "cancelled; its processes are gone"
    assert alive(sink.out.split() or left.out.split()) == []
    await eventually(lambda: work.attempt_id not in claims(sshd))


async def test_a_stop_that_comes_before_the_look_is_obeyed_after_it(
    executor: SshExecutor, sshd: Sshd
) -> None:
    work, stop = claimed("echo $$; exec sleep 1000"), StopSignal()
    left = await leave_running(executor, sshd, work)
    stop.set()

    result = await run(executor, sshd, again(work, left), stop=stop)

    assert result.outcome.code is TargetCode.CANCELLED
    assert alive(left.out.split()) == []


async def test_last_words_of_work_that_is_ended_arrive(executor: SshExecutor, sshd: Sshd) -> None:
    text = "trap 'echo cleaned up; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    sink, stop = MemorySink(), StopSignal()
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(session.run(claimed(text), sink, stop))
        await sink.heard.wait()
        stop.set()
        outcome = await asyncio.wait_for(running, 30)

    assert outcome.code is TargetCode.CANCELLED
    assert sink.out == b"up\ncleaned up\n"


async def test_time_that_nobody_watched_counts(executor: SshExecutor, sshd: Sshd) -> None:
    work = claimed("echo $$; exec sleep 1000", timeout_s=100.0)
    left = await leave_running(executor, sshd, work)

    result = await run(executor, sshd, again(work, left, running_s=99.9))

    assert result.outcome.code is TargetCode.COMMAND_TIMEOUT
    assert alive(left.out.split()) == []


async def test_work_that_ended_in_time_is_not_late_because_nobody_looked(
    executor: SshExecutor, sshd: Sshd
) -> None:
    work = claimed("echo done; exit 6", timeout_s=100.0)
    await run(executor, sshd, work, settles=False)

    result = await run(executor, sshd, again(work, running_s=5000.0))

    assert (result.outcome.exit_code, result.out) == (6, b"done\n")


@pytest.mark.parametrize("is_over", [False, True])
async def test_an_ending_that_was_begun_is_finished_by_who_looks_later(
    executor: SshExecutor, sshd: Sshd, is_over: bool
) -> None:
    work = claimed("echo $$; exec sleep 1000", timeout_s=100.0)
    left = await leave_running(executor, sshd, work)
    # As an engine does that dies in the middle of it.
    (sshd.home / ".jobdeck" / work.attempt_id / "ended").write_text("timed-out\n")
    if is_over:
        kill(map(int, left.out.split()))

    result = await run(executor, sshd, again(work, left))

    assert result.outcome.code is TargetCode.COMMAND_TIMEOUT
    assert alive(left.out.split()) == []


async def test_a_spool_can_be_chosen(executor: SshExecutor, sshd: Sshd, tmp_path: Path) -> None:
    spool = tmp_path / "it's here"
    work = command(f'ls "{spool}" | wc -l', claim=Claim(run_id="r1", epoch=1, spool=str(spool)))

    result = await run(executor, sshd, work)

    assert result.out.strip() == b"1"
    await eventually(lambda: list(spool.iterdir()) == [])


async def test_where_no_claim_can_be_made_it_is_said_first_and_run_directly(
    executor: SshExecutor, sshd: Sshd, tmp_path: Path
) -> None:
    # /proc takes no folders, whoever asks.
    claim, trace = Claim(run_id="r1", epoch=1, spool="/proc/claims"), tmp_path / "trace"
    existed: list[bool] = []

    class Sink(MemorySink):
        async def unclaimed(self, reason: str) -> None:
            await super().unclaimed(reason)
            existed.append(trace.exists())

    sink = Sink()
    result = await run(executor, sshd, command(f"touch {trace}; exit 3", claim=claim), sink=sink)

    assert (result.outcome.exit_code, existed) == (3, [False])
    assert "/proc/claims" in sink.unclaimed_for[0]
    assert b"Jobdeck: no claim could be made there" in sink.note


async def test_a_look_that_can_see_nothing_is_unknown(executor: SshExecutor, sshd: Sshd) -> None:
    work = command("true", claim=Claim(run_id="r1", epoch=1, spool="/proc/claims"))

    outcome = (await run(executor, sshd, again(work))).outcome

    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.IO_FAILURE)
    assert "/proc/claims" in outcome.message


async def test_a_line_that_breaks_before_the_start_can_be_followed(
    make_executor: MakeExecutor, serve: Serve, tmp_path: Path
) -> None:
    # A double of a line that breaks after the work was sent: its text never reaches a shell.
    sshd = serve(config=f"ForceCommand touch {tmp_path}/trace; sleep 1000")
    executor = make_executor(book_of(sshd))
    running = asyncio.ensure_future(run(executor, sshd, claimed("true")))
    await eventually((tmp_path / "trace").exists)
    sshd.cut_connections()
    outcome = (await asyncio.wait_for(running, 20)).outcome

    assert (outcome.state, outcome.may_be_followed) == (TargetState.UNKNOWN, True)


async def test_settling_takes_no_place_from_the_commands_that_follow(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(config="MaxSessions 10")
    executor = make_executor(book_of(sshd))

    async def many() -> None:
        for _ in range(8):
            assert (await run(executor, sshd, claimed("true"))).outcome.exit_code == 0

    await asyncio.gather(*(many() for _ in range(8)))

    assert await connections_of(executor) <= 2
    await eventually(lambda: not claims(sshd))
