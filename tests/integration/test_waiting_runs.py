"""Runs that wait for their turn, in a real engine on real storage; hosts do what a script says."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from core.clock import ManualClock
from core.domain.actions import Retry, Stop
from core.domain.priorities import Priority
from core.domain.run import RunState
from core.errors import Conflict
from core.executors.protocol import Target, Work
from core.executors.scripted import Behaviour
from core.runtime.engine import Engine
from core.runtime.queue import EngineDraining, QueueFull
from core.storage import facts
from core.storage.admission import Mode
from core.storage.journal import read_after
from core.storage.tables import run_event
from tests.support.runtime import INVENTORY, ended, engine, job, row_of, running, save, start, step


class Hosts:
    """Hosts whose work lasts until it is let go; all at once."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.fail = False

    def __call__(self, target: Target, work: Work | None) -> Behaviour:
        return Behaviour(until=self.go, exit_code=int(self.fail))


async def begun(opened: Engine, run_id: str) -> None:
    """Until a run that waited has begun."""
    async with asyncio.timeout(20):
        while (await row_of(opened, run_id)).state is RunState.QUEUED:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def done(opened: Engine, run_id: str) -> RunState:
    await begun(opened, run_id)
    return (await ended(opened, run_id)).state


def reasons(opened: Engine, run_id: str) -> list[str]:
    return [reason.text for reason in opened.queue.place(run_id).reasons]


async def test_a_run_that_can_begin_at_once_is_never_seen_to_wait(home: Path) -> None:
    async with engine(home, max_runs=1) as (opened, _):
        await save(opened, *INVENTORY)
        row = await start(opened)
        assert row.state is RunState.RUNNING
        await ended(opened, row.id)
        entries = await opened.store.reader.read(lambda c: read_after(c, 0, limit=1000))
        states = [entry.data["state"] for entry in entries if entry.type == "run.state"]
        assert states == ["running", "succeeded"]


async def test_runs_over_the_engines_limit_wait_and_begin_in_order_of_priority(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts, max_runs=1) as (opened, executor):
        await save(opened, *INVENTORY)
        first = await start(opened, targets="h1")
        low = await start(opened, targets="h1", priority="low")
        high = await start(opened, targets="h1", priority="high")
        assert (low.state, high.state) == (RunState.QUEUED, RunState.QUEUED)
        assert [place.run_id for place in opened.queue.places(10)] == [high.id, low.id]
        assert reasons(opened, low.id) == [f"engine has 1 of at most 1 runs: run {first.id}"]
        assert executor.running <= 1
        hosts.go.set()
        assert [await done(opened, each.id) for each in (first, high, low)] == [
            RunState.SUCCEEDED
        ] * 3
        rows = [await row_of(opened, each.id) for each in (high, low)]
        assert rows[0].finished_at is not None
        assert rows[1].started_at is not None
        assert rows[0].finished_at <= rows[1].started_at
        assert executor.most_running == 1


async def test_jobs_environments_accounts_and_hosts_have_their_own_limits(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts) as (opened, _):
        await save(
            opened,
            {"kind": "environment", "name": "prod", "spec": {"max_runs": 1}},
            {"kind": "environment", "name": "lab", "spec": {"max_runs_per_host": 1}},
            {"kind": "account", "name": "one", "spec": {"user": "one", "max_runs": 1}},
            {"kind": "account", "name": "any", "spec": {"user": "any"}},
            *(
                {"kind": "host", "name": name, "spec": {"account": "any", **spec}}
                for name, spec in {
                    "prod1": {"environment": "prod"},
                    "prod2": {"environment": "prod"},
                    "lab1": {"environment": "lab"},
                    "lab2": {"environment": "lab"},
                    "own": {"max_runs": 1},
                    "login1": {"account": "one"},
                    "login2": {"account": "one"},
                    "free1": {},
                    "free2": {},
                }.items()
            ),
            job("alone", step("s"), max_runs=1),
        )
        expected: dict[str, str] = {}
        for what, first, second in (
            ("environment prod", {"targets": "prod1"}, {"targets": "prod2"}),
            ("host lab1", {"targets": "lab1"}, {"targets": "lab1"}),
            ("host own", {"targets": "own"}, {"targets": "own"}),
            ("account one", {"targets": "login1"}, {"targets": "login2"}),
            (
                "job alone",
                {"targets": "free1", "job": "alone"},
                {"targets": "free2", "job": "alone"},
            ),
        ):
            holder, waits = await start(opened, **first), await start(opened, **second)
            assert (holder.state, waits.state) == (RunState.RUNNING, RunState.QUEUED), what
            expected[waits.id] = f"{what} has 1 of at most 1 runs: run {holder.id}"
        assert {run_id: reasons(opened, run_id)[0] for run_id in expected} == expected
        assert (await start(opened, targets="lab2, free1")).state is RunState.RUNNING
        hosts.go.set()
        for run_id in expected:
            assert await done(opened, run_id) is RunState.SUCCEEDED


