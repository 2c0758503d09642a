"""Rolling runs on real storage, with hosts that do what a script says, and engines that end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.bootstrap import open_engine
from core.clock import ManualClock
from core.domain.actions import Continue, Resolve, Retry, Stop
from core.domain.resolving import Verdict
from core.domain.retrying import RetryScope
from core.domain.run import TERMINAL_RUN_STATES, BatchState, RunState, TargetCode, TargetState
from core.errors import IllegalTransition, TargetError
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.flow.events import CancelRequested
from core.home import Home
from core.runtime.engine import Engine, StopMode
from core.storage import batches, operations, run_writes, runs
from core.storage.batches import BatchRow
from core.storage.runs import RunFilter, RunRow
from tests.support.runtime import (
    INVENTORY,
    abandon,
    crashing,
    ended,
    engine,
    job,
    row_of,
    save,
    start,
    step,
    targets_of,
)

FAILS = Behaviour(exit_code=1)
LIVE = frozenset(RunState) - TERMINAL_RUN_STATES


@asynccontextmanager
async def engine_at(
    home: Path, clock: ManualClock
) -> AsyncIterator[tuple[Engine, ScriptedExecutor]]:
    """An engine whose time stands still unless the test moves it."""
    executor = ScriptedExecutor(lambda target, work: Behaviour())
    opened = open_engine(Home(home), clock=clock, executors={"ssh": executor, "local": executor})
    await opened.start()
    try:
        yield opened, executor
    finally:
        opened.request_stop(StopMode.DETACH)
        await opened.stop()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the double has no event for it
            await asyncio.sleep(0.01)


async def in_state(opened: Engine, run_id: str, *states: RunState) -> None:
    async with asyncio.timeout(20):
        while (await row_of(opened, run_id)).state not in states:  # noqa: ASYNC110 - on disk
            await asyncio.sleep(0.01)


async def until_batch(opened: Engine, run_id: str, state: str) -> None:
    """Until the first batch has started, and one is in that state and nothing moves any more."""
    async with asyncio.timeout(20):
        while not await _stands(opened, run_id, state):  # noqa: ASYNC110 - on disk
            await asyncio.sleep(0.01)


async def _stands(opened: Engine, run_id: str, state: str) -> bool:
    states = (await states_of(opened, run_id)).split()
    counts = (await row_of(opened, run_id)).counts
    done = counts.get("success", 0) >= (1 if state == "running" else 2)
    moves = "running" in states and state != "running"
    return state in states and done and not moves


async def children_of(opened: Engine, run_id: str) -> list[RunRow]:
    rows = await opened.store.reader.read(
        lambda c: runs.list_runs(c, RunFilter(), before=None, limit=100)
    )
    return [row for row in reversed(rows) if row.parent == run_id]


async def batches_of(opened: Engine, run_id: str) -> list[BatchRow]:
    return await opened.store.reader.read(lambda c: batches.batches_of(c, run_id))


async def states_of(opened: Engine, run_id: str) -> str:
    return " ".join(row.state for row in await batches_of(opened, run_id))


def failing(*hosts: str) -> Any:
    def script(target: Target, work: Work | None) -> Behaviour:
        return FAILS if target.host in hosts else Behaviour()

    return script


def order(executor: ScriptedExecutor) -> list[str]:
    return [host for host, _ in executor.works]


async def test_batches_run_one_after_the_other(home: Path) -> None:
    async with engine(home) as (opened, executor):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, rolling={"batch": "1 +1"})).id)
        assert (done.state, done.counts) == (RunState.SUCCEEDED, {"success": 8})
        assert order(executor)[0] == "h1"
        assert set(order(executor)[1:3]) == {"h2", "h3"}
        rows = await batches_of(opened, done.id)
        assert [row.state for row in rows] == [BatchState.SUCCEEDED] * 4
        for before, after in pairwise(rows):
            assert before.finished_at is not None
            assert after.started_at is not None
            assert before.finished_at <= after.started_at
        targets = await targets_of(opened, done.id)
        assert [row.batch for row in targets] == [0, 1, 1, 2, 2, 2, 3, 3]


async def test_a_failed_batch_ends_the_step_and_says_so_at_every_host_after_it(home: Path) -> None:
    async with engine(home, failing("h3")) as (opened, executor):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, rolling={"batch": "2"})).id)
        assert done.state is RunState.FAILED
        assert done.reason == "batch 2 of 4 failed: 1 of 2 targets did not succeed"
        assert done.counts == {"success": 3, "failed": 1, "not_started": 4}
        assert await states_of(opened, done.id) == "succeeded failed stopped stopped"
        (row,) = await targets_of(opened, done.id, host="h5")
        assert row.code is TargetCode.BATCH_FAILED
        assert row.message == "batch 2 of 4 failed before this host's turn"
        assert len(executor.works) == 4


async def test_failures_are_rolled_over_where_they_are_ignored(home: Path) -> None:
    async with engine(home, failing("h1", "h3")) as (opened, executor):
        await save(opened, *INVENTORY)
        rolling = {"batch": "2", "mode": "ignore_and_roll"}
        done = await ended(opened, (await start(opened, rolling=rolling)).id)
        assert done.state is RunState.PARTIALLY_SUCCEEDED
        assert await states_of(opened, done.id) == "failed failed succeeded succeeded"
        assert len(executor.works) == 8


@pytest.mark.parametrize("broken", range(1, 9))
@pytest.mark.parametrize("scope", ["batch", "total"])
async def test_the_threshold_is_looked_at_after_each_host(
    home: Path, broken: int, scope: str
) -> None:
    """One at a time, all fail from some host on; one failure is borne."""
    bad = [f"h{number}" for number in range(broken, 9)]
    async with engine(home, failing(*bad)) as (opened, executor):
        await save(opened, *INVENTORY)
        rolling = {"batch": "4", "max_fail": 1, "scope": scope}
        done = await ended(opened, (await start(opened, rolling=rolling, concurrency=1)).id)
        first, second = await batches_of(opened, done.id)
        ran = len(executor.works)
        failed = done.counts.get("failed", 0)
        in_first = max(0, 5 - broken)  # hosts of the first batch that would fail
        if in_first >= 2:
            assert (ran, failed) == (broken + 1, 2)
            assert (first.state, second.state) == (BatchState.FAILED, BatchState.STOPPED)
            assert done.counts.get("skipped_by_threshold", 0) == (
                7 - broken if scope == "total" else 3 - broken
            )
        else:
            borne = 2 if scope == "batch" else 2 - in_first
            bad_in_second = 4 if broken <= 4 else 9 - broken
            stops = bad_in_second >= borne
            assert first.state is BatchState.SUCCEEDED
            assert second.state is (BatchState.FAILED if stops else BatchState.SUCCEEDED)
            assert failed == in_first + min(bad_in_second, borne)
            skipped = [
                row
                for row in await targets_of(opened, done.id)
                if row.state is TargetState.SKIPPED_BY_THRESHOLD
            ]
            assert len(skipped) == max(0, bad_in_second - borne)
            assert {row.code for row in skipped} <= {TargetCode.THRESHOLD_EXCEEDED}


async def test_hosts_that_run_when_the_threshold_is_exceeded_finish(home: Path) -> None:
    gate = asyncio.Event()

    def script(target: Target, work: Work | None) -> Behaviour:
        return FAILS if target.host == "h1" else Behaviour(until=gate)

    async with engine(home, script) as (opened, executor):
        await save(opened, *INVENTORY)
        accepted = await start(opened, rolling={"max_fail": 0}, concurrency=3)
        await until(lambda: "h1" in order(executor) and executor.running == 2)
        await asyncio.sleep(0.05)
        gate.set()
        done = await ended(opened, accepted.id)
        assert done.counts == {"success": 2, "failed": 1, "skipped_by_threshold": 5}


async def test_a_step_that_meets_its_success_rule_lets_the_next_one_start(home: Path) -> None:
    async with engine(home, failing("h3")) as (opened, _):
        first = step("a", rolling={"batch": "4", "min_success": 75})
        await save(opened, *INVENTORY, job("j", first, step("b", continue_on_error=True)))
        done = await ended(opened, (await start(opened, job="j", targets=None)).id)
        steps = await opened.store.reader.read(lambda c: runs.steps_of(c, done.id))
        assert [(row.step, row.state) for row in steps] == [
            ("a", RunState.SUCCEEDED),
            ("b", RunState.ERROR_IGNORED),
        ]


async def test_manual_batches_wait_for_a_person_also_over_a_restart(home: Path) -> None:
    async with engine(home) as (opened, executor):
        await save(opened, *INVENTORY)
        accepted = await start(opened, rolling={"batch": "3", "mode": "manual"})
        await in_state(opened, accepted.id, RunState.WAITING_USER)
        row = await row_of(opened, accepted.id)
        assert row.reason == (
            "batch 1 of 3 of step command succeeded; the next one waits for `jobdeck runs continue`"
        )
        assert len(executor.works) == 3
    async with engine(home) as (opened, executor):
        assert (await row_of(opened, accepted.id)).state is RunState.WAITING_USER
        await opened.runs.act(accepted.id, Continue(reason="looks fine"), "ann")
        await in_state(opened, accepted.id, RunState.WAITING_USER)
        assert await states_of(opened, accepted.id) == "succeeded succeeded waiting"
        assert len(executor.works) == 3
        await opened.runs.act(accepted.id, Continue(step="command"), "ann")
        done = await ended(opened, accepted.id)
        assert (done.state, done.counts, done.reason) == (RunState.SUCCEEDED, {"success": 8}, "")
        asked = await opened.store.reader.read(lambda c: operations.of_run(c, done.id))
        assert [(o.action, o.actor, o.step, o.batch, o.reason) for o in asked] == [
            ("continue", "ann", "command", 1, "looks fine"),
            ("continue", "ann", "command", 2, ""),
        ]
        with pytest.raises(IllegalTransition):
            await opened.runs.act(accepted.id, Continue(), "ann")


async def test_a_retry_goes_on_with_what_failed_and_what_never_started(home: Path) -> None:
    broken = {"h3"}

    def script(target: Target, work: Work | None) -> Behaviour:
        return FAILS if target.host in broken else Behaviour()

    async with engine(home, script) as (opened, executor):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, rolling={"batch": "2"})).id)
        assert done.state is RunState.FAILED
        executor.works.clear()
        await opened.runs.act(done.id, Retry(scope=RetryScope.NOT_STARTED), "ann")
        done = await ended(opened, done.id)
        assert sorted(order(executor)) == ["h5", "h6", "h7", "h8"], "the failed batch is left alone"
        assert done.counts == {"last_success": 3, "failed": 1, "success": 4}
        rows = await batches_of(opened, done.id)
        first, second = rows[:4], rows[4:]
        assert [row.state for row in second] == ["succeeded", "failed", "succeeded", "succeeded"]
        assert second[1] == msgspec.structs.replace(first[1], attempt=2), "it stands as it did"
        broken.clear()
        executor.works.clear()
        await opened.runs.act(done.id, Retry(), "ann")
        done = await ended(opened, done.id)
        assert order(executor) == ["h3"]
        assert done.state is RunState.SUCCEEDED
        newest = (await batches_of(opened, done.id))[-4:]
        assert [row.state for row in newest] == ["succeeded"] * 4


async def test_a_batch_says_that_others_of_it_failed_before(home: Path) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        return FAILS if target.host == "h1" else Behaviour()

    async with engine(home, script) as (opened, _):
        await save(opened, *INVENTORY)
        rolling = {"batch": "4", "max_fail": "0", "mode": "ignore_and_roll"}
        done = await ended(opened, (await start(opened, rolling=rolling, concurrency=1)).id)
        assert done.counts["skipped_by_threshold"] == 3
        await opened.runs.act(done.id, Retry(scope=RetryScope.NOT_STARTED), "ann")
        done = await ended(opened, done.id)
        newest = (await batches_of(opened, done.id))[-2:]
        assert (newest[0].state, newest[0].reason) == (
            "succeeded",
            "1 of 4 targets had not succeeded before, and did not run again",
        )
        assert newest[1].reason == ""


async def test_a_soak_is_not_begun_again_by_a_new_engine(home: Path) -> None:
    clock = ManualClock()
    async with engine_at(home, clock) as (opened, executor):
        await save(opened, *INVENTORY)
        accepted = await start(opened, rolling={"batch": "4", "soak_s": 3600})
        await in_state(opened, accepted.id, RunState.BATCH_WAITING)
        assert await states_of(opened, accepted.id) == "soaking waiting"
        assert len(executor.works) == 4
    clock.advance(timedelta(seconds=3600))
    async with engine_at(home, clock) as (opened, executor):
        done = await ended(opened, accepted.id)
        assert (done.state, done.counts) == (RunState.SUCCEEDED, {"success": 8})
        assert len(executor.works) == 4


CHECK = {
    "kind": "job",
    "name": "check",
    "spec": {"steps": [{"kind": "command", "name": "ping", "command": "x"}]},
}


def is_check(work: Work | None) -> bool:
    return work is not None and work.env["JOBDECK_STEP"] == "ping"


async def test_each_batch_is_checked_by_a_run_of_its_own(home: Path) -> None:
    async with engine(home) as (opened, executor):
        await save(opened, *INVENTORY, CHECK)
        done = await ended(
            opened, (await start(opened, rolling={"batch": "4", "health": "check"})).id
        )
        assert (done.state, done.reason) == (RunState.SUCCEEDED, "")
        checks = await children_of(opened, done.id)
        assert [(row.origin, row.actor, row.state) for row in checks] == [
            ("job/check@1", "engine", RunState.SUCCEEDED)
        ] * 2
        assert [row.title for row in checks] == ["check of batch 1: x", "check of batch 2: x"]
        hosts = [host for host, work in executor.works if is_check(work)]
        assert sorted(hosts[:4]) == ["h1", "h2", "h3", "h4"]
        assert sorted(hosts[4:]) == ["h5", "h6", "h7", "h8"]


async def test_a_failed_check_fails_its_batch(home: Path) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        return FAILS if is_check(work) and target.host == "h2" else Behaviour()

    async with engine(home, script) as (opened, _):
        await save(opened, *INVENTORY, CHECK)
        rolling = {"batch": "4", "health": "check"}
        done = await ended(opened, (await start(opened, rolling=rolling)).id)
        (check,) = await children_of(opened, done.id)
        assert done.state is RunState.FAILED
        assert done.reason == (f"batch 1 of 2 failed: health check {check.id} partially_succeeded")
        assert done.counts == {"success": 4, "not_started": 4}


async def test_a_check_that_cannot_start_fails_its_batch_and_says_why(home: Path) -> None:
    async with engine(home) as (opened, _):
        gone = {**CHECK, "spec": {**CHECK["spec"], "targets": "@later"}}
        group = {"kind": "group", "name": "later", "spec": {"expression": "h1"}}
        await save(opened, *INVENTORY, group, gone)
        empty = {"kind": "group", "name": "later", "spec": {"expression": "nothing*"}}
        await save(opened, empty)
        done = await ended(opened, (await start(opened, rolling={"health": "check"})).id)
        assert done.state is RunState.FAILED
        assert "its health check could not start: nothing to run on" in done.reason


async def test_a_crash_during_a_check_never_starts_it_twice(home: Path) -> None:
    gate = asyncio.Event()

    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(until=gate) if is_check(work) else Behaviour()

    executor = ScriptedExecutor(script)
    lost = await crashing(home, executor)
    checking = {**CHECK["spec"]["steps"][0], "idempotent": True}
    await save(lost, *INVENTORY, {**CHECK, "spec": {"steps": [checking]}})
    accepted = await start(lost, rolling={"batch": "4", "health": "check"})
    await until(lambda: executor.running == 4)
    await abandon(lost)
    gate.set()
    async with engine(home) as (opened, _):
        done = await ended(opened, accepted.id)
        assert done.state is RunState.SUCCEEDED
        assert len(await children_of(opened, done.id)) == 2
        assert await states_of(opened, done.id) == "succeeded succeeded"


async def test_staggered_batches_overlap_and_a_failure_stops_no_other(home: Path) -> None:
    gate = asyncio.Event()

    def script(target: Target, work: Work | None) -> Behaviour:
        return FAILS if target.host == "h1" else Behaviour(until=gate)

    async with engine(home, script) as (opened, executor):
        await save(opened, *INVENTORY)
        rolling = {"batch": "4", "stagger": {"fixed_s": 0.2}}
        accepted = await start(opened, rolling=rolling)
        await until(lambda: executor.running == 7)
        assert await states_of(opened, accepted.id) == "running running"
        gate.set()
        done = await ended(opened, accepted.id)
        assert done.state is RunState.FAILED
        assert done.counts == {"success": 7, "failed": 1}
        rows = await batches_of(opened, done.id)
        assert [row.state for row in rows] == [BatchState.FAILED, BatchState.SUCCEEDED]
        assert rows[1].planned_at is not None
        assert rows[1].started_at is not None
        assert rows[1].planned_at <= rows[1].started_at


async def test_planned_times_are_kept_for_the_next_engine(home: Path) -> None:
    clock = ManualClock()
    async with engine_at(home, clock) as (opened, _):
        await save(opened, *INVENTORY)
        accepted = await start(opened, rolling={"batch": "4", "stagger": {"fixed_s": 600}})
        await in_state(opened, accepted.id, RunState.BATCH_WAITING)
        planned = [row.planned_at for row in await batches_of(opened, accepted.id)]
    clock.advance(timedelta(seconds=700))
    async with engine_at(home, clock) as (opened, executor):
        done = await ended(opened, accepted.id)
        assert (done.state, len(executor.works)) == (RunState.SUCCEEDED, 4)
        assert [row.planned_at for row in await batches_of(opened, done.id)] == planned


@pytest.mark.parametrize(
    ("rolling", "shown"),
    [
        ({"soak_s": 3600}, "soaking"),
        ({"health": "check"}, "checking"),
        ({"mode": "manual"}, "waiting"),
        ({"stagger": {"fixed_s": 3600}}, "waiting"),
        ({}, "running"),
    ],
)
async def test_a_stop_ends_the_run_wherever_its_batches_are(
    home: Path, rolling: dict[str, Any], shown: str
) -> None:
    never = asyncio.Event()

    def script(target: Target, work: Work | None) -> Behaviour:
        hangs = is_check(work) or (shown == "running" and target.host == "h1")
        return Behaviour(until=never) if hangs else Behaviour()

    async with engine(home, script) as (opened, executor):
        await save(opened, *INVENTORY, CHECK)
        accepted = await start(opened, rolling={"batch": "2", **rolling})
        await until_batch(opened, accepted.id, shown)
        await opened.runs.act(accepted.id, Stop(reason="wrong day"), "ann")
        done = await ended(opened, accepted.id)
        assert (done.state, done.reason) == (RunState.STOPPED, "wrong day")
        assert done.counts["not_started"] == 6
        states = await states_of(opened, done.id)
        assert set(states.split()[1:]) == {"stopped"}
        for check in await children_of(opened, done.id):
            assert check.state is RunState.STOPPED
            assert f"run {done.id} was stopped" in check.reason
        assert len([work for _, work in executor.works if not is_check(work)]) == 2


async def test_a_stop_that_a_crash_cut_short_is_finished_by_the_next_engine(home: Path) -> None:
    executor = ScriptedExecutor(lambda target, work: Behaviour(until=asyncio.Event()))
    lost = await crashing(home, executor)
    await save(lost, *INVENTORY, job("j", step("a", idempotent=True)))
    accepted = await start(lost, job="j", targets=None, rolling={"batch": "2"})
    await until(lambda: executor.running == 2)
    await lost.store.writer.write(
        lambda tx: run_writes.append_event(tx, accepted.id, CancelRequested(), "ann")
    )
    await abandon(lost)
    async with engine(home) as (opened, second):
        done = await ended(opened, accepted.id)
        assert done.state is RunState.STOPPED
        assert await states_of(opened, done.id) == "stopped stopped stopped stopped"
        assert not second.works


async def test_two_big_runs_share_the_room(home: Path) -> None:
    async with engine(home, max_targets=2) as (opened, executor):
        await save(opened, *INVENTORY)
        first, second = await start(opened), await start(opened)
        await ended(opened, first.id)
        await ended(opened, second.id)
        served = [work.env["JOBDECK_RUN"] for _, work in executor.works]
        shared = served[4:12]
        assert abs(shared.count(first.id) - shared.count(second.id)) <= 2


class Away:
    """Hosts of which one is lost in the middle of its work, and stays away until it is `back`."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.back = False
        self._lost: set[str] = set()

    def __call__(self, target: Target, work: Work | None) -> Behaviour:
        if target.host not in self.names or is_check(work):
            return Behaviour()
        if target.host in self._lost and not self.back:
            refusal = TargetError(TargetCode.CONNECTION_FAILURE, "no route to it")
            return Behaviour(refuses=refusal)
        if work is not None:
            self._lost.add(target.host)
        return Behaviour(output=((Stream.OUT, b"one two"),), lost_at=(3,))


