"""One target's attempt over several connections and several engines.

The hosts are the shipped double: they hold claims as real hosts do, and count starts.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from core.domain.actions import Resolve, Stop
from core.domain.resolving import Verdict
from core.domain.run import RunState, TargetCode, TargetState
from core.errors import Conflict, IllegalTransition, TargetError
from core.executors.protocol import Position, Stream, Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.runtime.engine import Engine, StopMode
from core.storage import output, runs
from tests.support.runtime import (
    INVENTORY,
    abandon,
    crashing,
    ended,
    engine,
    job,
    row_of,
    running,
    save,
    start,
    step,
    steps_of,
    stored_output,
    targets_of,
)
from tests.support.waiting import eventually

SAID = ((Stream.OUT, b"one\ntwo\n"), (Stream.ERR, b"complaint\n"), (Stream.OUT, b"three\n"))


async def printed(opened: Engine, run_id: str, stream: Stream) -> bytes:
    rows = await targets_of(opened, run_id)
    segments = await opened.store.reader.read(
        lambda c: [part for row in rows for part in output.iter_all(c, row.id, (stream,))]
    )
    return b"".join(segment.data for segment in segments)


async def noted(opened: Engine, run_id: str) -> str:
    return (await printed(opened, run_id, Stream.NOTE)).decode()


@pytest.mark.parametrize("lost_at", [(0,), (3,), (8,), (9, 17), (24,), (0, 1, 2, 12, 24)])
async def test_a_lost_line_is_taken_up_at_the_byte(home: Path, lost_at: tuple[int, ...]) -> None:
    hosts = ScriptedExecutor(lambda target, work: Behaviour(output=SAID, lost_at=lost_at))
    async with engine(home, hosts=hosts) as (opened, _):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, targets="h1")).id)
        assert (done.state, done.counts) == (RunState.SUCCEEDED, {"success": 1})
        assert await printed(opened, done.id, Stream.OUT) == b"one\ntwo\nthree\n"
        assert await printed(opened, done.id, Stream.ERR) == b"complaint\n"
        assert "the host was reached again" in await noted(opened, done.id)
    assert set(hosts.started.values()) == {1}
    assert len(hosts.looks) == len(lost_at)
    assert not hosts.claimed, "what was harvested is settled"


async def test_a_line_is_lost_until_the_host_is_reached_and_no_longer(home: Path) -> None:
    hold = asyncio.Event()
    is_away = False

    def script(target: Target, work: Work | None) -> Behaviour:
        nonlocal is_away
        if work is not None:
            is_away = True
        elif is_away:
            return Behaviour(refuses=TargetError(TargetCode.CONNECTION_FAILURE, "no route"))
        return Behaviour(output=SAID, lost_at=(3,), until=hold)

    async with engine(home, script, reattach_s=3600) as (opened, _):
        await save(opened, *INVENTORY)
        run_id = (await start(opened, targets="h1")).id
        await eventually(lambda: opened.lost_lines.now(run_id).count)
        assert (await opened.status()).lost_lines.hosts == "h1"
        is_away = False
        await eventually(lambda: not opened.lost_lines.now().count)
        hold.set()
        assert (await ended(opened, run_id)).state is RunState.SUCCEEDED


async def test_a_digest_does_not_know_of_lost_lines_or_engines(home: Path) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(output=SAID, lost_at=(5,) if target.host == "h1" else ())

    async with engine(home, script) as (opened, _):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, targets="h1,h2")).id)
        first, second = await targets_of(opened, done.id)
        assert first.digest == second.digest != ""


async def test_work_that_never_reached_the_host_is_started_under_another_id(home: Path) -> None:
    lost: list[str] = []

    def script(target: Target, work: Work | None) -> Behaviour:
        if work is not None and len(lost) < 3:
            lost.append(work.attempt_id)
            return Behaviour(lost_on_the_way=True)
        return Behaviour(output=SAID)

    async with engine(home, script) as (opened, hosts):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, targets="h1")).id)
        [row] = await targets_of(opened, done.id)
        assert done.state is RunState.SUCCEEDED
        assert len(set(lost)) == 3
        assert row.attempt_id not in lost
        assert dict(hosts.started) == {row.attempt_id: 1}


async def test_a_line_that_breaks_before_every_start_gives_up_and_says_that_nothing_ran(
    home: Path,
) -> None:
    hosts = ScriptedExecutor(lambda target, work: Behaviour(lost_on_the_way=True))
    async with engine(home, hosts=hosts) as (opened, _):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, targets="h1")).id)
        [row] = await targets_of(opened, done.id)
        assert row.state is TargetState.UNREACHABLE
        assert "nothing was started" in row.message
        assert not hosts.started


@pytest.mark.parametrize("idempotent", [False, True])
async def test_a_broken_claim_is_unknown_or_runs_again_where_that_is_harmless(
    home: Path, idempotent: bool
) -> None:
    seen: list[str] = []

    def script(target: Target, work: Work | None) -> Behaviour:
        if work is not None:
            seen.append(work.attempt_id)
        if len(set(seen)) > 1:
            return Behaviour(output=SAID)
        return Behaviour(output=SAID, lost_at=(4,), broken="the host was restarted")

    async with engine(home, script) as (opened, hosts):
        await save(opened, *INVENTORY, job("j", step("a", idempotent=idempotent)))
        done = await ended(opened, (await start(opened, job="j", targets="h1")).id)
        [row] = await targets_of(opened, done.id)
        if idempotent:
            assert row.state is TargetState.SUCCESS
            assert sorted(hosts.started.values()) == [1, 1]
            assert "idempotent, so it runs again" in await noted(opened, done.id)
        else:
            assert (row.state, row.code) == (TargetState.UNKNOWN, TargetCode.CLAIM_BROKEN)
            assert "the host was restarted" in row.message
            assert done.state is RunState.ABNORMAL
            assert len(hosts.started) == 1
            assert hosts.claimed, "the evidence stays where it is"
            await opened.runs.act(done.id, Resolve(verdict=Verdict.LOOK), "ann")
            await ended(opened, done.id)
            [row] = await targets_of(opened, done.id)
            assert "the host was restarted" in row.message


async def test_a_host_that_stays_away_is_unknown_after_the_patience_and_keeps_its_claim(
    home: Path,
) -> None:
    away = False

    def script(target: Target, work: Work | None) -> Behaviour:
        nonlocal away
        if away:
            return Behaviour(refuses=TargetError(TargetCode.CONNECTION_FAILURE, "no route to it"))
        away = work is not None
        return Behaviour(output=SAID, lost_at=(4,))

    async with engine(home, script, reattach_s=0.5) as (opened, hosts):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, targets="h1")).id)
        [row] = await targets_of(opened, done.id)
        assert (row.state, row.code) == (TargetState.UNKNOWN, TargetCode.LINE_LOST)
        assert "no route to it" in row.message
        assert hosts.claimed, "it can be asked again later"
        away = False
        await opened.runs.act(done.id, Resolve(verdict=Verdict.LOOK, reason="it is back"), "ann")
        done = await ended(opened, done.id)
        [row] = await targets_of(opened, done.id)
        assert done.state is RunState.SUCCEEDED
        assert (row.state, row.message, row.resolved_by) == (TargetState.SUCCESS, "", "")
        [attempt] = await steps_of(opened, done.id)
        assert (done.reason, attempt.reason) == ("", "")
        assert await printed(opened, done.id, Stream.OUT) == b"one\ntwo\nthree\n"
        assert not hosts.claimed
    assert set(hosts.started.values()) == {1}


@pytest.mark.parametrize(
    ("verdict", "state", "target"),
    [
        (Verdict.SUCCESS, RunState.SUCCEEDED, TargetState.SUCCESS),
        (Verdict.FAILED, RunState.PARTIALLY_SUCCEEDED, TargetState.FAILED),
    ],
)
async def test_a_person_says_how_it_ended_and_the_run_goes_on(
    home: Path, verdict: Verdict, state: RunState, target: TargetState
) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        if target.host == "h1" and work is not None and work.env["JOBDECK_STEP"] == "a":
            return Behaviour(output=SAID, lost_at=(4,), broken="the host was restarted")
        return Behaviour(output=SAID)

    async with engine(home, script) as (opened, _):
        await save(opened, *INVENTORY, job("j", step("a"), step("b")))
        done = await ended(opened, (await start(opened, job="j", targets="h1,h2")).id)
        assert (done.state, done.counts) == (RunState.ABNORMAL, {"success": 1, "unknown": 1})
        with pytest.raises(Conflict, match="h2 is known"):
            await opened.runs.act(done.id, Resolve(verdict=verdict, hosts=("h2",)), "ann")
        resolve = Resolve(verdict=verdict, hosts=("h1",), reason="I looked")
        await opened.runs.act(done.id, resolve, "ann")
        done = await ended(opened, done.id)
        [row] = await targets_of(opened, done.id, step="a", host="h1")
        assert (done.state, row.state, row.resolved_by) == (state, target, "ann")
        [steps] = [s for s in await steps_of(opened, done.id) if s.step == "a"]
        failed = "1 of 2 targets did not succeed in step a" if verdict is Verdict.FAILED else ""
        assert (done.reason, steps.reason) == (failed, failed)
        assert "the host was restarted" in row.message
        assert row.message.endswith(f"{verdict}, says ann: I looked")
        followed = await targets_of(opened, done.id, step="b")
        if verdict is Verdict.SUCCESS:
            assert [after.state for after in followed] == [TargetState.SUCCESS] * 2
            assert done.counts == {"success": 4}
        else:
            assert followed == []
            assert done.counts == {"success": 1, "failed": 1}
        with pytest.raises(IllegalTransition):
            await opened.runs.act(done.id, resolve, "ann")


async def test_what_a_person_says_of_some_hosts_changes_the_reason_of_the_rest(home: Path) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(output=SAID, lost_at=(4,), broken="the host was restarted")

    async with engine(home, script) as (opened, _):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, targets="h1,h2,h3")).id)
        resolve = Resolve(verdict=Verdict.SUCCESS, hosts=("h1",), reason="I looked")
        await opened.runs.act(done.id, resolve, "ann")
        done = await ended(opened, done.id)
        assert done.state is RunState.ABNORMAL
        assert done.reason == "2 of 3 targets did not succeed in step command"


async def test_a_host_that_kept_nothing_cannot_be_asked_again(home: Path) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(output=SAID, lost_at=(4,))

    async with engine(home, script) as (opened, _):
        await save(opened, *INVENTORY, job("j", step("a", execution="direct")))
        done = await ended(opened, (await start(opened, job="j", targets="h1")).id)
        assert done.counts == {"unknown": 1}
        with pytest.raises(Conflict, match="h1 kept no record"):
            await opened.runs.act(done.id, Resolve(verdict=Verdict.LOOK), "ann")


async def test_a_changed_host_key_ends_the_looks_at_once(home: Path) -> None:
    changed = False

    def script(target: Target, work: Work | None) -> Behaviour:
        nonlocal changed
        if changed:
            return Behaviour(refuses=TargetError(TargetCode.HOST_KEY_CHANGED, "another key"))
        changed = work is not None
        return Behaviour(output=SAID, lost_at=(4,))

    async with engine(home, script, reattach_s=3600) as (opened, _):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, targets="h1")).id)
        [row] = await targets_of(opened, done.id)
        assert row.state is TargetState.UNKNOWN
        assert "another key" in row.message


async def test_a_host_that_can_hold_no_claim_is_on_record_as_direct_before_it_runs(
    home: Path,
) -> None:
    recorded: list[int] = []
    opened: Engine | None = None

    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(output=SAID, unclaimed="read-only file system", until=asyncio.Event())

    hosts = ScriptedExecutor(script)
    begin = hosts.begin

    def look_first(target: Target, work: Work) -> None:
        assert opened is not None
        [row] = opened.store.reader.read_now(lambda c: runs.targets_of(c, work.env["JOBDECK_RUN"]))
        recorded.append(row.claimed)
        begin(target, work)

    hosts.begin = look_first  # type: ignore[method-assign]
    lost = await crashing(home, hosts)
    opened = lost
    await save(lost, *INVENTORY)
    accepted = await start(lost, targets="h1")
    await running(hosts, 1)
    await stored_output_of(lost, accepted.id)
    await abandon(lost)
    assert recorded == [0]
    async with engine(home, hosts=hosts) as (again, _):
        done = await ended(again, accepted.id)
        assert done.counts == {"unknown": 1}
    assert set(hosts.started.values()) == {1}


async def stored_output_of(opened: Engine, run_id: str) -> None:
    async with asyncio.timeout(20):
        with opened.outputs.follow(run_id) as news:
            while not await printed(opened, run_id, Stream.OUT):
                await news.wait(1)


async def test_what_hosts_kept_under_a_lost_engine_is_harvested_by_the_next(home: Path) -> None:
    gate = asyncio.Event()

    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(output=((Stream.OUT, b"half\n"),), until=gate)

    hosts = ScriptedExecutor(script)
    lost = await crashing(home, hosts)
    await save(lost, *INVENTORY)
    accepted = await start(lost, concurrency=2)
    await running(hosts, 2)
    await stored_output(lost, accepted.id)
    await abandon(lost)
    gate.set()
    async with engine(home, hosts=hosts) as (opened, _):
        done = await ended(opened, accepted.id)
        assert (done.state, done.counts) == (RunState.SUCCEEDED, {"success": 8})
        assert (await opened.status()).recovery == {"harvested": 2}
        for row in await targets_of(opened, done.id):
            page = await opened.store.reader.read(
                lambda c, id_=row.id: output.read(c, id_, 0, 100)  # type: ignore[misc]
            )
            assert b"".join(segment.data for segment in page.segments) == b"half\n"
    assert set(hosts.started.values()) == {1}
    assert [work.claim.resume for _, work in hosts.looks if work.claim] == [Position(out=5)] * 2
    epochs = {work.claim.epoch for _, work in hosts.works if work.claim}
    assert epochs == {1, 2}


async def test_an_intent_without_a_start_is_started_once_by_the_next_engine(home: Path) -> None:
    """The engine dies after the intent is on disk and before anything left."""
    hosts = ScriptedExecutor(lambda target, work: Behaviour(output=SAID))
    lost = await crashing(home, hosts)
    await save(lost, *INVENTORY)
    never = asyncio.Event()
    hosts_open = hosts.open

    def hang(target: Target) -> Any:
        class Opening:
            async def __aenter__(self) -> None:
                await never.wait()

            async def __aexit__(self, *_: object) -> None:
                pass

        return Opening()

    hosts.open = hang  # type: ignore[method-assign]
    accepted = await start(lost, targets="h1")
    async with asyncio.timeout(20):
        while (await row_of(lost, accepted.id)).counts != {"running": 1}:  # noqa: ASYNC110 - a look
            await asyncio.sleep(0.01)
    [before] = await targets_of(lost, accepted.id)
    await abandon(lost)
    hosts.open = hosts_open  # type: ignore[method-assign]
    async with engine(home, hosts=hosts) as (opened, _):
        done = await ended(opened, accepted.id)
        assert done.state is RunState.SUCCEEDED
        assert (await opened.status()).recovery == {"started": 1}
        [row] = await targets_of(opened, done.id)
        assert row.attempt_id != before.attempt_id, "a late start of the first id is refused"
    assert dict(hosts.started) == {row.attempt_id: 1}


async def test_hosts_that_do_not_answer_a_new_engine_keep_no_new_work_waiting(home: Path) -> None:
    away = asyncio.Event()
    gate = asyncio.Event()

    def script(target: Target, work: Work | None) -> Behaviour:
        if away.is_set() and target.host != "h8":
            refusal = TargetError(TargetCode.CONNECTION_TIMEOUT, f"{target.host} is silent")
            return Behaviour(refuses=refusal)
        return Behaviour(until=None if target.host == "h8" else gate)

    hosts = ScriptedExecutor(script)
    lost = await crashing(home, hosts)
    await save(lost, *INVENTORY)
    accepted = await start(lost, targets="!h8")
    await running(hosts, 7)
    await abandon(lost)
    away.set()
    async with engine(home, hosts=hosts, max_targets=2) as (opened, _):
        quick = await ended(opened, (await start(opened, targets="h8")).id)
        assert quick.state is RunState.SUCCEEDED
        assert (await opened.status()).recovery == {"looking": 7}
        away.clear()
        gate.set()
        done = await ended(opened, accepted.id)
        assert done.counts == {"success": 7}
    assert set(hosts.started.values()) == {1}


async def test_a_run_that_was_being_stopped_is_stopped_by_the_next_engine(home: Path) -> None:
    hosts = ScriptedExecutor(lambda target, work: Behaviour(until=asyncio.Event()))
    lost = await crashing(home, hosts)
    await save(lost, *INVENTORY)
    accepted = await start(lost, concurrency=2)
    await running(hosts, 2)
    driver = lost.runs.live[accepted.id]
    for execution in driver._executions.values():
        execution.stop = lambda *, force: None  # type: ignore[method-assign]
    await lost.runs.act(accepted.id, Stop(), "test")
    await abandon(lost)
    async with engine(home, hosts=hosts) as (opened, _):
        done = await ended(opened, accepted.id)
        assert done.state is RunState.STOPPED
        assert done.counts == {"terminated": 2, "not_started": 6}
    assert set(hosts.started.values()) == {1}


async def test_a_stop_while_the_line_is_lost_says_what_it_cannot_know(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runtime.attending._STOPPING_PATIENCE_S", 0.3)
    away = False

    def script(target: Target, work: Work | None) -> Behaviour:
        nonlocal away
        if away:
            return Behaviour(refuses=TargetError(TargetCode.CONNECTION_FAILURE, "no route to it"))
        away = work is not None
        return Behaviour(output=SAID, lost_at=(4,))

    async with engine(home, script, reattach_s=3600) as (opened, _):
        await save(opened, *INVENTORY)
        accepted = await start(opened, targets="h1")
        await stored_output_of(opened, accepted.id)
        await opened.runs.act(accepted.id, Stop(), "test")
        done = await ended(opened, accepted.id)
        [row] = await targets_of(opened, done.id)
        assert (row.state, row.code) == (TargetState.UNKNOWN, TargetCode.CANCEL_UNVERIFIED)
        assert "it keeps the work" in row.message


async def test_an_engine_that_stops_waits_for_direct_work_and_leaves_the_rest(home: Path) -> None:
    gate = asyncio.Event()
    hosts = ScriptedExecutor(lambda target, work: Behaviour(until=gate))
    async with engine(home, hosts=hosts) as (opened, _):
        direct = step("a", execution="direct")
        await save(opened, *INVENTORY, job("direct", direct), job("kept", step("a")))
        slow = await start(opened, job="direct", targets="h1")
        kept = await start(opened, job="kept", targets="h2")
        await running(hosts, 2)
        opened.request_stop(StopMode.DETACH)
        finishing = asyncio.ensure_future(opened.finish_work())
        async with asyncio.timeout(20):
            while hosts.running > 1:  # noqa: ASYNC110 - the double has no event for it
                await asyncio.sleep(0.01)
        assert not finishing.done()
        gate.set()
        await finishing
        assert (await row_of(opened, slow.id)).state is RunState.SUCCEEDED
        assert (await row_of(opened, kept.id)).state is RunState.RUNNING
    async with engine(home, hosts=hosts) as (opened, _):
        assert (await ended(opened, kept.id)).state is RunState.SUCCEEDED
    assert set(hosts.started.values()) == {1}


async def test_an_absence_proves_nothing_once_hosts_have_collected_old_claims(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runtime.attending._CLAIMS_KEPT_S", -1.0)
    hosts = ScriptedExecutor(lambda target, work: Behaviour(lost_on_the_way=True))
    async with engine(home, hosts=hosts) as (opened, _):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, targets="h1")).id)
        [row] = await targets_of(opened, done.id)
        assert (row.state, row.code) == (TargetState.UNKNOWN, TargetCode.CLAIM_BROKEN)
        assert "or too old?" in row.message