async def test_a_limit_that_is_raised_lets_a_run_begin_that_waits(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts) as (opened, _):
        await save(opened, *INVENTORY, job("alone", step("s"), max_runs=1))
        await start(opened, job="alone")
        waits = await start(opened, job="alone")
        assert waits.state is RunState.QUEUED
        await save(opened, job("alone", step("s"), max_runs=2))
        await opened.queue.tick()
        await begun(opened, waits.id)
        hosts.go.set()
        assert await done(opened, waits.id) is RunState.SUCCEEDED


async def test_a_run_waits_for_the_hosts_and_locks_that_another_holds(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts) as (opened, executor):
        await save(
            opened,
            *INVENTORY,
            job("upgrade", step("s", locks=[{"name": "schema"}]), lock_hosts="exclusive"),
        )
        holder = await start(opened, job="upgrade", targets="h1, h2")
        same_hosts = await start(opened, targets="h2, h3", lock_hosts="shared")
        same_lock = await start(opened, targets="h4", locks=[{"name": "schema", "mode": "shared"}])
        bystander = await start(opened, targets="h1")
        assert bystander.state is RunState.RUNNING, "who locks nothing is kept from nothing"
        assert reasons(opened, same_hosts.id) == [f"waits for run {holder.id} on host h2"]
        assert reasons(opened, same_lock.id) == [
            f"waits for run {holder.id}, which has lock schema"
        ]
        hosts.go.set()
        for each in (same_hosts, same_lock):
            assert await done(opened, each.id) is RunState.SUCCEEDED
        assert executor.most_running <= 3


async def test_a_run_that_waits_can_be_stopped_and_never_reaches_a_host(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts, max_runs=1) as (opened, executor):
        await save(opened, *INVENTORY)
        first = await start(opened, targets="h1")
        waits = await start(opened, targets="h2")
        stopped = await opened.runs.act(waits.id, Stop(reason="not today"), "ann")
        assert (stopped.state, stopped.reason) == (RunState.STOPPED, "not today")
        assert waits.id not in opened.queue
        hosts.go.set()
        await done(opened, first.id)
        assert len(executor.started) == 1
        with pytest.raises(Conflict, match="stopped"):
            await opened.queue.move(await row_of(opened, waits.id), Priority.HIGH, "ann")


async def test_a_run_that_is_moved_begins_by_its_new_priority_also_after_a_restart(
    home: Path,
) -> None:
    hosts = Hosts()
    async with engine(home, hosts, max_runs=1) as (opened, executor):
        await save(opened, *INVENTORY)
        first = await start(opened, targets="h1")
        others = [await start(opened, targets="h1") for _ in range(3)]
        await opened.queue.move(others[2], Priority.URGENT, "ann")
        await opened.queue.move(others[0], Priority.LOW, "ann")
        order = [others[2].id, others[1].id, others[0].id]
        assert [place.run_id for place in opened.queue.places(10)] == order
        await running(executor, 1)
    async with engine(home, hosts=executor, max_runs=1) as (opened, _):
        assert [place.run_id for place in opened.queue.places(10)] == order
        assert (await row_of(opened, order[0])).priority is Priority.URGENT
        hosts.go.set()
        for run_id in (first.id, *order):
            assert await done(opened, run_id) is RunState.SUCCEEDED
    assert executor.most_running == 1
    assert set(executor.started.values()) == {1}