async def look(opened: Engine, run_id: str) -> RunRow:
    await opened.runs.act(run_id, Resolve(verdict=Verdict.LOOK), "ann")
    return await ended(opened, run_id)


async def test_a_look_finds_a_host_of_an_early_batch_and_starts_no_later_one(home: Path) -> None:
    away = Away("h1")
    async with engine(home, away, reattach_s=0.1) as (opened, executor):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, rolling={"batch": "2"})).id)
        assert (done.state, done.counts) == (
            RunState.ABNORMAL,
            {"unknown": 1, "success": 1, "not_started": 6},
        )
        away.back = True
        done = await look(opened, done.id)
        assert (done.state, done.counts) == (
            RunState.PARTIALLY_SUCCEEDED,
            {"success": 2, "not_started": 6},
        )
        assert await states_of(opened, done.id) == "succeeded stopped stopped stopped"
        assert len(executor.works) == 2
        await opened.runs.act(done.id, Retry(scope=RetryScope.NOT_STARTED), "ann")
        done = await ended(opened, done.id)
        assert (done.state, done.counts) == (RunState.SUCCEEDED, {"last_success": 2, "success": 6})
        assert len(executor.works) == 8
        assert set(executor.started.values()) == {1}


async def test_a_look_that_finds_nobody_leaves_the_batch_failed(home: Path) -> None:
    async with engine(home, Away("h1"), reattach_s=0.1) as (opened, executor):
        await save(opened, *INVENTORY)
        first = await ended(opened, (await start(opened, rolling={"batch": "2"})).id)
        done = await look(opened, first.id)
        assert (done.state, done.counts) == (first.state, first.counts)
        assert await states_of(opened, done.id) == "failed stopped stopped stopped"
        assert len(executor.works) == 2


