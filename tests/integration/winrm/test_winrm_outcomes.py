"""Work on a double of a Windows host: what it prints, how it ends, what is said about it."""

from __future__ import annotations

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import Target
from core.executors.winrm import WinrmExecutor
from tests.support.winrmd import WinrmServer
from tests.support.work import command, run, script


async def test_a_command_prints_and_ends(executor: WinrmExecutor, target: Target) -> None:
    result = await run(executor, target, "echo out; echo err >&2; exit 3")

    assert result.outcome.state is TargetState.FAILED
    assert result.outcome.exit_code == 3
    assert (result.out, result.sink.err, result.sink.note) == (b"out\n", b"err\n", b"")
