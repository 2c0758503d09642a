"""Output of a real sshd: byte-exact, of any size and shape, in little memory."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from core.domain.run import TargetCode, TargetState
from core.errors import StorageFault
from core.executors.protocol import OutputLimitReached, Stream
from core.executors.ssh import SshExecutor
from core.executors.ssh.link import WINDOW_BYTES
from core.executors.stopping import StopSignal
from tests.integration.ssh.conftest import BOTH_CARRIERS
from tests.support.sshd import Sshd
from tests.support.waiting import eventually
from tests.support.work import MemorySink, command, new_token, run, script, target

pytestmark = pytest.mark.needs("sshd")
CARRIERS = BOTH_CARRIERS

MB = 1_000_000


def resident_bytes() -> int:
    """Memory of this process that is in use now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class CountingSink:
    """Takes everything, keeps a digest, and watches the memory meanwhile."""

    def __init__(self) -> None:
        self.size = 0
        self.most_resident_bytes = 0
        self.digest = hashlib.sha256()

    def write(self, stream: Stream, data: bytes) -> bool:
        assert stream is Stream.OUT
        self.size += len(data)
        self.digest.update(data)
        self.most_resident_bytes = max(self.most_resident_bytes, resident_bytes())
        return True

    async def ready(self) -> None:
        """There is always room."""


class SlowSink(MemorySink):
    """Has room for one piece at a time, and only when it is told so."""

    def __init__(self) -> None:
        super().__init__()
        self.room = asyncio.Event()

    def write(self, stream: Stream, data: bytes) -> bool:
        super().write(stream, data)
        return self.room.is_set()

    async def ready(self) -> None:
        await self.room.wait()