async def test_a_full_queue_refuses_and_changes_nothing(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts, max_runs=1, max_waiting_runs=1) as (opened, _):
        await save(opened, *INVENTORY)
        await start(opened)
        await start(opened)
        with pytest.raises(QueueFull, match="1 runs wait") as refused:
            await start(opened)
        assert "jobdeck queue list" in refused.value.hint
        entries = await opened.store.reader.read(lambda c: read_after(c, 0, limit=1000))
        assert [entry.type for entry in entries].count("run.created") == 2
        hosts.go.set()


async def test_in_a_frozen_engine_starts_wait_and_what_overrides_begins(home: Path) -> None:
    hosts = Hosts()
    hosts.go.set()
    async with engine(home, hosts) as (opened, _):
        await save(opened, *INVENTORY)
        await opened.queue.set_mode(Mode.FROZEN, "an audit", "ann")
        waits = await start(opened)
        assert reasons(opened, waits.id) == [
            "nothing begins: the engine is frozen by ann: an audit"
        ]
        urgent = await start(opened, override="the site is down")
        assert await done(opened, urgent.id) is RunState.SUCCEEDED
        assert opened.queue.status().waiting == 1
    async with engine(home, hosts) as (opened, _):
        assert opened.queue.admission.reason == "an audit", "a restart thaws nothing"
        assert (await row_of(opened, waits.id)).state is RunState.QUEUED
        await opened.queue.set_mode(Mode.OPEN, "", "ann")
        assert await done(opened, waits.id) is RunState.SUCCEEDED


async def test_a_draining_engine_refuses_starts_and_finishes_what_it_accepted(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts, max_runs=1) as (opened, _):
        await save(opened, *INVENTORY)
        runs = [await start(opened) for _ in range(2)]
        await opened.queue.set_mode(Mode.DRAINING, "new memory", "ann")
        with pytest.raises(
            EngineDraining, match="takes no new runs, says ann: new memory"
        ) as refused:
            await start(opened)
        assert "unfreeze" in refused.value.hint
        over = await start(opened, override="it is needed for the new memory")
        hosts.go.set()
        for each in (*runs, over):
            assert await done(opened, each.id) is RunState.SUCCEEDED


async def test_a_retry_needs_the_locks_again(home: Path) -> None:
    hosts = Hosts()
    hosts.fail = True
    hosts.go.set()
    async with engine(home, hosts) as (opened, _):
        await save(opened, *INVENTORY)
        failed = await start(opened, targets="h1", lock_hosts="exclusive")
        assert await done(opened, failed.id) is RunState.FAILED
        hosts.fail, hosts.go = False, asyncio.Event()
        holder = await start(opened, targets="h1", lock_hosts="shared")
        with pytest.raises(Conflict, match=f"waits for run {holder.id} on host h1"):
            await opened.runs.act(failed.id, Retry(), "ann")
        assert (await row_of(opened, failed.id)).state is RunState.FAILED
        hosts.go.set()
        await done(opened, holder.id)
        await opened.runs.act(failed.id, Retry(), "ann")
        assert await done(opened, failed.id) is RunState.SUCCEEDED


async def test_health_checks_never_wait_for_the_run_that_asks_for_them(home: Path) -> None:
    hosts = Hosts()
    hosts.go.set()
    async with engine(home, hosts, max_runs=1) as (opened, _):
        rolling = {"batch": "50%", "health": "look"}
        await save(
            opened,
            *INVENTORY,
            job("look", {**step("s")}, lock_hosts="exclusive"),
            job("roll", step("s", rolling=rolling), lock_hosts="exclusive"),
        )
        row = await start(opened, job="roll")
        assert await done(opened, row.id) is RunState.SUCCEEDED


