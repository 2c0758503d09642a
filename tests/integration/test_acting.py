"""What operators ask of runs, on real storage, with hosts that do what a script says.

The order of things is tested here: what is on disk when an action is answered, which
targets run again, and what a second engine makes of a retry that a first one began.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from core.domain.actions import Action, ForceStop, Ignore, Retry, Skip, Stop
from core.domain.retrying import NothingToRetry, OutcomeUnknown, RetryScope
from core.domain.run import RunState, TargetCode, TargetState
from core.errors import (
    ConfirmationRequired,
    Conflict,
    Forbidden,
    IllegalTransition,
    Invalid,
    NotFound,
    TargetError,
)
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.runtime.engine import Engine
from core.runtime.steps import StepExecution
from core.storage import operations, runs
from core.storage.journal import last_seq, read_after
from core.storage.runs import RunRow
from tests.support.runtime import (
    INVENTORY,
    abandon,
    assert_nowhere,
    crashing,
    ended,
    engine,
    job,
    row_of,
    running,
    save,
    start,
    step,
    targets_of,
)

S = TargetState


class Fleet:
    """Hosts that fail while their name is in `broken`, and last while `holds` has them.

    Those in `deaf` cannot be stopped.
    """

    def __init__(self, *broken: str) -> None:
        self.broken = set(broken)
        self.holds: dict[str, asyncio.Event] = {}
        self.deaf: set[str] = set()

    def __call__(self, target: Target, work: Work | None) -> Behaviour:
        sets = f"::set name={target.host}::\n" if work and work.env["JOBDECK_STEP"] == "a" else ""
        return Behaviour(
            output=((Stream.OUT, sets.encode()),),
            exit_code=int(target.host in self.broken),
            until=self.holds.get(target.host),
            deaf=target.host in self.deaf,
        )


def starts(executor: ScriptedExecutor, of_step: str, attempt: int = 0) -> Counter[str]:
    """Host -> how often work began there."""
    return Counter(
        host
        for host, work in executor.works
        if work.env["JOBDECK_STEP"] == of_step and attempt in (0, int(work.env["JOBDECK_ATTEMPT"]))
    )


async def act(opened: Engine, run_id: str, action: Action) -> RunRow:
    return await opened.runs.act(run_id, action, "ann")


async def states(opened: Engine, run_id: str, of_step: str, attempt: int) -> dict[str, TargetState]:
    return {
        row.host: row.state
        for row in await targets_of(opened, run_id, step=of_step, attempt=attempt)
    }


async def asked(opened: Engine, run_id: str) -> list[operations.Operation]:
    return await opened.store.reader.read(lambda c: operations.of_run(c, run_id))


async def start_and_end(opened: Engine, **request: Any) -> RunRow:
    return await ended(opened, (await start(opened, **{"targets": "h[1-4]", **request})).id)


TWO_STEPS = job("j", step("a", outputs="collect"), step("b"))


async def test_a_retry_runs_what_failed_and_then_what_follows(home: Path) -> None:
    fleet = Fleet("h3")
    async with engine(home, fleet) as (opened, executor):
        await save(opened, *INVENTORY, TWO_STEPS)
        done = await start_and_end(opened, job="j")
        assert (done.state, set(starts(executor, "b"))) == (RunState.PARTIALLY_SUCCEEDED, set())
        fleet.broken.clear()
        answered = await act(opened, done.id, Retry(reason="disk replaced"))
        assert (answered.state, answered.finished_at, answered.reason) == (
            RunState.RUNNING,
            None,
            "",
        )
        done = await ended(opened, done.id)
        assert done.state is RunState.SUCCEEDED
        assert done.finished_at is not None
        assert starts(executor, "a", 2) == {"h3": 1}
        assert (
            starts(executor, "a", 1)
            == starts(executor, "b")
            == dict.fromkeys(("h1", "h2", "h3", "h4"), 1)
        )
        assert await states(opened, done.id, "a", 2) == {
            "h1": S.LAST_SUCCESS, "h2": S.LAST_SUCCESS, "h3": S.SUCCESS, "h4": S.LAST_SUCCESS,
        }  # fmt: skip


async def test_outputs_of_winners_count_in_the_attempt_that_left_them_out(home: Path) -> None:
    fleet = Fleet("h3")
    async with engine(home, fleet) as (opened, executor):
        await save(opened, *INVENTORY, TWO_STEPS)
        done = await start_and_end(opened, job="j")
        fleet.broken.clear()
        await act(opened, done.id, Retry())
        await ended(opened, done.id)
        work = next(work for _, work in executor.works if work.env["JOBDECK_STEP"] == "b")
        assert json.loads(work.env["name"]) == {f"h{n}": f"h{n}" for n in (1, 2, 3, 4)}


async def test_an_action_is_recorded_with_what_it_did_in_one_transaction(home: Path) -> None:
    fleet = Fleet("h3")
    async with engine(home, fleet) as (opened, _):
        await save(opened, *INVENTORY, TWO_STEPS)
        done = await start_and_end(opened, job="j")
        before = await opened.store.reader.read(last_seq)
        await act(opened, done.id, Retry(reason="again"))
        (record,) = await asked(opened, done.id)
        assert (record.actor, record.action, record.step, record.attempt) == (
            "ann",
            "retry",
            "a",
            2,
        )
        assert (record.targets, record.reason) == (["h3"], "again")
        entries = await opened.store.reader.read(lambda c: read_after(c, before, 10))
        assert [(e.type, e.at) for e in entries[:2]] == [
            ("run.state", record.at),
            ("run.operation", record.at),
        ]
        await ended(opened, done.id)


async def test_named_hosts_run_and_the_others_stand_as_they_were(home: Path) -> None:
    fleet = Fleet("h2", "h3")
    async with engine(home, fleet) as (opened, executor):
        await save(opened, *INVENTORY, TWO_STEPS)
        done = await start_and_end(opened, job="j")
        fleet.broken.clear()
        await act(opened, done.id, Retry(hosts=("h3",)))
        done = await ended(opened, done.id)
        assert (done.state, done.counts) == (
            RunState.PARTIALLY_SUCCEEDED,
            {"success": 1, "last_success": 2, "failed": 1},
        )
        assert starts(executor, "a", 2) == {"h3": 1}
        first, second = [
            next(iter(await targets_of(opened, done.id, step="a", attempt=n, host="h2")))
            for n in (1, 2)
        ]
        assert second.attempt_id == first.attempt_id, "it stands for the attempt that ran"
        assert (second.exit_code, second.message) == (1, first.message)
        await act(opened, done.id, Retry())
        done = await ended(opened, done.id)
        assert (done.state, starts(executor, "a", 3)) == (RunState.SUCCEEDED, {"h2": 1})


async def test_all_runs_all_and_not_started_those_whose_turn_never_came(home: Path) -> None:
    fleet = Fleet()
    fleet.holds["h1"] = asyncio.Event()
    async with engine(home, fleet) as (opened, executor):
        await save(opened, *INVENTORY, TWO_STEPS)
        accepted = await start(opened, job="j", targets="h[1-4]", concurrency=1)
        await running(executor, 1)
        await act(opened, accepted.id, Stop())
        done = await ended(opened, accepted.id)
        assert (done.state, done.counts) == (RunState.STOPPED, {"terminated": 1, "not_started": 3})
        fleet.holds.clear()
        await act(opened, done.id, Retry(scope=RetryScope.NOT_STARTED))
        done = await ended(opened, done.id)
        assert starts(executor, "a", 2) == {"h2": 1, "h3": 1, "h4": 1}
        assert done.state is RunState.PARTIALLY_SUCCEEDED
        await act(opened, done.id, Retry(scope=RetryScope.ALL))
        done = await ended(opened, done.id)
        assert starts(executor, "a", 3) == {"h1": 1, "h2": 1, "h3": 1, "h4": 1}
        assert done.state is RunState.SUCCEEDED


@pytest.mark.expect_logs("target.bug")
async def test_nothing_runs_twice_in_silence_where_the_outcome_is_unknown(home: Path) -> None:
    broken = True

    def script(target: Target, work: Work | None) -> Behaviour:
        if work is not None and target.host == "h2" and broken:
            raise RuntimeError("nobody knows")
        return Behaviour(exit_code=int(target.host == "h3" and broken))

    async with engine(home, script) as (opened, executor):
        await save(opened, *INVENTORY, job("j", step("a")))
        done = await start_and_end(opened, job="j")
        assert done.state is RunState.ABNORMAL
        with pytest.raises(OutcomeUnknown, match=r"1 host \(h2\)"):
            await act(opened, done.id, Retry(scope=RetryScope.ALL))
        assert await asked(opened, done.id) == []
        broken = False
        await act(opened, done.id, Retry())
        done = await ended(opened, done.id)
        assert starts(executor, "a", 2) == {"h3": 1}
        assert (done.state, done.counts["unknown"]) == (RunState.ABNORMAL, 1)
        with pytest.raises(OutcomeUnknown, match="could run it twice"):
            await act(opened, done.id, Retry())
        await act(opened, done.id, Retry(hosts=("h2",)))
        done = await ended(opened, done.id)
        assert (done.state, starts(executor, "a", 3)) == (RunState.SUCCEEDED, {"h2": 1})


async def test_of_two_retries_at_the_same_moment_one_is_taken(home: Path) -> None:
    fleet = Fleet("h3")
    async with engine(home, fleet) as (opened, executor):
        await save(opened, *INVENTORY, TWO_STEPS)
        done = await start_and_end(opened, job="j")
        answers = await asyncio.gather(
            *(act(opened, done.id, Retry()) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(answer, RunRow) for answer in answers) == 1
        assert sum(isinstance(answer, IllegalTransition) for answer in answers) == 4
        await ended(opened, done.id)
        assert starts(executor, "a", 2) == {"h3": 1}
        assert len(await asked(opened, done.id)) == 1


async def test_an_engine_that_dies_in_a_retry_leaves_the_next_one_the_same_targets(
    home: Path,
) -> None:
    fleet = Fleet("h2", "h3", "h4")
    executor = ScriptedExecutor(fleet)
    lost = await crashing(home, executor)
    await save(lost, *INVENTORY, TWO_STEPS)
    done = await start_and_end(lost, job="j", concurrency=1)
    fleet.broken = {"h4"}
    fleet.holds["h2"] = asyncio.Event()
    await act(lost, done.id, Retry(hosts=("h2", "h3")))
    await running(executor, 1)
    await abandon(lost)
    fleet.holds.clear()
    async with engine(home, fleet) as (opened, second):
        done = await ended(opened, done.id)
        both = starts(executor, "a", 2) + starts(second, "a", 2)
        assert both["h3"] == 1
        assert set(both) == {"h2", "h3"}
        found = await states(opened, done.id, "a", 2)
        assert (found["h1"], found["h3"], found["h4"]) == (S.LAST_SUCCESS, S.SUCCESS, S.FAILED)
        assert starts(second, "b") == {}


async def test_a_retry_that_was_accepted_by_a_dying_engine_is_carried_out(home: Path) -> None:
    fleet = Fleet("h2", "h3")
    executor = ScriptedExecutor(fleet)
    lost = await crashing(home, executor)
    await save(lost, *INVENTORY, TWO_STEPS)
    done = await start_and_end(lost, job="j")
    fleet.broken.clear()
    lost.runs.refuse_new(hold=True)
    lost.runs._draining = False  # it takes the action, and starts nothing any more
    await act(lost, done.id, Retry(hosts=("h3",)))
    await abandon(lost)
    assert starts(executor, "a", 2) == {}
    async with engine(home, fleet) as (opened, second):
        done = await ended(opened, done.id)
        assert starts(second, "a", 2) == {"h3": 1}
        assert done.counts == {"success": 1, "last_success": 2, "failed": 1}


async def test_an_ignored_failure_lets_the_run_go_on(home: Path) -> None:
    fleet = Fleet("h3")
    async with engine(home, fleet) as (opened, executor):
        await save(opened, *INVENTORY, TWO_STEPS)
        done = await start_and_end(opened, job="j")
        fleet.broken.clear()
        answered = await act(opened, done.id, Ignore(reason="h3 is being replaced"))
        assert answered.state is RunState.RUNNING
        done = await ended(opened, done.id)
        assert done.state is RunState.PARTIALLY_SUCCEEDED
        assert len(starts(executor, "b")) == 4
        shown = await opened.store.reader.read(lambda c: runs.steps_of(c, done.id))
        assert [(row.step, row.state) for row in shown] == [
            ("a", RunState.ERROR_IGNORED),
            ("b", RunState.SUCCEEDED),
        ]
        assert shown[0].reason == "h3 is being replaced"


async def test_ignoring_the_last_step_ends_the_run_at_once(home: Path) -> None:
    async with engine(home, Fleet("h3")) as (opened, _):
        await save(opened, *INVENTORY, job("j", step("a")))
        done = await start_and_end(opened, job="j")
        await act(opened, done.id, Ignore())
        done = await ended(opened, done.id)
        assert (done.state, opened.runs.live) == (RunState.PARTIALLY_SUCCEEDED, {})
        with pytest.raises(IllegalTransition, match="ignore is not possible"):
            await act(opened, done.id, Ignore())


async def test_a_step_that_waits_for_its_next_try_is_skipped(home: Path) -> None:
    fleet = Fleet("h1", "h2", "h3", "h4")
    async with engine(home, fleet) as (opened, executor):
        waits = step("a", retry={"times": 1, "delay_s": 3600})
        await save(opened, *INVENTORY, job("j", waits, step("b")))
        accepted = await start(opened, job="j", targets="h[1-4]")
        driver = opened.runs.live[accepted.id]
        async with asyncio.timeout(20):
            while driver.state.steps["a"].state is not RunState.SUSPENDED:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        fleet.broken.clear()
        await act(opened, accepted.id, Skip(reason="not today"))
        done = await ended(opened, accepted.id)
        assert (done.state, len(starts(executor, "b"))) == (RunState.PARTIALLY_SUCCEEDED, 4)
        shown = await opened.store.reader.read(lambda c: runs.steps_of(c, done.id))
        assert [row.state for row in shown] == [RunState.SKIPPED, RunState.SUCCEEDED]


def hanging(*hosts: str) -> Fleet:
    """A fleet of which these hosts neither end nor answer to a stop."""
    fleet = Fleet()
    fleet.holds = {host: asyncio.Event() for host in hosts}
    fleet.deaf = set(hosts)
    return fleet


async def test_a_stop_that_hangs_is_ended_by_force_and_tells_what_is_not_known(home: Path) -> None:
    fleet = hanging("h1")
    async with engine(home, fleet) as (opened, executor):
        await save(opened, *INVENTORY, TWO_STEPS)
        accepted = await start(opened, job="j", targets="h[1-4]", concurrency=1)
        await running(executor, 1)
        with pytest.raises(IllegalTransition, match="force-stop is not possible"):
            await act(opened, accepted.id, ForceStop())
        assert (await act(opened, accepted.id, Stop())).state is RunState.STOPPING
        await act(opened, accepted.id, ForceStop(reason="h1 is gone"))
        done = await ended(opened, accepted.id)
        assert (done.state, done.counts) == (RunState.ABNORMAL, {"unknown": 1, "not_started": 3})
        (row,) = await targets_of(opened, done.id, host="h1")
        assert row.code is TargetCode.CANCEL_UNVERIFIED
        assert "by force" in row.message
        assert starts(executor, "b") == {}
        assert [each.action for each in await asked(opened, done.id)] == ["stop", "force_stop"]
        with pytest.raises(OutcomeUnknown, match="could run it twice"):
            await act(opened, done.id, Retry())


async def test_a_force_stop_does_not_wait_for_room_among_other_runs(home: Path) -> None:
    fleet = hanging("h1", "h2")
    async with engine(home, fleet, max_targets=1) as (opened, executor):
        await save(opened, *INVENTORY)
        first = await start(opened, targets="h1")
        await running(executor, 1)
        second = await start(opened, targets="h2")
        for run_id in (second.id, first.id):
            await act(opened, run_id, Stop())
            await act(opened, run_id, ForceStop())
            await ended(opened, run_id)
        assert (await row_of(opened, first.id)).state is RunState.ABNORMAL
        assert (await row_of(opened, second.id)).counts == {"not_started": 1}


async def test_a_hanging_stop_that_is_skipped_leads_to_the_next_step(home: Path) -> None:
    fleet = hanging("h1")
    async with engine(home, fleet) as (opened, executor):
        await save(opened, *INVENTORY, TWO_STEPS)
        accepted = await start(opened, job="j", targets="h[1-4]")
        await running(executor, 1)
        await act(opened, accepted.id, Stop())
        fleet.holds.clear()
        answered = await act(opened, accepted.id, Skip(reason="h1 is gone"))
        assert answered.state is RunState.RUNNING
        done = await ended(opened, accepted.id)
        assert done.state is RunState.PARTIALLY_SUCCEEDED
        assert (await states(opened, done.id, "a", 1))["h1"] is S.UNKNOWN
        assert len(starts(executor, "b")) == 4
        shown = await opened.store.reader.read(lambda c: runs.steps_of(c, done.id))
        assert [row.state for row in shown] == [RunState.SKIPPED, RunState.SUCCEEDED]


async def test_an_engine_that_dies_in_a_force_stop_leaves_it_to_the_next_one(home: Path) -> None:
    fleet = hanging("h1", "h2")
    executor = ScriptedExecutor(fleet)
    lost = await crashing(home, executor)
    await save(lost, *INVENTORY)
    accepted = await start(lost, targets="h[1-4]", concurrency=2)
    await running(executor, 2)
    await act(lost, accepted.id, Stop())
    execution = next(iter(lost.runs.live[accepted.id]._executions.values()))
    execution._attendants.clear()  # it dies before anything of the force stop is carried out
    await act(lost, accepted.id, ForceStop())
    await abandon(lost)
    async with engine(home, fleet, hosts=executor) as (opened, _):
        done = await ended(opened, accepted.id)
        assert (done.state, done.counts) == (RunState.ABNORMAL, {"unknown": 2, "not_started": 2})
        assert sum(starts(executor, "command").values()) == 2


SECRET = "correct-horse-battery"


async def test_secrets_that_were_erased_are_given_again_and_erased_again(home: Path) -> None:
    fleet = Fleet("h3")
    async with engine(home, fleet) as (opened, executor):
        await save(opened, *INVENTORY, TWO_STEPS)
        done = await start_and_end(opened, job="j", secrets={"PIN": SecretStr(SECRET)})
        for action in (Retry(), Ignore()):
            with pytest.raises(Invalid, match="PIN: was erased") as refused:
                await act(opened, done.id, action)
            assert "jobdeck runs again" in str(refused.value)
        assert await asked(opened, done.id) == []
        again = {"PIN": SecretStr(SECRET)}
        with pytest.raises(Invalid, match="without such a secret"):
            await act(opened, done.id, Retry(secrets={**again, "POM": SecretStr("x")}))
        await act(opened, done.id, Retry(secrets=again))
        done = await ended(opened, done.id)
        assert done.state is RunState.PARTIALLY_SUCCEEDED
        values = [work.env["PIN"] for host, work in executor.works if host == "h3"]
        assert values == [SECRET, SECRET]
        assert_nowhere(home, SECRET.encode())
        with pytest.raises(Invalid, match="was erased"):
            await act(opened, done.id, Retry())


@pytest.mark.parametrize(
    ("action", "error", "says"),
    [
        (Stop(), IllegalTransition, "run .* is partially_succeeded; stop is not possible"),
        (Skip(), IllegalTransition, "skip is not possible"),
        (Retry(step="b"), IllegalTransition, "step b has not started"),
        (Retry(step="aa"), NotFound, "did you mean 'a'"),
        (Retry(hosts=("h33",)), NotFound, "did you mean 'h3'"),
        (Retry(hosts=("h1",)), NothingToRetry, "h1.* succeeded already"),
        (Retry(hosts=()), NothingToRetry, "no host is named"),
        (Retry(scope=RetryScope.NOT_STARTED), NothingToRetry, "1 did not succeed, 3 succeeded"),
        (Ignore(step="b"), IllegalTransition, "step b has not started"),
    ],
)
async def test_what_the_state_does_not_allow_is_refused_and_changes_nothing(
    home: Path, action: Action, error: type[Exception], says: str
) -> None:
    async with engine(home, Fleet("h3")) as (opened, executor):
        await save(opened, *INVENTORY, TWO_STEPS)
        done = await start_and_end(opened, job="j")
        before = await opened.store.reader.read(last_seq)
        with pytest.raises(error, match=says):
            await act(opened, done.id, action)
        assert await opened.store.reader.read(last_seq) == before
        assert await row_of(opened, done.id) == done
        assert sum(starts(executor, "a").values()) == 4


@pytest.mark.expect_logs("run.bug")
async def test_a_run_that_a_bug_of_ours_ended_is_taken_up_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: StepExecution) -> None:
        raise RuntimeError("boom")

    async with engine(home, Fleet()) as (opened, executor):
        await save(opened, *INVENTORY, TWO_STEPS)
        monkeypatch.setattr(StepExecution, "run", broken)
        done = await start_and_end(opened, job="j")
        assert (done.state, done.counts) == (RunState.ABNORMAL, {"not_started": 4})
        monkeypatch.undo()
        await act(opened, done.id, Retry(scope=RetryScope.NOT_STARTED))
        done = await ended(opened, done.id)
        assert done.state is RunState.SUCCEEDED
        assert set(starts(executor, "a").values()) == set(starts(executor, "b").values()) == {1}


async def test_guard_rails_of_today_stand_before_a_retry_too(home: Path) -> None:
    def environment(**rails: object) -> dict[str, Any]:
        return {"kind": "environment", "name": "prod", "spec": rails}

    hosts = [
        {"kind": "host", "name": name, "spec": {"account": "deploy", "environment": "prod"}}
        for name in ("h3", "h4")
    ]
    async with engine(home, Fleet("h3")) as (opened, executor):
        await save(opened, *INVENTORY, environment(), job("j", step("a")))
        await save(opened, *hosts)
        done = await start_and_end(opened, job="j")
        await save(opened, environment(read_only=True))
        with pytest.raises(Forbidden, match="read-only"):
            await act(opened, done.id, Retry())
        await save(opened, environment(confirm=True))
        with pytest.raises(ConfirmationRequired, match="number of hosts: 1") as asked_for:
            await act(opened, done.id, Retry())
        assert (await row_of(opened, done.id)).state is RunState.PARTIALLY_SUCCEEDED
        await act(opened, done.id, Retry(confirm_hosts=asked_for.value.hosts))
        await ended(opened, done.id)
        assert starts(executor, "a", 2) == {"h3": 1}


async def test_a_change_number_is_given_with_the_action_and_kept_with_it(home: Path) -> None:
    rails = {"change_required": True}
    environment = {"kind": "environment", "name": "prod", "spec": rails}
    spec = {"account": "deploy", "environment": "prod"}
    async with engine(home, Fleet("h3")) as (opened, _):
        await save(opened, *INVENTORY, job("j", step("a")))
        done = await start_and_end(opened, job="j")
        await save(opened, environment, {"kind": "host", "name": "h3", "spec": spec})
        with pytest.raises(Forbidden, match="requires a change number"):
            await act(opened, done.id, Retry())
        await act(opened, done.id, Retry(change="CHG-1"))
        await ended(opened, done.id)
        [asked] = await opened.store.reader.read(lambda c: operations.of_run(c, done.id))
        assert (asked.action, asked.change) == ("retry", "CHG-1")


async def test_a_run_that_goes_on_is_not_retried_or_ignored(home: Path) -> None:
    fleet = Fleet()
    fleet.holds["h1"] = asyncio.Event()
    async with engine(home, fleet) as (opened, executor):
        await save(opened, *INVENTORY)
        accepted = await start(opened, targets="h1")
        await running(executor, 1)
        for action in (Retry(), Ignore(), Skip()):
            with pytest.raises(IllegalTransition, match="is running") as refused:
                await act(opened, accepted.id, action)
            assert refused.value.hint == "possible: stop"
        fleet.holds["h1"].set()
        await ended(opened, accepted.id)


async def test_an_engine_that_stops_takes_no_run_up_again(home: Path) -> None:
    async with engine(home, Fleet("h3")) as (opened, _):
        await save(opened, *INVENTORY, TWO_STEPS)
        done = await start_and_end(opened, job="j")
        opened.runs.refuse_new(hold=False)
        with pytest.raises(Conflict, match="the engine is stopping"):
            await act(opened, done.id, Retry())


async def test_a_host_that_could_not_be_reached_is_retried_like_any_other(home: Path) -> None:
    refuses = True

    def script(target: Target, work: Work | None) -> Behaviour:
        if target.host == "h2" and refuses:
            return Behaviour(refuses=TargetError("ConnectionFailure", "h2 refuses"))
        return Behaviour()

    async with engine(home, script) as (opened, executor):
        await save(opened, *INVENTORY)
        done = await start_and_end(opened)
        assert done.counts["unreachable"] == 1
        refuses = False
        await act(opened, done.id, Retry())
        done = await ended(opened, done.id)
        assert (done.state, starts(executor, "command", 2)) == (RunState.SUCCEEDED, {"h2": 1})
