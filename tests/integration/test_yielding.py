"""Runs that give way to more urgent ones, in a real engine on real storage."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from core.domain.actions import Ignore, Pause, Rerun, Resume, Stop
from core.domain.priorities import Priority
from core.domain.run import RunState
from core.errors import IllegalTransition
from core.executors.protocol import Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.flow.events import YieldRequested
from core.runtime.engine import Engine
from core.storage import batches, operations, runs
from core.storage.admission import Mode
from core.storage.runs import RunRow
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
)

MAY_WAIT = {"preemptible": True}
LONG = job(
    "long",
    step("a", **MAY_WAIT, rolling={"batch": "1"}),
    step("b", **MAY_WAIT),
    priority="low",
    targets="h1, h2, h3",
    locks=[{"name": "db"}],
)
SHORT = job("short", step("s"), priority="urgent", targets="h8", locks=[{"name": "db"}])
TWO = job("two", step("a", **MAY_WAIT), step("b"), priority="low", targets="h1")


class Hosts:
    """Hosts whose work lasts until its step is let go, or until it is let go there."""

    def __init__(self) -> None:
        self.gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.done: Counter[tuple[str, str]] = Counter()
        self.fails: set[str] = set()

    def __call__(self, target: Target, work: Work | None) -> Behaviour:
        if work is None:
            return Behaviour()
        step = work.env["JOBDECK_STEP"]
        self.done[step, target.host] += 1
        gate = f"{step}/{target.host}"
        return Behaviour(until=self.gates[gate], exit_code=int(step in self.fails))

    def let(self, *gates: str) -> None:
        for gate in gates:
            self.gates[gate].set()


@pytest.fixture
def hosts() -> Hosts:
    return Hosts()


async def until(opened: Engine, row: RunRow, *states: RunState) -> RunRow:
    async with asyncio.timeout(20):
        while (now := await row_of(opened, row.id)).state not in states:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return now


async def suspended(opened: Engine, hosts: Hosts, executor: ScriptedExecutor) -> RunRow:
    """A run that has given way to another one, which goes on."""
    await save(opened, *INVENTORY, LONG, SHORT)
    low = await start(opened, job="long", targets=None)
    await running(executor, 1)
    urgent = await start(opened, job="short", targets=None)
    assert urgent.state is RunState.QUEUED
    await asked(opened, low)
    hosts.let("a/h1")
    row = await until(opened, low, RunState.SUSPENDED)
    assert row.reason == f"gave way to run {urgent.id}; it goes on in its turn"
    await until(opened, urgent, RunState.RUNNING)
    await running(executor, 1)
    return row


async def said_of(opened: Engine, row: RunRow) -> list[operations.Operation]:
    return await opened.store.reader.read(lambda c: operations.of_run(c, row.id))


async def asked(opened: Engine, row: RunRow) -> None:
    """Until the run was told to give way."""
    async with asyncio.timeout(20):
        while not await said_of(opened, row):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_run_gives_way_between_two_batches_and_goes_on_where_it_was(
    home: Path, hosts: Hosts
) -> None:
    async with engine(home, hosts) as (opened, executor):
        low = await suspended(opened, hosts, executor)
        place = opened.queue.place(low.id)
        assert place.reasons[0].text.endswith("which has lock db")
        urgent = place.gave_way_to
        rows = await opened.store.reader.read(lambda c: batches.batches_of(c, low.id, "a", 1))
        assert [row.state for row in rows] == ["succeeded", "waiting", "waiting"]
        assert hosts.done == {("a", "h1"): 1, ("s", "h8"): 1}
        assert low.id not in opened.runs.live, "it is on disk only"
        hosts.let("s/h8", "a/h2", "a/h3", "b/h1", "b/h2", "b/h3")
        assert (await ended(opened, urgent)).state is RunState.SUCCEEDED
        await until(opened, low, RunState.RUNNING, RunState.SUCCEEDED)
        done = await ended(opened, low.id)
        assert (done.state, done.reason) == (RunState.SUCCEEDED, "")
        assert set(hosts.done.values()) == {1}
        assert len(hosts.done) == 7
        (given,) = await said_of(opened, low)
        assert (given.action, given.actor) == ("give_way", "engine")
        assert given.reason == f"to run {urgent}, which is urgent"
        assert opened.queue.status().begun == 0


async def test_a_run_that_may_not_wait_is_asked_by_nobody(home: Path, hosts: Hosts) -> None:
    async with engine(home, hosts, max_runs=1) as (opened, executor):
        await save(opened, *INVENTORY)
        low = await start(opened, targets="h1", priority="low")
        await running(executor, 1)
        urgent = await start(opened, targets="h2", priority="urgent")
        hosts.let("command/h1", "command/h2")
        await ended(opened, low.id)
        await until(opened, urgent, RunState.SUCCEEDED)
        assert not await said_of(opened, low)


async def test_a_run_is_asked_when_it_comes_to_a_step_that_may_wait(
    home: Path, hosts: Hosts
) -> None:
    steps = step("first"), step("a", **MAY_WAIT), step("b")
    async with engine(home, hosts, max_runs=1) as (opened, executor):
        await save(opened, *INVENTORY, job("late", *steps, priority="low", targets="h1"), SHORT)
        low = await start(opened, job="late", targets=None)
        await running(executor, 1)
        urgent = await start(opened, job="short", targets=None)
        hosts.let("first/h1")
        await asked(opened, low)
        hosts.let("a/h1", "s/h8", "b/h1")
        await until(opened, urgent, RunState.SUCCEEDED)
        assert (await until(opened, low, RunState.SUCCEEDED)).state is RunState.SUCCEEDED


async def test_a_request_is_withdrawn_when_the_run_that_waits_is_stopped(
    home: Path, hosts: Hosts
) -> None:
    async with engine(home, hosts, max_runs=1) as (opened, executor):
        await save(opened, *INVENTORY, TWO, SHORT)
        low = await start(opened, job="two", targets=None)
        await running(executor, 1)
        urgent = await start(opened, job="short", targets=None)
        await asked(opened, low)
        await opened.runs.act(urgent.id, Stop(), "ann")
        async with asyncio.timeout(20):
            while opened.runs.live[low.id].state.yields_to:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        hosts.let("a/h1", "b/h1")
        await ended(opened, low.id)
        said = await said_of(opened, low)
        assert [each.action for each in said] == ["give_way", "keep_place"]


async def test_a_suspended_run_is_stopped_and_its_hosts_say_so(home: Path, hosts: Hosts) -> None:
    async with engine(home, hosts) as (opened, executor):
        low = await suspended(opened, hosts, executor)
        await opened.runs.act(low.id, Stop(), "ann")
        done = await until(opened, low, RunState.STOPPED)
        assert done.counts == {"success": 1, "not_started": 2}
        assert low.id not in opened.queue
        hosts.let("s/h8")
        assert opened.queue.status().waiting == 0


async def test_a_suspended_run_that_is_paused_goes_on_when_it_has_its_turn_and_is_resumed(
    home: Path, hosts: Hosts
) -> None:
    async with engine(home, hosts, max_runs=1) as (opened, executor):
        await save(opened, *INVENTORY, TWO, SHORT)
        low = await start(opened, job="two", targets=None)
        await running(executor, 1)
        urgent = await start(opened, job="short", targets=None)
        await asked(opened, low)
        hosts.let("a/h1")
        await until(opened, low, RunState.SUSPENDED)
        await opened.runs.act(low.id, Pause(), "ann")
        with pytest.raises(IllegalTransition):
            await opened.runs.act(low.id, Rerun(step="a"), "ann")
        hosts.let("s/h8")
        await ended(opened, urgent.id)
        async with asyncio.timeout(20):
            while low.id not in opened.runs.live:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert (await row_of(opened, low.id)).state is RunState.SUSPENDED
        await opened.runs.act(low.id, Resume(), "ann")
        hosts.let("b/h1")
        assert (await ended(opened, low.id)).state is RunState.SUCCEEDED


async def test_a_failure_is_ignored_while_its_run_is_suspended(home: Path, hosts: Hosts) -> None:
    flow = {
        "kind": "flow",
        "name": "two-ways",
        "spec": {
            "nodes": [
                {"kind": "parallel", "name": "split"},
                step("bad", **MAY_WAIT),
                step("a", **MAY_WAIT),
                step("after"),
                step("c"),
            ],
            "edges": ["split -> bad, a", "bad -> after", "a -> c"],
            "targets": "h1",
            "priority": "low",
        },
    }
    hosts.fails.add("bad")
    async with engine(home, hosts, max_runs=1) as (opened, executor):
        await save(opened, *INVENTORY, flow, SHORT)
        low = await start(opened, flow="two-ways", targets=None)
        await running(executor, 2)
        urgent = await start(opened, job="short", targets=None)
        await asked(opened, low)
        hosts.let("bad/h1", "a/h1")
        await until(opened, low, RunState.SUSPENDED)
        await opened.runs.act(low.id, Ignore(step="bad"), "ann")
        assert (await row_of(opened, low.id)).state is RunState.SUSPENDED
        assert hosts.done["after", "h1"] == 0
        hosts.let("s/h8", "after/h1", "c/h1")
        await ended(opened, urgent.id)
        await until(opened, low, RunState.PARTIALLY_SUCCEEDED)
        assert (hosts.done["after", "h1"], hosts.done["c", "h1"]) == (1, 1)


async def test_another_engine_lets_a_suspended_run_go_on_in_its_turn(
    home: Path, hosts: Hosts
) -> None:
    executor = ScriptedExecutor(hosts)
    lost = await crashing(home, executor)
    low = await suspended(lost, hosts, executor)
    before = lost.queue.place(low.id)
    await abandon(lost)
    async with engine(home, hosts=executor) as (opened, _):
        place = opened.queue.place(low.id)
        assert (place.gave_way_to, place.since[:16]) == (before.gave_way_to, before.since[:16])
        hosts.let("s/h8", "a/h2", "a/h3", "b/h1", "b/h2", "b/h3")
        await until(opened, low, RunState.SUCCEEDED)
        assert set(hosts.done.values()) == {1}


async def test_another_engine_knows_who_was_asked_to_give_way(home: Path, hosts: Hosts) -> None:
    executor = ScriptedExecutor(hosts)
    lost = await crashing(home, executor, max_runs=1)
    await save(lost, *INVENTORY, TWO, SHORT)
    low = await start(lost, job="two", targets=None)
    await running(executor, 1)
    urgent = await start(lost, job="short", targets=None)
    await asked(lost, low)
    await abandon(lost)
    async with engine(home, hosts=executor, max_runs=1) as (opened, _):
        hosts.let("a/h1")
        await until(opened, low, RunState.SUSPENDED)
        hosts.let("s/h8", "b/h1")
        await until(opened, urgent, RunState.SUCCEEDED)
        await until(opened, low, RunState.SUCCEEDED)
        (once,) = await said_of(opened, low)
        assert once.action == "give_way"
        assert set(hosts.done.values()) == {1}


async def test_a_run_that_was_asked_for_one_that_is_gone_keeps_its_place(
    home: Path, hosts: Hosts
) -> None:
    executor = ScriptedExecutor(hosts)
    lost = await crashing(home, executor)
    await save(lost, *INVENTORY, TWO)
    low = await start(lost, job="two", targets=None)
    await running(executor, 1)
    nobody = YieldRequested(to="01GONE", priority=Priority.HIGH)
    await lost.runs.live[low.id].feed(nobody, "engine")
    await abandon(lost)
    async with engine(home, hosts=executor) as (opened, _):
        assert not opened.runs.live[low.id].state.yields_to
        hosts.let("a/h1", "b/h1")
        assert (await ended(opened, low.id)).state is RunState.SUCCEEDED
        states = await opened.store.reader.read(lambda c: runs.get(c, low.id))
        assert states.reason == ""


async def test_a_frozen_engine_keeps_runs_that_gave_way(home: Path, hosts: Hosts) -> None:
    async with engine(home, hosts, max_runs=1) as (opened, executor):
        await save(opened, *INVENTORY, TWO, SHORT)
        low = await start(opened, job="two", targets=None)
        await running(executor, 1)
        urgent = await start(opened, job="short", targets=None)
        await asked(opened, low)
        hosts.let("a/h1")
        await until(opened, low, RunState.SUSPENDED)
        await until(opened, urgent, RunState.RUNNING)
        await opened.queue.set_mode(Mode.FROZEN, "a look at it", "ann")
        hosts.let("s/h8")
        await ended(opened, urgent.id)
        assert opened.queue.place(low.id).reasons[0].text.startswith("nothing begins")
        await opened.queue.set_mode(Mode.OPEN, "", "ann")
        hosts.let("b/h1")
        await until(opened, low, RunState.SUCCEEDED)
