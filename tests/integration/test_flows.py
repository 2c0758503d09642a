"""Flows on real storage, with hosts that do what a script says: what runs, where, and after what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.domain.actions import (
    ChooseWay,
    Fail,
    Ignore,
    Pause,
    PauseBefore,
    Rerun,
    Resume,
    Retry,
    RollBack,
    Stop,
)
from core.domain.approval import Choice
from core.domain.authorization import Actor
from core.domain.documents import parse
from core.domain.retrying import RetryScope
from core.domain.run import RunState
from core.errors import IllegalTransition, Invalid
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour
from core.flow import machine
from core.runtime.approvals import Ballot
from core.runtime.engine import Engine
from core.storage import approvals, outbox, runs
from core.storage.runs import RunFilter, RunRow
from tests.support.flowruns import Hosts, flow, node, started, states
from tests.support.runtime import (
    INVENTORY,
    ended,
    engine,
    job,
    row_of,
    save,
    start,
    step,
    steps_of,
    targets_of,
)

R = RunState


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def state_of(opened: Engine, run_id: str, name: str) -> R | None:
    driver = opened.runs.live.get(run_id)
    status = None if driver is None else driver.state.steps.get(name)
    return None if status is None else status.state


async def test_nodes_without_edges_run_one_after_the_other(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(step("a"), step("b")))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert [name for name, _ in hosts.began] == ["a", "a", "b", "b"]


async def test_branches_run_side_by_side_and_a_converge_waits_for_all(home: Path) -> None:
    hosts = Hosts()
    hosts.holds["b"] = asyncio.Event()
    edges = ["split -> a, b -> join -> c"]
    async with engine(home, hosts) as (opened, _):
        run = await started(
            opened,
            flow(
                node("parallel", "split"),
                step("a"),
                step("b"),
                node("converge", "join"),
                step("c"),
                edges=edges,
            ),
        )
        await until(lambda: state_of(opened, run.id, "a") is R.SUCCEEDED)
        assert state_of(opened, run.id, "join") is None
        hosts.holds["b"].set()
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert [name for name, _ in hosts.began][-2:] == ["c", "c"]


async def test_a_gateway_goes_where_the_condition_holds(home: Path) -> None:
    hosts = Hosts()
    hosts.prints["look"] = "::set size=12::\n"
    edges = [
        "look -> which",
        "which -> big if number(vars.size) > 10",
        "which -> small otherwise",
        "big, small -> done",
    ]
    nodes = (step("look"), node("exclusive", "which"), step("big"), step("small"), step("done"))
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(*nodes, edges=edges))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert "small" not in await states(opened, run.id)
        assert (await states(opened, run.id))["done"] is R.SUCCEEDED


async def test_a_gateway_without_a_way_fails_and_a_person_chooses_one(home: Path) -> None:
    edges = ["which -> a if false", "which -> b if false"]
    async with engine(home, Hosts()) as (opened, _):
        run = await started(
            opened, flow(node("exclusive", "which"), step("a"), step("b"), edges=edges)
        )
        failed = await ended(opened, run.id)
        assert (failed.state, "no condition holds" in failed.reason) == (R.FAILED, True)
        await opened.runs.act(run.id, ChooseWay(step="which", to="b"), "ann")
        assert (await ended(opened, run.id)).state is R.PARTIALLY_SUCCEEDED
        assert set(await states(opened, run.id)) == {"which", "b"}


async def test_what_failed_leads_on_and_only_its_losers_are_visited(home: Path) -> None:
    hosts = Hosts()
    hosts.fails["deploy"] = {"h2"}
    nodes = (step("deploy"), step("mend", targets="LAST_FAIL"), step("next"))
    edges = ["deploy -> next", "deploy -> mend on failure"]
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(*nodes, edges=edges))
        assert (await ended(opened, run.id)).state is R.PARTIALLY_SUCCEEDED
        assert hosts.began[2:] == [("mend", "h2")]


async def test_who_was_not_meant_takes_no_part_in_a_step_and_does_not_fail_it(home: Path) -> None:
    hosts = Hosts()
    hosts.fails["look"] = {"h2"}
    nodes = (
        step("look", continue_on_error=True),
        step("mend", targets="LAST_FAIL"),
        step("tell", targets="LAST_ALL"),
    )
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(*nodes))
        assert (await ended(opened, run.id)).state is R.PARTIALLY_SUCCEEDED
        assert hosts.began[2:] == [("mend", "h2"), ("tell", "h2")]
        rows = await targets_of(opened, run.id)
        assert [row.host for row in rows if row.step == "mend"] == ["h2"]


async def test_batches_are_of_those_that_are_meant(home: Path) -> None:
    hosts = Hosts()
    hosts.fails["look"] = {"h2"}
    rolling = {"batch": "1", "mode": "manual"}
    nodes = (
        step("look", continue_on_error=True),
        step("mend", targets="LAST_FAIL", rolling=rolling),
    )
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(*nodes))
        assert (await ended(opened, run.id)).state is R.PARTIALLY_SUCCEEDED
        assert hosts.began[2:] == [("mend", "h2")]


@pytest.mark.parametrize(("allow_empty", "end"), [(False, R.FAILED), (True, R.SUCCEEDED)])
async def test_a_step_that_nobody_is_left_for_fails_unless_it_may_be_empty(
    home: Path, allow_empty: bool, end: R
) -> None:
    hosts = Hosts()
    nodes = (step("look"), step("mend", targets="LAST_FAIL", allow_empty=allow_empty))
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(*nodes))
        row = await ended(opened, run.id)
        assert row.state is end
        assert ("LAST_FAIL" in row.reason) is not allow_empty
        assert len(hosts.began) == 2


async def test_a_step_that_nobody_is_left_for_could_not_be_done_at_all(home: Path) -> None:
    nodes = (step("look"), step("mend", targets="LAST_FAIL"), step("fine", targets="h1"))
    async with engine(home, Hosts()) as (opened, _):
        run = await started(opened, flow(*nodes, edges=["look -> mend", "mend -> fine on error"]))
        assert (await ended(opened, run.id)).state is R.PARTIALLY_SUCCEEDED


async def mending_failed(opened: Engine, hosts: Hosts) -> RunRow:
    """A run whose second step had the host on which the first had failed, and failed there too."""
    hosts.fails |= {"look": {"h2"}, "mend": {"h2"}}
    nodes = (step("look", continue_on_error=True), step("mend", targets="LAST_FAIL"))
    run = await started(opened, flow(*nodes))
    assert (await ended(opened, run.id)).state is R.FAILED
    return run


async def test_a_retry_of_all_is_of_those_that_were_meant(home: Path) -> None:
    async with engine(home, hosts := Hosts()) as (opened, _):
        run = await mending_failed(opened, hosts)
        hosts.fails["mend"] = set()
        await opened.runs.act(run.id, Retry(step="mend", scope=RetryScope.ALL), "ann")
        assert (await ended(opened, run.id)).state is R.PARTIALLY_SUCCEEDED
        assert hosts.began[2:] == [("mend", "h2"), ("mend", "h2")]


async def test_who_is_meant_is_asked_anew_where_what_came_before_ran_anew(home: Path) -> None:
    async with engine(home, hosts := Hosts()) as (opened, _):
        run = await mending_failed(opened, hosts)
        hosts.fails["look"] = {"h1"}
        await opened.runs.act(run.id, Rerun(step="look"), "ann")
        assert (await ended(opened, run.id)).state is R.PARTIALLY_SUCCEEDED
        assert [host for name, host in hosts.began if name == "mend"] == ["h2", "h1"]


async def test_an_end_says_what_the_run_is_called(home: Path) -> None:
    hosts = Hosts()
    hosts.fails["a"] = {"h1", "h2"}
    nodes = (
        step("a"),
        node("end", "bad", result="failed", message="${nodes.a.failed} hosts refused"),
    )
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(*nodes, edges=["a -> bad on failure"]))
        row = await ended(opened, run.id)
        assert (row.state, row.reason) == (R.FAILED, "2 hosts refused")


async def test_what_was_done_is_undone_in_reverse_where_it_was_begun(home: Path) -> None:
    hosts = Hosts()
    hosts.fails["c"] = {"h1"}
    nodes = (
        step("a", undo="undo-a"),
        step("b", undo="undo-b"),
        step("c"),
        step("undo-a"),
        step("undo-b"),
    )
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(*nodes))
        assert (await ended(opened, run.id)).state is R.PARTIALLY_SUCCEEDED
        await opened.runs.act(run.id, RollBack(reason="it is late"), "ann")
        assert (await ended(opened, run.id)).state is R.ROLLED_BACK
        assert [name for name, _ in hosts.began[6:]] == ["undo-b", "undo-b", "undo-a", "undo-a"]


async def test_a_flow_that_fails_rolls_back_by_itself_where_it_says_so(home: Path) -> None:
    hosts = Hosts()
    hosts.fails |= {"b": {"h1", "h2"}, "undo-a": {"h1"}}
    nodes = (step("a", undo="undo-a"), step("b"), step("undo-a"))
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(*nodes, on_failure="roll_back"))
        assert (await ended(opened, run.id)).state is R.ROLLBACK_FAILED
        hosts.fails.clear()
        await opened.runs.act(run.id, Retry(step="undo-a"), "ann")
        assert (await ended(opened, run.id)).state is R.ROLLED_BACK
        assert hosts.began[-1] == ("undo-a", "h1")


async def test_variables_are_set_and_seen_by_hosts(home: Path) -> None:
    hosts = Hosts()
    seen: list[str] = []

    def script(target: Target, work: Work | None) -> Behaviour:
        if work is not None:
            seen.append(work.env["LABEL"])
        return hosts(target, work)

    nodes = (
        node("set", "name", variables={"N": "1 + 2", "LABEL": "'v' + string(vars.N)"}),
        step("a"),
    )
    async with engine(home, script) as (opened, _):
        run = await started(opened, flow(*nodes))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert seen == ["v3", "v3"]


async def test_nothing_begins_while_a_run_is_paused(home: Path) -> None:
    hosts = Hosts()
    hosts.holds["a"] = asyncio.Event()
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(step("a"), step("b")))
        await until(lambda: hosts.began)
        paused = await opened.runs.act(run.id, Pause(), "ann")
        assert paused.state is R.RUNNING
        hosts.holds["a"].set()
        await until(lambda: opened.runs.live[run.id].state.run is R.SUSPENDED)
        assert opened.runs.live[run.id].state.held == ("b",)
        await opened.runs.act(run.id, Resume(), "ann")
        assert (await ended(opened, run.id)).state is R.SUCCEEDED


async def test_a_run_pauses_before_a_node_that_somebody_named(home: Path) -> None:
    hosts = Hosts()
    hosts.holds["a"] = asyncio.Event()
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(step("a"), step("b")))
        await opened.runs.act(run.id, PauseBefore(step="b"), "ann")
        hosts.holds["a"].set()
        await until(lambda: opened.runs.live[run.id].state.run is R.SUSPENDED)
        await opened.runs.act(run.id, Resume(), "ann")
        assert (await ended(opened, run.id)).state is R.SUCCEEDED


async def test_a_paused_run_is_taken_up_paused_by_the_next_engine(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts) as (opened, _):
        await save(opened, *INVENTORY, flow(step("a"), step("b")))
        hosts.holds["a"] = asyncio.Event()
        run = await start(opened, flow="f", targets=None)
        await opened.runs.act(run.id, PauseBefore(step="b"), "ann")
        hosts.holds["a"].set()
        await until(lambda: opened.runs.live[run.id].state.run is R.SUSPENDED)
    async with engine(home, hosts) as (opened, _):
        assert (await row_of(opened, run.id)).state is R.SUSPENDED
        await opened.runs.act(run.id, Resume(), "ann")
        assert (await ended(opened, run.id)).state is R.SUCCEEDED


async def test_one_branch_is_tried_again_while_the_other_goes_on(home: Path) -> None:
    hosts = Hosts()
    hosts.holds["b"] = asyncio.Event()
    hosts.fails["a"] = {"h1"}
    nodes = (node("start", "go"), step("a"), step("b"), step("c"))
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(*nodes, edges=["go -> a, b -> c"]))
        await until(lambda: state_of(opened, run.id, "a") is R.PARTIALLY_SUCCEEDED)
        hosts.fails.clear()
        await opened.runs.act(run.id, Retry(step="a"), "ann")
        await until(lambda: state_of(opened, run.id, "a") is R.SUCCEEDED)
        hosts.holds["b"].set()
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        again = list(await targets_of(opened, run.id, step="a", attempt=2))
        assert {row.host: row.state.value for row in again} == {
            "h1": "success",
            "h2": "last_success",
        }


async def test_a_node_and_all_that_follows_it_run_anew(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(step("a"), step("b"), step("c")))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        await opened.runs.act(run.id, Rerun(step="b"), "ann")
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert [name for name, host in hosts.began if host == "h1"] == ["a", "b", "c", "b", "c"]
        assert [(r.step, r.attempt) for r in await steps_of(opened, run.id)][-2:] == [
            ("b", 2),
            ("c", 2),
        ]


async def test_a_node_is_declared_failed_and_what_follows_failure_begins(home: Path) -> None:
    hosts = Hosts()
    hosts.holds["a"] = asyncio.Event()
    nodes = (step("a"), step("b"), step("c"))
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(*nodes, edges=["a -> b", "a -> c on failure"]))
        await until(lambda: len(hosts.began) == 2)
        await opened.runs.act(run.id, Fail(step="a"), "ann")
        assert (await ended(opened, run.id)).state is R.PARTIALLY_SUCCEEDED
        assert await states(opened, run.id) == {"a": R.FAILED, "c": R.SUCCEEDED}


async def test_a_run_begins_in_the_middle_and_leaves_out_what_is_optional(home: Path) -> None:
    hosts = Hosts()
    nodes = (step("a"), step("b", optional=True), step("c"))
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(*nodes), start_at="b", without=["b"])
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert {name for name, _ in hosts.began} == {"c"}
        with pytest.raises(Invalid, match="node a is not optional"):
            await start(opened, flow="f", targets=None, without=["a"])


async def test_a_wait_ends_at_its_moment_and_is_stopped_at_once(home: Path) -> None:
    async with engine(home, Hosts()) as (opened, _):
        run = await started(opened, flow(node("wait", "w", for_s=0.05), step("a")))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        await save(opened, flow(node("wait", "w", for_s=3600), step("a")))
        run = await start(opened, flow="f", targets=None)
        await opened.runs.act(run.id, Stop(), "ann")
        assert (await ended(opened, run.id)).state is R.STOPPED


async def test_a_wait_for_an_event_sees_what_the_journal_tells(home: Path) -> None:
    wait = node("wait", "w", event="event.type = 'document.created' and event.actor = 'bob'")
    async with engine(home, Hosts()) as (opened, _):
        run = await started(opened, flow(wait, step("a")))
        await until(lambda: state_of(opened, run.id, "w") is R.RUNNING)
        await save(opened, job("j", step("x")))
        batch = [parse({"kind": "group", "name": "g", "spec": {"hosts": ["h1"]}})]
        await opened.store.writer.write(lambda tx: opened.documents.apply(tx, batch, "bob"))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED


async def approve(opened: Engine, run_id: str, choice: Choice, who: str = "bob") -> None:
    async def opened_row() -> list[approvals.ApprovalRow]:
        return await opened.store.reader.read(lambda c: list(approvals.of_run(c, run_id)))

    async with asyncio.timeout(20):
        while not (rows := await opened_row()):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
    ballot = Ballot(choice=choice, comment="seen")
    await opened.approvals.vote(rows[0].id, Actor(kind="person", name=who), ballot)


@pytest.mark.parametrize(
    ("choice", "state"), [(Choice.APPROVE, R.SUCCEEDED), (Choice.DENY, R.REJECTED)]
)
async def test_people_decide_whether_it_goes_on(home: Path, choice: Choice, state: R) -> None:
    hosts = Hosts()
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(node("approval", "ok", message="go?"), step("a")))
        await until(lambda: opened.runs.live[run.id].state.run is R.WAITING_USER)
        for action in ("skip", "ignore"):
            assert action not in [str(each) for each in (await _actions(opened, run.id))]
        await approve(opened, run.id, choice)
        assert (await ended(opened, run.id)).state is state
        assert bool(hosts.began) == (choice is Choice.APPROVE)


async def _actions(opened: Engine, run_id: str) -> list[str]:
    return [each.value for each in machine.actions(opened.runs.live[run_id].state)]


async def test_a_question_outlives_the_engine_that_asked_it(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(node("approval", "ok", message="go?"), step("a")))
        await until(lambda: opened.runs.live[run.id].state.run is R.WAITING_USER)
    async with engine(home, hosts) as (opened, _):
        await approve(opened, run.id, Choice.APPROVE)
        assert (await ended(opened, run.id)).state is R.SUCCEEDED


async def children(opened: Engine, run_id: str) -> list[RunRow]:
    rows = await opened.store.reader.read(
        lambda c: runs.list_runs(c, RunFilter(), before=None, limit=100)
    )
    return [row for row in rows if row.parent == run_id]


async def test_a_flow_runs_a_job_whose_outputs_are_the_nodes(home: Path) -> None:
    hosts = Hosts()
    hosts.prints["build"] = "::set version=7::\n"
    nodes = (
        node("run", "call", job="j"),
        node("set", "x", variables={"V": "nodes.call.outputs.version"}),
    )
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, job("j", step("build"), targets="h1"), flow(*nodes))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        [child] = await children(opened, run.id)
        assert (child.actor, child.origin) == ("engine", "job/j@1")
        rows = {row.step: row.outputs for row in await steps_of(opened, run.id)}
        assert rows["x"] == {"V": "7"}


async def test_every_item_has_a_run_and_only_losers_run_again(home: Path) -> None:
    seen: list[str] = []
    broken = {"b"}

    def script(target: Target, work: Work | None) -> Behaviour:
        if work is None:
            return Behaviour()
        seen.append(work.env["ITEM"])
        return Behaviour(exit_code=int(work.env["ITEM"] in broken))

    each = node("for-each", "each", items="['a', 'b', 'c']", step=step("go", targets="h1"))
    async with engine(home, script) as (opened, _):
        run = await started(opened, flow(each))
        row = await ended(opened, run.id)
        assert (row.state, row.reason) == (
            R.PARTIALLY_SUCCEEDED,
            "1 of 3 items did not succeed",
        )
        assert sorted(seen) == ["a", "b", "c"]
        broken.clear()
        await opened.runs.act(run.id, Retry(step="each"), "ann")
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert sorted(seen) == ["a", "b", "b", "c"]
        assert len(await children(opened, run.id)) == 3


async def test_every_item_runs_again_where_a_node_runs_anew(home: Path) -> None:
    hosts = Hosts()
    each = node("for-each", "each", items="['a', 'b']", step=step("go", targets="h1"))
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(each, step("z", targets="h1")))
        await ended(opened, run.id)
        await opened.runs.act(run.id, Rerun(step="each"), "ann")
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert [name for name, _ in hosts.began] == ["go", "go", "z"] * 2
        assert len(await children(opened, run.id)) == 4


async def test_a_loop_goes_round_until_its_condition_holds(home: Path) -> None:
    seen: list[str] = []

    def script(target: Target, work: Work | None) -> Behaviour:
        if work is not None:
            seen.append(target.host)
        return Behaviour(output=((Stream.OUT, f"::set n={len(seen)}::\n".encode()),))

    again = node(
        "loop", "again", step=step("go", targets="h1"), repeat_until="number(last.n) >= 3", most=5
    )
    async with engine(home, script) as (opened, _):
        run = await started(opened, flow(again))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert len(seen) == 3
        await save(opened, flow(again | {"most": 2, "repeat_until": "last.n = 'never'"}))
        run = await start(opened, flow="f", targets=None)
        assert (await ended(opened, run.id)).state is R.FAILED


async def test_a_flow_that_runs_itself_is_refused(home: Path) -> None:
    async with engine(home, Hosts()) as (opened, _):
        with pytest.raises(Invalid, match="it would run itself: flow/f > flow/f"):
            await started(opened, flow(node("run", "again", flow="f")))


async def test_a_stop_stops_what_a_node_has_started(home: Path) -> None:
    hosts = Hosts()
    hosts.holds["go"] = asyncio.Event()
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(node("run", "call", step=step("go", targets="h1"))))
        await until(lambda: hosts.began)
        await opened.runs.act(run.id, Stop(), "ann")
        assert (await ended(opened, run.id)).state is R.STOPPED
        [child] = await children(opened, run.id)
        assert child.state is R.STOPPED


async def test_an_engine_that_comes_back_waits_for_the_run_it_had_started(home: Path) -> None:
    hosts = Hosts()
    each = node("for-each", "each", items="[1, 2]", step=step("go", targets="h1"), concurrency=1)
    async with engine(home, hosts) as (opened, executor):
        await save(opened, *INVENTORY, flow(each))
        hosts.holds["go"] = asyncio.Event()
        run = await start(opened, flow="f", targets=None)
        await until(lambda: hosts.began)
    hosts.holds["go"].set()
    async with engine(home, hosts=executor) as (opened, _):
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert len(await children(opened, run.id)) == 2


async def test_what_is_asked_of_a_paused_or_ended_run_is_refused_in_words(home: Path) -> None:
    async with engine(home, Hosts()) as (opened, _):
        run = await started(opened, flow(step("a"), step("b")))
        await ended(opened, run.id)
        for action in (Pause(), Resume(), RollBack()):
            with pytest.raises(IllegalTransition, match="is not possible"):
                await opened.runs.act(run.id, action, "ann")


async def test_what_a_node_runs_is_stopped_when_it_takes_too_long(home: Path) -> None:
    hosts = Hosts()
    hosts.holds["go"] = asyncio.Event()
    call = node("run", "call", step=step("go", targets="h1"), timeout_s=0.2)
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(call, step("next")))
        row = await ended(opened, run.id)
        assert (row.state, "took longer than 0.2 s" in row.reason) == (R.TIMED_OUT, True)
        [child] = await children(opened, run.id)
        assert child.state is R.STOPPED
        await save(opened, flow(call | {"on_timeout": "skip"}, step("next")))
        run = await start(opened, flow="f", targets=None)
        assert (await ended(opened, run.id)).state is R.PARTIALLY_SUCCEEDED
        assert (await states(opened, run.id))["next"] is R.SUCCEEDED


async def test_a_step_is_tried_again_with_other_values(home: Path) -> None:
    seen: list[str] = []

    def script(target: Target, work: Work | None) -> Behaviour:
        if work is None:
            return Behaviour()
        seen.append(work.env["SIZE"])
        return Behaviour(exit_code=int(work.env["SIZE"] == "too much"))

    async with engine(home, script) as (opened, _):
        run = await started(opened, flow(step("a", env={"SIZE": "too much"}, targets="h1")))
        assert (await ended(opened, run.id)).state is R.FAILED
        await opened.runs.act(run.id, Retry(step="a", env={"SIZE": "less"}), "ann")
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert seen == ["too much", "less"]


async def test_what_must_not_be_ignored_or_skipped_cannot_be(home: Path) -> None:
    hosts = Hosts()
    hosts.fails["a"] = {"h1"}
    async with engine(home, hosts) as (opened, _):
        run = await started(opened, flow(step("a", ignorable=False), step("b")))
        await ended(opened, run.id)
        with pytest.raises(IllegalTransition, match="ignore is not possible"):
            await opened.runs.act(run.id, Ignore(step="a"), "ann")


async def test_a_job_undoes_its_steps_too_and_a_misspelt_undo_is_found(home: Path) -> None:
    hosts = Hosts()
    async with engine(home, hosts) as (opened, _):
        await save(opened, *INVENTORY, job("j", step("a", undo="b"), step("b"), targets="h1"))
        run = await start(opened, job="j", targets=None)
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        assert hosts.began == [("a", "h1")]
        await opened.runs.act(run.id, RollBack(), "ann")
        assert (await ended(opened, run.id)).state is R.ROLLED_BACK
        with pytest.raises(Invalid, match="`undo` names no step: c"):
            await save(opened, job("j", step("a", undo="c"), step("b")))


async def test_a_notice_is_in_the_outbox_when_its_node_has_succeeded(home: Path) -> None:
    channel = {
        "kind": "channel",
        "name": "ops",
        "spec": {"webhook": {"url": "https://hooks.example/x"}, "enabled": False},
    }
    tell = node("notify", "tell", channels=["ops"], subject="run ${run.title}", body="done")
    async with engine(home, Hosts()) as (opened, _):
        run = await started(opened, channel, flow(tell))
        assert (await ended(opened, run.id)).state is R.SUCCEEDED
        told = await opened.store.reader.read(lambda c: outbox.list_notices(c, limit=10))
        assert [(each.channel, each.subject) for each in told] == [("ops", "run f")]
