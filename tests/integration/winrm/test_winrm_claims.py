"""Work under a claim on a double of a Windows host: started once, followed to its end, whatever breaks."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import Claim, Position, Target, Work
from core.executors.stopping import StopSignal
from core.executors.winrm import WinrmExecutor
from tests.support.processes import alive
from tests.support.waiting import eventually
from tests.support.winrmd import WinrmServer
from tests.support.work import QUICK, MemorySink, Result, command, new_token, script

S, C = TargetState, TargetCode
CLAIM = Claim(run_id="r1", epoch=1)


def claimed(text: str, **more: object) -> Work:
    return command(text, claim=CLAIM, **more)


def again(work: Work, *results: Result, epoch: int = 1) -> Work:
    """`work`, to be followed from where `results` left it."""
    at = Position(
        out=sum(len(result.out) for result in results),
        err=sum(len(result.sink.err) for result in results),
    )
    return msgspec.structs.replace(work, claim=Claim(run_id="r1", epoch=epoch, resume=at))


def waiting_for(gate: Path, text: str = "") -> str:
    return f"{text}\nuntil [ -e '{gate}' ]; do sleep 0.05; done\necho after; echo last >&2; exit 4"


def claims(server: WinrmServer) -> list[str]:
    spool = server.home / ".jobdeck"
    return [path.name for path in spool.iterdir() if path.is_dir()] if spool.exists() else []


async def run(
    executor: WinrmExecutor,
    target: Target,
    work: Work,
    *,
    settles: bool = True,
    sink: MemorySink | None = None,
    stop: StopSignal | None = None,
) -> Result:
    sink = sink or MemorySink()
    async with executor.open(target) as session:
        outcome = await session.run(work, sink, stop or StopSignal())
        if settles:
            await session.settle()
    return Result(outcome, sink)


async def cut_after_output(
    executor: WinrmExecutor, server: WinrmServer, target: Target, work: Work
) -> Result:
    """The line is lost when the work has printed something."""
    sink = MemorySink()
    running = asyncio.ensure_future(run(executor, target, work, settles=False, sink=sink))
    await sink.heard.wait()
    server.cut()
    return await running


async def test_output_status_and_outputs_come_back_and_nothing_stays(
    executor: WinrmExecutor, server: WinrmServer, target: Target
) -> None:
    text = 'echo out\necho err >&2\nprintf %s "$A"\necho b=2 >"$JOBDECK_OUTPUT"\nexit $1'
    work = script(text, "powershell", "3", claim=CLAIM, env={"A": "é"}, collect_outputs=True)

    result = await run(executor, target, work)

    assert (result.outcome.state, result.outcome.exit_code) == (S.FAILED, 3)
    assert (result.out, result.sink.err) == ("out\né".encode(), b"err\n")
    assert result.outcome.outputs_file == b"b=2\n"
    await eventually(lambda: not claims(server))


async def test_a_lost_line_is_taken_up_at_the_byte(
    executor: WinrmExecutor, server: WinrmServer, target: Target, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    work = claimed(waiting_for(gate, "echo before"))

    first = await cut_after_output(executor, server, target, work)
    gate.touch()
    second = await run(executor, target, again(work, first))

    assert first.outcome.may_be_followed
    assert (second.outcome.state, second.outcome.exit_code) == (S.FAILED, 4)
    assert (first.out + second.out, second.sink.err) == (b"before\nafter\n", b"last\n")


async def test_the_work_outlives_its_session_and_is_harvested_when_it_is_over(
    executor: WinrmExecutor, server: WinrmServer, target: Target, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    work = claimed(waiting_for(gate, "echo before"))
    first = await cut_after_output(executor, server, target, work)
    for shell in list(server.shells):
        server.delete(shell)

    gate.touch()
    await eventually(lambda: list(server.home.glob(".jobdeck/*/exit")))
    second = await run(executor, target, again(work, first))

    assert second.outcome.exit_code == 4
    assert first.out + second.out == b"before\nafter\n"


async def test_arrivals_at_once_start_one_work(
    executor: WinrmExecutor, target: Target, tmp_path: Path
) -> None:
    mark = tmp_path / "starts"
    work = claimed(f"echo x >>'{mark}'; sleep 0.3; echo out")

    results = await asyncio.gather(*(run(executor, target, work, settles=False) for _ in range(5)))

    assert [result.out for result in results] == [b"out\n"] * 5
    assert mark.read_text() == "x\n"


async def test_work_that_never_arrived_is_known_to_be_absent_and_can_never_start(
    executor: WinrmExecutor, target: Target
) -> None:
    work = claimed("echo never")

    looked = await run(executor, target, again(work), settles=False)
    late = await run(executor, target, work, settles=False)

    assert looked.outcome.never_started
    assert late.outcome.code is C.CLAIM_ABSENT
    assert late.out == b""


async def test_an_older_owner_is_shut_out(executor: WinrmExecutor, target: Target) -> None:
    work = claimed("echo never")
    await run(executor, target, again(work, epoch=3), settles=False)

    late = await run(executor, target, claimed("echo other"), settles=False)

    assert late.outcome.code is C.FENCED
    assert late.out == b""


@pytest.mark.parametrize("rebooted", [False, True])
async def test_work_whose_watcher_is_gone_is_unknown_with_the_evidence(
    executor: WinrmExecutor, server: WinrmServer, target: Target, tmp_path: Path, *, rebooted: bool
) -> None:
    work = claimed("echo $PPID; exec sleep 100")
    first = await cut_after_output(executor, server, target, work)
    pids = [path.read_text().split()[0] for path in server.home.glob(".jobdeck/*/pid")]
    if rebooted:
        (server.home / "rebooted").touch()
    kill(int(pids[0]))
    await eventually(lambda: not alive(pids))

    second = await run(executor, target, again(work, first), settles=False)

    assert (second.outcome.state, second.outcome.code) == (S.UNKNOWN, C.CLAIM_BROKEN)
    assert ("the host was restarted" if rebooted else "was killed") in second.outcome.message


async def test_a_stop_ends_detached_work_and_the_next_one_knows_why(
    executor: WinrmExecutor, server: WinrmServer, target: Target
) -> None:
    stop, sink = StopSignal(), MemorySink()
    work = claimed("echo $$; exec sleep 100")
    running = asyncio.ensure_future(
        run(executor, target, work, settles=False, sink=sink, stop=stop)
    )
    await sink.heard.wait()
    stop.set()
    first = await running

    later = await run(executor, target, again(work, first))

    assert first.outcome.code is C.CANCELLED
    assert not alive(first.out.split())
    # Whether the watcher still saw how the work ended is a race.
    assert later.outcome.state is S.TERMINATED
    assert later.outcome.code in (C.CANCELLED, C.CANCEL_UNVERIFIED)


async def test_where_nothing_can_be_detached_it_is_said_first_and_run_directly(
    executor: WinrmExecutor, server: WinrmServer, target: Target
) -> None:
    (server.home / "no-wmi").touch()

    result = await run(executor, target, claimed("echo direct"))

    assert result.outcome.state is S.SUCCESS
    assert result.out == b"direct\n"
    assert result.sink.unclaimed_for == ["WMI starts no process (code 2)"]
    assert b"it runs directly" in result.sink.note


async def test_a_host_that_loses_the_answer_to_a_start_is_asked(
    executor: WinrmExecutor, server: WinrmServer, target: Target
) -> None:
    server.cuts["Receive"] = 1
    work = claimed("echo once")

    first = await run(executor, target, work, settles=False)
    second = await run(executor, target, again(work, first))

    assert first.outcome.may_be_followed
    assert (second.outcome.state, second.out) == (S.SUCCESS, b"once\n")


async def test_silence_longer_than_an_operation_is_no_failure(
    server: WinrmServer, target: Target
) -> None:
    executor = WinrmExecutor(QUICK, new_token, wait_s=1)
    try:
        result = await run(executor, target, claimed("sleep 1.5; echo late"))
    finally:
        await executor.close()

    assert (result.outcome.state, result.out) == (S.SUCCESS, b"late\n")
    assert server.operations["Receive"] > 2


def kill(watcher: int) -> None:
    """The watcher, and the work with it."""
    os.killpg(watcher, signal.SIGKILL)


@pytest.mark.parametrize("claim", [None, CLAIM], ids=["direct", "claimed"])
async def test_output_in_other_encodings_arrives_in_utf_8(
    executor: WinrmExecutor, target: Target, claim: Claim | None
) -> None:
    way = msgspec.structs.replace(target.winrm, code_page=936)
    there = msgspec.structs.replace(target, winrm=way)
    wide, narrow = (
        "".join(f"\\{byte:03o}" for byte in text)
        for text in ("服务 wide\r\n".encode("utf-16"), "磁盘 C:\r\n".encode("gbk"))
    )
    text = f"printf '{wide}{narrow}'; echo 中文; printf '{narrow}' >&2; printf plain"

    result = await run(executor, there, command(text, claim=claim))

    assert result.out.decode() == "服务 wide\r\n磁盘 C:\r\n中文\nplain"
    assert result.sink.err.decode() == "磁盘 C:\r\n"


async def test_a_lost_line_in_another_encoding_is_taken_up_at_the_character(
    executor: WinrmExecutor, server: WinrmServer, target: Target, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    line = "".join(f"\\{byte:03o}" for byte in "服务 é\r\n".encode("utf-16"))
    half = "".join(f"\\{byte:03o}" for byte in "再一行\r\n".encode("utf-16-le")[:5])
    rest = "".join(f"\\{byte:03o}" for byte in "再一行\r\n".encode("utf-16-le")[5:])
    text = f"printf '{line}{half}'; until [ -e '{gate}' ]; do sleep 0.05; done; printf '{rest}'"
    work = claimed(text)

    first = await cut_after_output(executor, server, target, work)
    gate.touch()
    second = await run(executor, target, again(work, first))

    assert first.out.decode() == "服务 é\r\n"
    assert second.out.decode() == "再一行\r\n"
    assert second.outcome.state is S.SUCCESS


@pytest.mark.parametrize("claim", [None, CLAIM], ids=["direct", "claimed"])
async def test_a_stop_asks_first_and_the_work_can_put_things_right(
    executor: WinrmExecutor, target: Target, tmp_path: Path, claim: Claim | None
) -> None:
    stop, sink, mark = StopSignal(), MemorySink(), tmp_path / "mark"
    text = f"trap 'echo tidy >{mark}; exit 1' INT; echo $$; while :; do sleep 0.05; done"
    work = command(text, claim=claim)
    running = asyncio.ensure_future(
        run(executor, target, work, settles=False, sink=sink, stop=stop)
    )
    await sink.heard.wait()
    stop.set()
    result = await running

    assert result.outcome.code is C.CANCELLED
    assert mark.read_text() == "tidy\n"
    assert not alive(sink.out.split())


async def test_work_that_does_not_hear_is_ended_by_force(
    executor: WinrmExecutor, target: Target
) -> None:
    stop, sink = StopSignal(), MemorySink()
    work = command("trap '' INT; echo $$; while :; do sleep 0.05; done")
    running = asyncio.ensure_future(run(executor, target, work, sink=sink, stop=stop))
    await sink.heard.wait()
    stop.set()
    result = await running

    assert result.outcome.code is C.CANCELLED
    assert not alive(sink.out.split())
