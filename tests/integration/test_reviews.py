"""Runs that others approve before they begin, in a real engine with scripted hosts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock
from core.domain.actions import Retry, Stop
from core.domain.approval import AlreadyDecided, ApprovalState, Choice
from core.domain.authorization import Actor
from core.domain.run import RunState
from core.errors import Forbidden, Invalid
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.flow.dangers import to_review
from core.flow.definition import RunRequest
from core.flow.dryrun import PlanLevel
from core.runtime.approvals import Ballot
from core.runtime.engine import Engine
from core.storage import approvals, dangers, runs
from core.storage.approvals import ApprovalRow
from core.storage.runs import RunRow
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
)

YES = Ballot(choice=Choice.APPROVE)
NO = Ballot(choice=Choice.DENY, comment="a freeze")
ANN = Actor("ann")
MIGRATE = {"kind": "command", "name": "command", "command": "migrate now"}


def rule(name: str = "four-eyes", word: str = "migrate", **approval: Any) -> dict[str, Any]:
    spec = {"words": [word], "level": "review", "message": "ask first", "approval": approval}
    return {"kind": "command-rule", "name": name, "spec": spec}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def lab(home: Path, clock: ManualClock) -> AsyncIterator[tuple[Engine, ScriptedExecutor]]:
    async with engine(home / "j", clock=clock) as (opened, hosts):
        await save(opened, *INVENTORY, rule())
        yield opened, hosts


async def waiting(opened: Engine, run_id: str) -> list[ApprovalRow]:
    return await opened.store.reader.read(lambda c: approvals.of_run(c, run_id))


async def begun(opened: Engine, run_id: str) -> RunRow:
    """Until a run that is approved has ended."""
    async with asyncio.timeout(20):
        async for entry in opened.store.feed.follow(0, types=("run.state",), subject=run_id):
            if entry.data["state"] != RunState.WAITING_USER:
                break
    return await ended(opened, run_id)


async def test_a_run_begins_when_another_person_approves_it(
    lab: tuple[Engine, ScriptedExecutor],
) -> None:
    opened, hosts = lab
    run = await start(opened, step=MIGRATE, targets="h[1-2]")
    assert run.state is RunState.WAITING_USER
    assert run.reason.startswith("rule four-eyes: others approve it")
    assert hosts.works == []
    (asked,) = await waiting(opened, run.id)
    assert asked.case.spec.message == (
        "migrate now: it meets the rule four-eyes: ask first\nstep command on h[1-2]: migrate now"
    )
    with pytest.raises(Forbidden, match="whoever asked"):
        await opened.approvals.vote(asked.id, Actor("test"), YES)

    await opened.approvals.vote(asked.id, ANN, YES)

    done = await begun(opened, run.id)
    assert (done.state, done.reason) == (RunState.SUCCEEDED, "")
    assert len(hosts.works) == 2
    met = await opened.store.reader.read(lambda c: dangers.of_run(c, run.id))
    assert [(each.rule, each.decision) for each in met] == [("four-eyes", "asked")]


@pytest.mark.parametrize("how", ["deny", "time"])
async def test_a_run_that_is_not_approved_never_begins(
    lab: tuple[Engine, ScriptedExecutor], clock: ManualClock, how: str
) -> None:
    opened, hosts = lab
    await save(opened, rule(timeout_s=60))
    run = await start(opened, step=MIGRATE)
    (asked,) = await waiting(opened, run.id)
    if how == "deny":
        await opened.approvals.vote(asked.id, ANN, NO)
        end, why = RunState.REJECTED, "rule four-eyes: denied: ann: a freeze"
    else:
        clock.advance(timedelta(seconds=61))
        await opened.approvals.tick()
        end, why = RunState.TIMED_OUT, "rule four-eyes: timed_out: nobody decided within 60 s"
    done = await begun(opened, run.id)
    assert (done.state, done.reason) == (end, why)
    assert hosts.works == []


async def test_a_dry_run_names_the_rule_and_asks_nobody(
    lab: tuple[Engine, ScriptedExecutor],
) -> None:
    opened, _ = lab
    request = RunRequest.model_validate({"step": MIGRATE, "targets": "h1"})
    plan = await opened.plans.make(request, PlanLevel.PLAN, "test")
    assert list(to_review(plan.dangers)) == ["four-eyes"]
    assert not await opened.store.reader.read(lambda c: approvals.list_approvals(c, limit=9))


async def test_each_rule_is_approved_for_itself_and_one_deny_ends_the_others(
    lab: tuple[Engine, ScriptedExecutor],
) -> None:
    opened, _ = lab
    await save(opened, rule("dba", "now", approvers={"users": ["dora"]}))
    run = await start(opened, step=MIGRATE)
    first, second = await waiting(opened, run.id)
    assert {first.step, second.step} == {"rule/four-eyes", "rule/dba"}
    eyes = first if first.step == "rule/four-eyes" else second
    dba = second if eyes is first else first

    await opened.approvals.vote(eyes.id, ANN, YES)
    assert (await row_of(opened, run.id)).state is RunState.WAITING_USER
    await opened.approvals.vote(dba.id, Actor("dora"), NO)

    assert (await begun(opened, run.id)).state is RunState.REJECTED


async def test_a_run_that_is_stopped_while_it_waits_lets_its_approvals_lapse(
    lab: tuple[Engine, ScriptedExecutor],
) -> None:
    opened, _ = lab
    run = await start(opened, step=MIGRATE)
    (asked,) = await waiting(opened, run.id)

    stopped = await opened.runs.act(run.id, Stop(), "test")

    assert stopped.state is RunState.STOPPED
    (lapsed,) = await waiting(opened, run.id)
    assert (lapsed.state, lapsed.reason) == (ApprovalState.LAPSED, "the run is stopped")
    with pytest.raises(AlreadyDecided):
        await opened.approvals.vote(asked.id, ANN, YES)


async def test_rails_that_came_since_are_asked_when_it_is_approved(
    lab: tuple[Engine, ScriptedExecutor],
) -> None:
    opened, hosts = lab
    run = await start(opened, step=MIGRATE, targets="h1")
    rails = {"kind": "environment", "name": "prod", "spec": {"read_only": True}}
    moved = {"kind": "host", "name": "h1", "spec": {"account": "deploy", "environment": "prod"}}
    await save(opened, rails, moved)
    (asked,) = await waiting(opened, run.id)

    await opened.approvals.vote(asked.id, ANN, YES)

    done = await begun(opened, run.id)
    assert done.state is RunState.REJECTED
    assert done.reason.startswith("approved, but environment prod: is read-only")
    assert hosts.works == []


async def test_what_runs_is_what_was_approved_whatever_changes_in_between(
    lab: tuple[Engine, ScriptedExecutor],
) -> None:
    opened, hosts = lab
    await save(opened, job("j", MIGRATE, targets="h1"))
    run = await start(opened, job="j", targets=None)
    await save(opened, job("j", {**MIGRATE, "command": "migrate everything"}, targets="h1"))
    (asked,) = await waiting(opened, run.id)
    await opened.approvals.vote(asked.id, ANN, YES)
    await begun(opened, run.id)
    assert [work.program.text for _, work in hosts.works] == ["migrate now"]


async def test_who_wrote_a_schedule_is_who_asked_for_its_runs(
    lab: tuple[Engine, ScriptedExecutor],
) -> None:
    opened, _ = lab
    plan = {"job": "j", "trigger": {"cron": "0 * * * *"}}
    await save(opened, job("j", MIGRATE), {"kind": "schedule", "name": "s", "spec": plan})
    run = await opened.schedules.fire("s", "schedule/s")
    (asked,) = await waiting(opened, run.id)
    assert asked.requester == "test"  # who saved it


async def test_a_start_that_nobody_could_approve_is_refused(
    lab: tuple[Engine, ScriptedExecutor],
) -> None:
    opened, _ = lab
    await save(opened, rule(approvers={"users": ["test"]}))
    with pytest.raises(Invalid, match="is its only approver"):
        await start(opened, step=MIGRATE)
    assert not await opened.store.reader.read(runs.live_runs)


async def test_a_retry_of_an_approved_run_asks_again_only_for_new_rules(home: Path) -> None:
    def fails(target: Any, work: Any) -> Behaviour:
        return Behaviour(exit_code=1)

    async with engine(home / "j", fails) as (opened, _):
        await save(opened, *INVENTORY, rule())
        run = await start(opened, step=MIGRATE, targets="h1")
        (asked,) = await waiting(opened, run.id)
        await opened.approvals.vote(asked.id, ANN, YES)
        await begun(opened, run.id)
        await opened.runs.act(run.id, Retry(step="command"), "test")
        await ended(opened, run.id)
        await save(opened, rule("dba", "now"))
        with pytest.raises(Forbidden) as refused:
            await opened.runs.act(run.id, Retry(step="command"), "test")
    assert refused.value.problems[0].hint == "others approve it where a run starts: start it anew"


async def test_an_engine_that_stops_leaves_it_waiting_and_the_next_one_goes_on(
    home: Path, clock: ManualClock
) -> None:
    async with engine(home / "j", clock=clock) as (first, hosts):
        await save(first, *INVENTORY, rule())
        run = await start(first, step=MIGRATE, targets="h1")
    async with engine(home / "j", hosts=hosts, clock=clock) as (second, _):
        assert (await row_of(second, run.id)).state is RunState.WAITING_USER
        (asked,) = await waiting(second, run.id)
        await second.approvals.vote(asked.id, ANN, YES)
        assert (await begun(second, run.id)).state is RunState.SUCCEEDED
    assert len(hosts.works) == 1


async def test_a_decision_that_an_engine_did_not_live_to_follow_is_followed_by_the_next(
    home: Path,
) -> None:
    hosts = ScriptedExecutor(lambda *_: Behaviour())
    lost = await crashing(home / "j", hosts)
    await save(lost, *INVENTORY, rule())
    run = await start(lost, step=MIGRATE, targets="h1")
    (asked,) = await waiting(lost, run.id)
    lost.approvals.told_to(_nobody)  # the engine ends between the vote and what follows from it
    await lost.approvals.vote(asked.id, ANN, YES)
    await abandon(lost)
    async with engine(home / "j", hosts=hosts) as (opened, _):
        assert (await begun(opened, run.id)).state is RunState.SUCCEEDED
    assert len(hosts.works) == 1


async def _nobody(_: str) -> None:
    pass
