"""A stop ends the work on the host, looks whether it is gone, and says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.attempt import Patience
from core.executors.protocol import Work
from core.executors.ssh import SshExecutor
from core.executors.stopping import StopSignal
from tests.integration.ssh.conftest import BOTH_CARRIERS, MakeExecutor, Serve, connections_of
from tests.support.processes import alive
from tests.support.sshd import Sshd
from tests.support.waiting import eventually
from tests.support.work import MemorySink, Result, book_of, command, run, script, target

pytestmark = pytest.mark.needs("sshd")
CARRIERS = BOTH_CARRIERS


async def stop_after_start(executor: SshExecutor, sshd: Sshd, work: Work) -> Result:
    """Run `work`, and stop it after its first output."""
    sink, stop = MemorySink(), StopSignal()
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(session.run(work, sink, stop))
        await sink.heard.wait()
        stop.set()
        return Result(await asyncio.wait_for(running, 30), sink)


TREES = {
    "one process": "echo $$; exec sleep 1000",
    "children": "sleep 1000 & echo $!; sleep 1000 & echo $!; echo $$; wait",
    "deaf to TERM": "trap '' TERM; sleep 1000 & echo $!; (sleep 1000; true) & echo $!; echo $$; wait",
    "groups of their own": "set -m; sleep 1000 & echo $!; sleep 1000 & echo $!; echo $$; wait",
    "a session of its own": "setsid sleep 1000 & echo $!; echo $$; wait",
    "busy": "echo $$; while :; do :; done",
}


@pytest.mark.parametrize("text", TREES.values(), ids=TREES.keys())
@pytest.mark.parametrize("as_script", [False, True], ids=["command", "script"])
async def test_no_process_of_the_work_is_left(
    executor: SshExecutor, sshd: Sshd, text: str, as_script: bool
) -> None:
    work = script(text, "bash") if as_script else command(text)

    result = await stop_after_start(executor, sshd, work)

    assert (result.outcome.state, result.outcome.code) == (
        TargetState.TERMINATED,
        TargetCode.CANCELLED,
    )
    assert result.outcome.message == "cancelled; its processes are gone"
    assert result.out
    assert alive(result.out.split()) == []


async def test_work_that_cleans_up_when_asked_to_end_has_time_for_it(
    executor: SshExecutor, sshd: Sshd
) -> None:
    text = "trap 'echo cleaned up; exit 0' TERM; echo up; while :; do sleep 0.05; done"

    result = await stop_after_start(executor, sshd, command(text))

    assert result.out == b"up\ncleaned up\n"
    assert result.outcome.code is TargetCode.CANCELLED


async def test_a_stopped_script_leaves_no_file(executor: SshExecutor, sshd: Sshd) -> None:
    text = "trap '' TERM\necho $0\nwhile :; do sleep 0.05; done"

    result = await stop_after_start(executor, sshd, script(text))

    folder = Path(result.out.decode().strip()).parent
    assert folder.name.startswith("jobdeck-")
    assert not folder.exists()


async def test_a_stop_before_the_start_does_nothing(
    executor: SshExecutor, sshd: Sshd, tmp_path: Path
) -> None:
    trace, stop = tmp_path / "trace", StopSignal()
    stop.set()

    outcome = (await run(executor, target(sshd), f"touch {trace}", stop)).outcome

    assert (outcome.state, outcome.code) == (TargetState.TERMINATED, TargetCode.CANCELLED)
    assert outcome.message == "cancelled before it was started"
    assert not trace.exists()


async def test_a_stop_before_the_work_said_that_it_started_is_not_verified(
    make_executor: MakeExecutor, serve: Serve, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    sshd = serve(config=f"ForceCommand touch {trace}; sleep 1000")
    stop = StopSignal()
    async with make_executor(book_of(sshd)).open(target(sshd)) as session:
        running = asyncio.ensure_future(session.run(command("true"), MemorySink(), stop))
        await eventually(trace.exists)
        stop.set()
        outcome = await asyncio.wait_for(running, 10)

    assert (outcome.state, outcome.code) == (TargetState.TERMINATED, TargetCode.CANCEL_UNVERIFIED)
    assert "had not said that it started" in outcome.message


async def test_a_stop_while_the_host_is_silent_is_not_verified(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve()
    patience = Patience(start_s=0.5, grace_s=0.2)
    sink, stop = MemorySink(), StopSignal()
    async with make_executor(book_of(sshd), patience=patience).open(target(sshd)) as session:
        running = asyncio.ensure_future(session.run(command("echo up; sleep 1000"), sink, stop))
        await sink.heard.wait()
        sshd.pause()
        try:
            stop.set()
            outcome = await asyncio.wait_for(running, 10)
        finally:
            sshd.resume()

    assert (outcome.state, outcome.code) == (TargetState.TERMINATED, TargetCode.CANCEL_UNVERIFIED)
    assert "whether its processes are gone could not be seen" in outcome.message


async def test_a_host_that_allows_one_session_still_lets_work_be_ended(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(config="MaxSessions 1")

    result = await stop_after_start(
        make_executor(book_of(sshd)), sshd, command("echo $$; exec sleep 1000")
    )

    assert result.outcome.code is TargetCode.CANCELLED
    assert alive([result.out]) == []


async def test_work_that_ends_as_it_is_stopped_keeps_its_own_outcome(
    executor: SshExecutor, sshd: Sshd
) -> None:
    sink, stop = MemorySink(), StopSignal()
    async with executor.open(target(sshd)) as session:
        outcome = await session.run(command("exit 3"), sink, stop)
        stop.set()

    assert outcome.exit_code == 3


async def test_a_cancelled_task_lets_go_of_the_session(
    make_executor: MakeExecutor, sshd: Sshd
) -> None:
    executor = make_executor(book_of(sshd), channels=1)
    sink = MemorySink()
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(
            session.run(command("echo up; sleep 1000"), sink, StopSignal())
        )
        await sink.heard.wait()
        running.cancel()
        await asyncio.wait({running})

    assert running.cancelled()
    assert (await run(executor, target(sshd), "echo next")).out == b"next\n"
    # A worker hears of it while it opens the next session, which may then find no room.
    assert await connections_of(executor) <= (1 if isinstance(executor, SshExecutor) else 2)
