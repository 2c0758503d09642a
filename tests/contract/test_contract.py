"""What every executor promises (`core/executors/protocol.py`), tried on each of them.

One set of cases for all kinds of access: see `accesses.py` for how to add one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.domain.run import TargetCode, TargetState
from core.errors import TargetError
from core.executors import outcomes
from core.executors.protocol import Outcome, OutputLimitReached, Stream, Target, Work
from core.executors.stopping import StopSignal
from tests.contract.accesses import ACCESSES, Access, Servers
from tests.support.waiting import eventually
from tests.support.work import MemorySink, NarrowSink

NEEDS = {"ssh": "sshd", "sql": "postgres"}
TEXT = "北京 é \t'\"`$(x)\\ \u202e🐚\n  end"
SECRET = "hunter2-9f2c81"


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.needs(NEEDS[name])] if name in NEEDS else [])
        for name in ACCESSES
    ]
)
async def access(
    request: pytest.FixtureRequest, servers: Servers, tmp_path: Path
) -> AsyncIterator[Access]:
    async with ACCESSES[request.param](servers, tmp_path) as made:
        yield made


async def attempt(
    access: Access,
    work: Work,
    target: Target | None = None,
    sink: MemorySink | None = None,
    stop: StopSignal | None = None,
) -> Outcome:
    """As the runtime does it: a TargetError is an outcome too; nothing else is ever raised."""
    try:
        async with access.executor.open(target or access.target) as session:
            return await session.run(work, sink or MemorySink(), stop or StopSignal())
    except TargetError as error:
        return outcomes.refused(error)


def argument_lists() -> list[bytes]:
    """Of every process of this machine."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                found.append(Path(entry.path, "cmdline").read_bytes())
            except OSError:
                continue  # it has ended
    return found


async def test_success_has_no_code_and_output_arrives_byte_for_byte(access: Access) -> None:
    sink = MemorySink()

    outcome = await attempt(access, access.prints(TEXT), sink=sink)

    assert (outcome.state, outcome.code, outcome.message) == (TargetState.SUCCESS, None, "")
    assert sink.out == access.shown(TEXT)
    assert sink.err == b""


async def test_bytes_that_are_no_text_arrive_as_they_are(access: Access) -> None:
    if access.prints_bytes is None:
        pytest.skip("it prints text only")
    data, sink = bytes(range(256)), MemorySink()

    outcome = await attempt(access, access.prints_bytes(data), sink=sink)

    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert sink.out == data


async def test_a_failure_has_its_code_and_a_sentence(access: Access) -> None:
    outcome = await attempt(access, access.fails)

    assert (outcome.state, outcome.code) == (TargetState.FAILED, access.failure)
    assert outcome.message or outcome.exit_code == 7


async def test_streams_are_kept_apart(access: Access) -> None:
    if access.splits_streams is None:
        pytest.skip("it has one stream")
    sink = MemorySink()

    await attempt(access, access.splits_streams, sink=sink)

    assert (sink.out, sink.err) == (b"out\n", b"err\n")


async def test_what_takes_too_long_is_ended_there(access: Access) -> None:
    sink = MemorySink()

    outcome = await attempt(access, access.lasts(0.5), sink=sink)

    assert (outcome.state, outcome.code) == (TargetState.TIMED_OUT, TargetCode.COMMAND_TIMEOUT)
    assert "0.5 s" in outcome.message


async def test_a_stop_in_the_middle_is_obeyed_and_verified(access: Access) -> None:
    sink, stop = MemorySink(), StopSignal()
    running = asyncio.ensure_future(attempt(access, access.lasts(None), sink=sink, stop=stop))
    await eventually(lambda: access.is_at_work(sink))

    stop.set()
    outcome = await asyncio.wait_for(running, 30)

    assert outcome.state is TargetState.TERMINATED
    assert outcome.code in (TargetCode.CANCELLED, TargetCode.CANCEL_UNVERIFIED)
    if outcome.code is TargetCode.CANCELLED and access.ends_there:
        await eventually(lambda: not access.is_at_work(sink))


async def test_a_stop_before_the_start_starts_nothing(access: Access) -> None:
    sink, stop = MemorySink(), StopSignal()
    stop.set()

    outcome = await attempt(access, access.lasts(None), sink=sink, stop=stop)

    assert (outcome.state, outcome.code) == (TargetState.TERMINATED, TargetCode.CANCELLED)
    assert sink.out == b""
    assert not access.is_at_work(sink)


async def test_much_output_waits_for_room_and_arrives_whole(access: Access) -> None:
    sink = NarrowSink()
    text = "0123456789abcdef" * (1 << 12)

    outcome = await attempt(access, access.prints(text), sink=sink)

    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert sink.out == access.shown(text)
    assert sink.waits > 0


async def test_output_beyond_its_limit_ends_the_work(access: Access) -> None:
    class Full(MemorySink):
        def write(self, stream: Stream, data: bytes) -> bool:
            super().write(stream, data)
            return stream is Stream.NOTE

        async def ready(self) -> None:
            raise OutputLimitReached

    outcome = await attempt(access, access.prints("x" * 50_000), sink=Full())

    assert outcome.code is TargetCode.OUTPUT_LIMIT


async def test_a_secret_stands_in_no_argument_list_and_in_no_sentence(access: Access) -> None:
    sink, stop = MemorySink(), StopSignal()
    work = access.with_secret(SECRET)
    running = asyncio.ensure_future(attempt(access, work, sink=sink, stop=stop))
    await eventually(lambda: access.is_at_work(sink))

    seen = argument_lists()
    stop.set()
    outcome = await asyncio.wait_for(running, 30)

    assert len(seen) > 1
    assert not any(SECRET.encode() in line for line in seen)
    assert SECRET not in f"{outcome!r} {work!r} {work.task!r}"


async def test_a_far_side_that_does_not_answer_is_unreachable(access: Access) -> None:
    if access.unreachable is None:
        pytest.skip("it is always reached")
    target, work = access.unreachable

    outcome = await attempt(access, work, target)

    assert outcome.state is TargetState.UNREACHABLE
    assert outcome.code is TargetCode.CONNECTION_FAILURE
    assert outcome.message


async def test_a_login_that_is_not_taken_is_named_as_such(access: Access) -> None:
    if access.refused is None:
        pytest.skip("it has no login")
    target, work = access.refused

    outcome = await attempt(access, work, target)

    assert (outcome.state, outcome.code) == (
        TargetState.AUTH_FAILED, TargetCode.AUTHENTICATION_FAILURE
    )  # fmt: skip
    assert "wrong-9Xk" not in outcome.message


async def test_a_lost_line_is_never_taken_for_an_end(access: Access) -> None:
    if access.lose is None:
        pytest.skip("it has no line")
    sink = MemorySink()
    running = asyncio.ensure_future(attempt(access, access.cut or access.lasts(None), sink=sink))
    await eventually(lambda: running.done() or access.is_at_work(sink))

    await access.lose(sink)
    outcome = await asyncio.wait_for(running, 30)

    assert outcome.exit_code is None
    assert outcome.code in (
        TargetCode.CONNECTION_LOST, TargetCode.LINE_LOST, TargetCode.CONNECTION_FAILURE
    )  # fmt: skip
    assert outcome.state in (TargetState.UNKNOWN, TargetState.UNREACHABLE)
    assert outcome.message


async def test_sessions_are_opened_again_after_every_end(access: Access) -> None:
    for text in ("one", "two"):
        await attempt(access, access.fails)
        sink = MemorySink()
        await attempt(access, access.prints(text), sink=sink)
        assert sink.out == access.shown(text)