@pytest.mark.parametrize("mode", ["pause_on_fail", "ignore_and_roll", "manual"])
async def test_a_look_at_hosts_of_the_last_batches_may_make_the_step_a_success(
    home: Path, mode: str
) -> None:
    away = Away("h5", "h6", "h8") if mode == "ignore_and_roll" else Away("h7")
    async with engine(home, away, reattach_s=0.1) as (opened, executor):
        rolling = {"batch": "4 2", "mode": mode}
        await save(opened, *INVENTORY, job("j", step("a", rolling=rolling), step("b")))
        accepted = await start(opened, job="j", targets=None)
        while mode == "manual" and (await row_of(opened, accepted.id)).state in LIVE:
            await in_state(opened, accepted.id, RunState.WAITING_USER, RunState.ABNORMAL)
            with suppress(IllegalTransition):
                await opened.runs.act(accepted.id, Continue(), "ann")
        done = await ended(opened, accepted.id)
        assert done.state is RunState.ABNORMAL
        away.back = True
        done = await look(opened, done.id)
        assert done.state is RunState.SUCCEEDED, done.reason
        assert set(executor.started.values()) == {1}
        shown = await opened.store.reader.read(lambda c: runs.steps_of(c, done.id))
        assert [row.state for row in shown] == [RunState.SUCCEEDED] * 2
        assert set((await states_of(opened, done.id)).split()) == {"succeeded"}