async def test_runs_wait_while_a_host_is_busy_as_its_facts_say(home: Path) -> None:
    hosts = Hosts()
    hosts.go.set()
    clock = ManualClock()
    async with engine(home, hosts, clock=clock) as (opened, _):
        await save(opened, *INVENTORY, job("heavy", step("s"), max_load_per_cpu=2))
        assert await done(opened, (await start(opened, job="heavy")).id) is RunState.SUCCEEDED
        busy, idle = ({"cpus": 4, "load": load, "os.id": "debian"} for load in (12.0, 1.0))
        write = opened.store.writer.write
        await write(lambda tx: facts.record(tx, {"h3": busy}, "test"))
        waits = await start(opened, job="heavy")
        assert waits.state is RunState.QUEUED
        assert reasons(opened, waits.id) == ["host h3 is busy: load/CPU 3.00 > 2"]
        assert opened.queue.place(waits.id).unknown_loads == "h[1-2,4-8]"
        clock.advance(timedelta(minutes=1))
        await write(lambda tx: facts.record(tx, {"h3": idle}, "test"))
        await opened.queue.tick()
        assert await done(opened, waits.id) is RunState.SUCCEEDED
        await write(lambda tx: facts.record(tx, {"h3": busy}, "test"))
        clock.advance(timedelta(minutes=16))
        late = await start(opened, job="heavy")
        assert late.state is RunState.RUNNING, "an old sample says nothing"


async def test_a_waiting_run_keeps_its_secrets_sealed_until_its_turn(home: Path) -> None:
    hosts = Hosts()
    seen: list[str | None] = []

    def script(target: Target, work: Work | None) -> Behaviour:
        if work is not None:
            seen.append(work.env.get("TOKEN"))
        return hosts(target, work)

    async with engine(home, script, max_runs=1) as (opened, executor):
        await save(opened, *INVENTORY)
        await start(opened, targets="h1")
        waits = await start(opened, targets="h2", secrets={"TOKEN": "s3cr3t-word"})
        await running(executor, 1)
    async with engine(home, hosts=executor, max_runs=1) as (opened, _):
        hosts.go.set()
        assert await done(opened, waits.id) is RunState.SUCCEEDED
    assert seen[-1] == "s3cr3t-word"


@pytest.mark.expect_logs("run.bug")
async def test_a_run_that_cannot_be_read_when_its_turn_comes_keeps_no_other_from_its_own(
    home: Path,
) -> None:
    hosts = Hosts()
    async with engine(home, hosts, max_runs=1) as (opened, _):
        await save(opened, *INVENTORY)
        first = await start(opened)
        broken, well = await start(opened), await start(opened)
        spoilt = update(run_event).where(run_event.c.run_id == broken.id).values(event="{}")
        await opened.store.writer.write(lambda tx: tx.connection.execute(spoilt))
        hosts.go.set()
        assert await done(opened, first.id) is RunState.SUCCEEDED
        assert await done(opened, broken.id) is RunState.ABNORMAL
        assert await done(opened, well.id) is RunState.SUCCEEDED


async def test_targets_of_a_more_urgent_step_have_more_turns_at_the_engines_room(
    home: Path,
) -> None:
    nodes = [
        {"kind": "parallel", "name": "split"},
        step("usual"),
        step("urgent", priority="urgent"),
    ]
    edges = ["split -> usual, urgent"]
    flow = {
        "kind": "flow",
        "name": "both",
        "spec": {"nodes": nodes, "edges": edges, "targets": "all"},
    }
    async with engine(home, max_targets=1) as (opened, executor):
        await save(opened, *INVENTORY, flow)
        await ended(opened, (await start(opened, flow="both")).id)
        order = [work.env["JOBDECK_STEP"] for _, work in executor.works]
        assert len(order) == 16
        assert order[:9].count("urgent") >= 6
