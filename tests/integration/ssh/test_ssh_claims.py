"""Work under a claim behind a real sshd: started once, followed to its end, whatever the line does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import BecomeLogin, Claim, Position, Stream, Work
from core.executors.ssh import SshExecutor
from tests.integration.ssh.conftest import MakeExecutor, Serve
from tests.support.processes import alive
from tests.support.sshd import Sshd
from tests.support.users import Users
from tests.support.waiting import eventually
from tests.support.work import MemorySink, Result, book_of, command, login, script, target

pytestmark = pytest.mark.needs("sshd")


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
    stop: asyncio.Event | None = None,
    **of_target: object,
) -> Result:
    sink = sink or MemorySink()
    async with executor.open(target(sshd, **of_target)) as session:
        outcome = await session.run(work, sink, stop or asyncio.Event())
        if settles:
            await session.settle()
    return Result(outcome, sink)


def claims(sshd: Sshd) -> list[str]:
    spool = sshd.home / ".jobdeck"
    return sorted(path.name for path in spool.iterdir()) if spool.exists() else []


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
    await eventually(lambda: not claims(sshd))