@pytest.mark.parametrize(
    ("verdict", "rolling", "state", "shown"),
    [
        ("success", {"batch": "4"}, "partially_succeeded", "succeeded stopped"),
        ("failed", {"batch": "4"}, "failed", "failed stopped"),
        ("success", {"batch": "8"}, "succeeded", "succeeded"),
        ("failed", {"batch": "8", "min_success": 80}, "succeeded", "succeeded"),
    ],
)
async def test_what_a_person_says_is_judged_by_the_rules_of_the_roll(
    home: Path, verdict: str, rolling: dict[str, Any], state: str, shown: str
) -> None:
    async with engine(home, Away("h1"), reattach_s=0.1) as (opened, executor):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened, rolling=rolling)).id)
        assert done.state is RunState.ABNORMAL
        await opened.runs.act(done.id, Resolve(verdict=Verdict(verdict)), "ann")
        done = await ended(opened, done.id)
        assert done.state == state
        assert await states_of(opened, done.id) == shown
        assert set(executor.started.values()) == {1}


async def test_a_batch_that_a_look_made_good_is_checked_before_it_counts(home: Path) -> None:
    away = Away("h2")
    async with engine(home, away, reattach_s=0.1) as (opened, _):
        await save(opened, *INVENTORY, CHECK)
        rolling = {"batch": "4", "health": "check"}
        accepted = await start(opened, rolling=rolling)
        done = await ended(opened, accepted.id)
        assert await children_of(opened, done.id) == []
        away.back = True
        done = await look(opened, done.id)
        (check,) = await children_of(opened, done.id)
        assert check.state is RunState.SUCCEEDED
        assert await states_of(opened, done.id) == "succeeded stopped"
        assert done.counts == {"success": 4, "not_started": 4}


async def test_a_look_that_a_crash_cut_short_is_finished_by_the_next_engine(home: Path) -> None:
    away, gate = Away("h1"), asyncio.Event()

    def script(target: Target, work: Work | None) -> Behaviour:
        behaviour = away(target, work)
        return replace(behaviour, until=gate) if target.host == "h1" else behaviour

    executor = ScriptedExecutor(script)
    lost = await crashing(home, executor, reattach_s=0.1)
    await save(lost, *INVENTORY)
    done = await ended(lost, (await start(lost, rolling={"batch": "2"})).id)
    away.back = True
    looks = len(executor.looks)
    await lost.runs.act(done.id, Resolve(verdict=Verdict.LOOK), "ann")
    await until(lambda: len(executor.looks) > looks)
    await abandon(lost)
    gate.set()
    async with engine(home, hosts=executor) as (opened, _):
        done = await ended(opened, done.id)
        assert done.counts == {"success": 2, "not_started": 6}
        assert await states_of(opened, done.id) == "succeeded stopped stopped stopped"
    assert set(executor.started.values()) == {1}