class LimitedSink(MemorySink):
    """Takes `limit` bytes, then halts the work."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, stream: Stream, data: bytes) -> bool:
        super().write(stream, data)
        return len(self.out) < self._limit

    async def ready(self) -> None:
        raise OutputLimitReached


class BrokenSink(MemorySink):
    """Fails with `error`, at once or when it is asked for room."""

    def __init__(self, error: Exception, *, at_once: bool) -> None:
        super().__init__()
        self._error = error
        self._at_once = at_once

    def write(self, stream: Stream, data: bytes) -> bool:
        if self._at_once:
            raise self._error
        return False

    async def ready(self) -> None:
        raise self._error


async def test_100_mb_arrive_in_flat_memory(executor: SshExecutor, sshd: Sshd) -> None:
    sink = CountingSink()
    text = f"head -c {100 * MB} /dev/zero | tr '\\0' '\\n'"
    await run(executor, target(sshd), "true")
    before = resident_bytes()

    async with executor.open(target(sshd)) as session:
        outcome = await session.run(command(text), sink, StopSignal())

    expected = hashlib.sha256()
    for _ in range(100):
        expected.update(b"\n" * MB)
    assert outcome.state is TargetState.SUCCESS
    assert (sink.size, sink.digest.digest()) == (100 * MB, expected.digest())
    assert sink.most_resident_bytes - before < 16 * MB


class TricklingSink(CountingSink):
    """Has room for one piece at a time, again and again."""

    def write(self, stream: Stream, data: bytes) -> bool:
        super().write(stream, data)
        return False

    async def ready(self) -> None:
        await asyncio.sleep(0)


async def test_a_sink_that_takes_a_little_at_a_time_lets_nothing_pile_up(
    executor: SshExecutor, sshd: Sshd
) -> None:
    sink, before = TricklingSink(), resident_bytes()
    async with executor.open(target(sshd)) as session:
        work = command(f"head -c {60 * MB} /dev/zero")
        outcome = await session.run(work, sink, StopSignal())

    assert (outcome.state, sink.size) == (TargetState.SUCCESS, 60 * MB)
    assert sink.most_resident_bytes - before < 12 * MB


async def test_a_line_of_10_mb_is_no_trouble(executor: SshExecutor, sshd: Sshd) -> None:
    text = f"head -c {10 * MB} /dev/zero | tr '\\0' x; echo; echo done"

    result = await run(executor, target(sshd), text)

    assert result.out == b"x" * 10 * MB + b"\ndone\n"


@pytest.mark.parametrize("collects", [False, True], ids=["plain", "with outputs"])
async def test_bytes_of_every_kind_arrive_as_they_are(
    executor: SshExecutor, sshd: Sshd, collects: bool
) -> None:
    text = "import os\nos.write(1, bytes(range(256)) * 400)\nos.write(2, b'\\xff\\x00\\r\\n')"
    work = script(text, "python3", collect_outputs=collects)

    result = await run(executor, target(sshd), work)

    assert result.out == bytes(range(256)) * 400
    assert result.sink.err == b"\xff\x00\r\n"
    assert result.sink.note == b""


async def test_output_without_a_line_end_is_kept_apart_from_the_outputs(
    executor: SshExecutor, sshd: Sshd
) -> None:
    work = script("printf '%s' jobdeck-; echo {} >$JOBDECK_OUTPUT", collect_outputs=True)

    result = await run(executor, target(sshd), work)

    assert (result.out, result.outcome.outputs_file) == (b"jobdeck-", b"{}\n")


async def test_a_full_sink_holds_the_host_back(executor: SshExecutor, sshd: Sshd) -> None:
    sink = SlowSink()
    progress = sshd.home / new_token()
    # More than can be under way: two windows and the pipes between make less than 1 MB.
    text = f"head -c {4 * MB} /dev/zero; touch {progress}; head -c {4 * MB} /dev/zero"
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(session.run(command(text), sink, StopSignal()))
        await sink.heard.wait()
        other = await run(executor, target(sshd, 1), "echo others go on")

        assert other.out == b"others go on\n"
        assert len(sink.out) <= WINDOW_BYTES
        assert not progress.exists()
        sink.room.set()
        outcome = await running

    assert outcome.state is TargetState.SUCCESS
    assert len(sink.out) == 8 * MB


async def test_a_full_sink_may_rest_longer_than_silence_is_waited_for(
    executor: SshExecutor, sshd: Sshd
) -> None:
    sink = SlowSink()
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(
            session.run(command("head -c 300000 /dev/zero"), sink, StopSignal())
        )
        await sink.heard.wait()
        await asyncio.wait({running}, timeout=1.5)  # three times the patience after the exit

        assert not running.done()
        sink.room.set()
        assert (await running).state is TargetState.SUCCESS

    assert len(sink.out) == 300_000


async def test_work_that_prints_too_much_is_ended(executor: SshExecutor, sshd: Sshd) -> None:
    sink = LimitedSink(MB)
    async with executor.open(target(sshd)) as session:
        outcome = await session.run(command("echo $$; exec yes"), sink, StopSignal())

    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.OUTPUT_LIMIT)
    assert outcome.message == "it printed more than its limit allows and was ended"
    pid = int(sink.out.split(b"\n")[0])
    look = await run(executor, target(sshd), f"kill -0 {pid} 2>/dev/null || echo gone")
    assert look.out == b"gone\n"


@pytest.mark.parametrize("at_once", [True, False], ids=["writing", "waiting"])
async def test_a_log_that_fails_ends_the_work_and_nothing_else(
    executor: SshExecutor, sshd: Sshd, at_once: bool
) -> None:
    sink = BrokenSink(StorageFault("the disk is full"), at_once=at_once)
    async with executor.open(target(sshd)) as session:
        outcome = await session.run(command("exec yes"), sink, StopSignal())

    assert (outcome.state, outcome.code) == (TargetState.LOG_ERROR, TargetCode.IO_FAILURE)
    assert "the disk is full" in outcome.message
    assert (await run(executor, target(sshd), "echo on")).out == b"on\n"


async def test_streams_are_kept_apart(executor: SshExecutor, sshd: Sshd) -> None:
    result = await run(executor, target(sshd), "echo out; echo err >&2; echo more")

    assert (result.out, result.sink.err) == (b"out\nmore\n", b"err\n")


async def test_output_comes_while_the_work_runs(executor: SshExecutor, sshd: Sshd) -> None:
    sink, gate = MemorySink(), sshd.home / new_token()
    text = f"echo first; while [ ! -e {gate} ]; do sleep 0.05; done; echo second"
    async with executor.open(target(sshd)) as session:
        running = asyncio.ensure_future(session.run(command(text), sink, StopSignal()))
        await eventually(lambda: sink.out == b"first\n")

        assert not running.done()
        gate.touch()
        await running

    assert sink.out == b"first\nsecond\n"
