"""The double keeps the promises that claims make, so that what is tested with it holds."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import Claim, Position, Stream, Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.executors.stopping import StopSignal
from tests.support.work import MemorySink, Result, command, login, run

HOST = Target(host="h1", address="h1", login=login(user="ada"))
OUTPUT = ((Stream.OUT, b"one two"), (Stream.ERR, b"three"), (Stream.OUT, b" four"))


def claimed(epoch: int = 1) -> Work:
    return command("uptime", claim=Claim(run_id="r1", epoch=epoch))


def again(work: Work, *sinks: MemorySink, epoch: int = 1) -> Work:
    """`work`, to be followed from where the sinks are."""
    at = Position(out=sum(len(s.out) for s in sinks), err=sum(len(s.err) for s in sinks))
    return msgspec.structs.replace(work, claim=Claim(run_id="r1", epoch=epoch, resume=at))


def executor_of(**behaviour: object) -> ScriptedExecutor:
    return ScriptedExecutor(lambda *_: Behaviour(**behaviour))


@pytest.mark.parametrize("first", range(18))
async def test_a_line_lost_at_any_byte_is_taken_up_there(first: int) -> None:
    executor = executor_of(output=OUTPUT, exit_code=3, lost_at=(first, 17))
    work = claimed()
    results: list[Result] = [await run(executor, HOST, work)]
    while results[-1].outcome.may_be_followed:
        results.append(await run(executor, HOST, again(work, *(r.sink for r in results))))

    assert len(results) == 3
    assert results[-1].outcome.exit_code == 3
    assert b"".join(result.out for result in results) == b"one two four"
    assert b"".join(result.sink.err for result in results) == b"three"
    assert executor.started == {work.attempt_id: 1}


async def test_a_second_arrival_follows_and_starts_nothing() -> None:
    executor, work = executor_of(output=OUTPUT), claimed()

    first, second = await run(executor, HOST, work), await run(executor, HOST, work)

    assert first.out == second.out == b"one two four"
    assert executor.started == {work.attempt_id: 1}


async def test_a_look_before_the_start_prevents_it() -> None:
    executor, work = executor_of(), claimed()

    looked = await run(executor, HOST, again(work))
    late = await run(executor, HOST, work)

    assert looked.outcome.never_started
    assert late.outcome.never_started
    assert not executor.started


async def test_work_that_is_lost_on_the_way_is_absent() -> None:
    executor, work = executor_of(lost_on_the_way=True), claimed()

    lost = await run(executor, HOST, work)
    looked = await run(executor, HOST, again(work))

    assert lost.outcome.may_be_followed
    assert looked.outcome.never_started


async def test_a_newer_owners_look_shuts_the_older_one_out() -> None:
    executor, work = executor_of(lost_at=(0,)), claimed(epoch=1)
    await run(executor, HOST, work)

    newer = await run(executor, HOST, again(work, epoch=2))
    older = await run(executor, HOST, again(work, epoch=1))
    start = await run(executor, HOST, claimed(epoch=1))

    assert newer.outcome.state is TargetState.SUCCESS
    assert older.outcome.code is start.outcome.code is TargetCode.FENCED


async def test_a_broken_claim_is_unknown_with_its_evidence() -> None:
    executor, work = executor_of(lost_at=(0,), broken="the host was restarted"), claimed()
    await run(executor, HOST, work)

    outcome = (await run(executor, HOST, again(work))).outcome

    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CLAIM_BROKEN)
    assert "the host was restarted" in outcome.message


async def test_a_host_that_holds_no_claims_says_so_before_the_work_starts() -> None:
    executor, work = executor_of(unclaimed="the disk is full", lost_at=(0,)), claimed()
    seen: list[int] = []

    class Sink(MemorySink):
        async def unclaimed(self, reason: str) -> None:
            await super().unclaimed(reason)
            seen.append(executor.started[work.attempt_id])

    sink = Sink()
    async with executor.open(HOST) as session:
        outcome = await session.run(work, sink, StopSignal())

    assert (sink.unclaimed_for, seen) == (["the disk is full"], [0])
    assert outcome.code is TargetCode.CONNECTION_LOST
    assert executor.started == {work.attempt_id: 1}


async def test_a_claim_is_held_until_it_is_settled() -> None:
    executor, work = executor_of(), claimed()
    async with executor.open(HOST) as session:
        await session.run(work, MemorySink(), StopSignal())
        held = executor.claimed
        await session.settle()

    assert held == {work.attempt_id}
    assert executor.claimed == set()
    assert executor.settled == {work.attempt_id: 1}


async def test_what_was_stopped_stays_stopped_for_who_looks_later() -> None:
    executor, work = executor_of(until=asyncio.Event()), claimed()
    stop = StopSignal()
    stop.set()

    stopped = await run(executor, HOST, work, stop)
    looked = await run(executor, HOST, again(work))

    assert stopped.outcome == looked.outcome
    assert looked.outcome.code is TargetCode.CANCELLED
