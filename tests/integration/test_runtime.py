"""The runtime on real storage, with hosts that do what a script says.

What is tested here is the order of things: what is on disk before what
happens, and what a second engine makes of what a first one left.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from core.bootstrap import open_engine
from core.clock import ManualClock
from core.domain.actions import Stop
from core.domain.run import RunState, TargetCode, TargetState
from core.errors import Conflict, IllegalTransition, NotFound, TargetError
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.flow.definition import RunRequest
from core.home import Home
from core.runtime.engine import Engine, StopMode
from core.runtime.runs import KeyReused
from core.runtime.steps import StepExecution
from core.storage import output, runs
from core.storage.journal import read_after
from core.storage.tables import run_event
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
    stored_output,
    targets_of,
    well,
)


async def test_a_run_on_many_hosts_keeps_every_result_and_its_output(home: Path) -> None:
    async with engine(home) as (opened, executor):
        await save(opened, *INVENTORY)
        accepted = await start(opened)
        assert accepted.state is RunState.RUNNING
        done = await ended(opened, accepted.id)
        assert (done.state, done.counts) == (RunState.SUCCEEDED, {"success": 8})
        rows = await targets_of(opened, done.id)
        assert [row.host for row in rows] == [f"h{number}" for number in range(1, 9)]
        assert all(row.exit_code == 0 and row.finished_at for row in rows)
        page = await opened.store.reader.read(lambda c: output.read(c, rows[2].id, 0, 1000))
        assert b"".join(segment.data for segment in page.segments) == b"h3\n"
        assert len({row.digest for row in rows}) == 1, "a host's own name does not tell it apart"
        assert set(executor.started.values()) == {1}


async def test_the_intent_is_on_disk_before_the_executor_is_asked(home: Path) -> None:
    seen: list[TargetState] = []
    engines: list[Engine] = []

    def look(target: Target, work: Work | None) -> Behaviour:
        if work is not None:
            where = runs.TargetFilter(host=target.host)
            rows = engines[0].store.reader.read_now(
                lambda c: runs.targets_of(c, work.env["JOBDECK_RUN"], where)
            )
            seen.extend(row.state for row in rows)
        return Behaviour()

    async with engine(home, look) as (opened, _):
        engines.append(opened)
        await save(opened, *INVENTORY)
        await ended(opened, (await start(opened)).id)
    assert seen == [TargetState.RUNNING] * 8


async def test_no_more_targets_run_side_by_side_than_asked_for(home: Path) -> None:
    async with engine(home) as (opened, executor):
        await save(opened, *INVENTORY)
        accepted = await start(opened, concurrency=3)
        await ended(opened, accepted.id)
        assert executor.most_running <= 3
        assert len(executor.started) == 8


async def test_a_host_that_fails_or_refuses_says_why_and_the_others_go_on(home: Path) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        if target.host == "h2":
            return Behaviour(exit_code=3)
        if target.host == "h5":
            error = TargetError(TargetCode.CONNECTION_FAILURE, "h5 refuses", hint="is sshd up?")
            return Behaviour(refuses=error)
        return Behaviour()

    async with engine(home, script) as (opened, _):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened)).id)
        assert done.state is RunState.PARTIALLY_SUCCEEDED
        assert "2 of 8 targets" in done.reason
        by_host = {row.host: row for row in await targets_of(opened, done.id)}
        assert (by_host["h2"].state, by_host["h2"].exit_code) == (TargetState.FAILED, 3)
        assert by_host["h5"].state is TargetState.UNREACHABLE
        assert by_host["h5"].code is TargetCode.CONNECTION_FAILURE
        assert "is sshd up?" in by_host["h5"].message
        assert by_host["h8"].state is TargetState.SUCCESS


@pytest.mark.expect_logs("target.bug")
async def test_our_own_bug_on_one_host_is_recorded_and_hurts_no_other(home: Path) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        if work is not None and target.host == "h4":
            raise RuntimeError("boom")
        return Behaviour()

    async with engine(home, script) as (opened, _):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened)).id)
        by_host = {row.host: row for row in await targets_of(opened, done.id)}
        assert by_host["h4"].state is TargetState.UNKNOWN
        assert by_host["h4"].code is TargetCode.DISPATCH_FAILURE
        assert sum(row.state is TargetState.SUCCESS for row in by_host.values()) == 7
        assert done.state is RunState.ABNORMAL


@pytest.mark.parametrize("content", [b'{"a": "\\ud800"}', b"[" * 200_000])
async def test_a_host_that_writes_nonsense_for_outputs_hurts_no_other(
    home: Path, content: bytes
) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(outputs_file=content if target.host == "h4" else b'{"a": 1}')

    async with engine(home, script) as (opened, _):
        await save(opened, *INVENTORY)
        done = await ended(opened, (await start(opened)).id)
        by_host = {row.host: row for row in await targets_of(opened, done.id)}
        assert by_host["h4"].state is TargetState.LOG_ERROR
        assert sum(row.state is TargetState.SUCCESS for row in by_host.values()) == 7
        assert done.state is RunState.PARTIALLY_SUCCEEDED


async def test_cancel_ends_what_runs_and_starts_nothing_more(home: Path) -> None:
    never = asyncio.Event()

    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(until=never)

    async with engine(home, script) as (opened, executor):
        await save(opened, *INVENTORY)
        accepted = await start(opened, concurrency=2)
        await running(executor, 2)
        await opened.runs.act(accepted.id, Stop(reason="wrong hosts"), "ann")
        done = await ended(opened, accepted.id)
        assert done.state is RunState.STOPPED
        assert done.counts == {"terminated": 2, "not_started": 6}
        with pytest.raises(IllegalTransition):
            await opened.runs.act(accepted.id, Stop(), "ann")
        entries = await opened.store.reader.read(lambda c: read_after(c, 0, 1000))
        asked = [e for e in entries if e.type == "run.state" and e.data["state"] == "stopping"]
        assert [(e.actor, e.data["reason"]) for e in asked] == [("ann", "wrong hosts")]


async def test_a_failed_step_is_tried_again_only_on_the_hosts_that_failed(home: Path) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        again = work is not None and work.env["JOBDECK_ATTEMPT"] == "2"
        return Behaviour(exit_code=0 if again or target.host != "h3" else 1)

    async with engine(home, script) as (opened, executor):
        await save(opened, *INVENTORY, job("j", step("a", retry={"times": 1})))
        done = await ended(opened, (await start(opened, job="j", targets=None)).id)
        assert done.state is RunState.SUCCEEDED
        second = await targets_of(opened, done.id, attempt=2)
        states = {row.host: row.state for row in second}
        assert states.pop("h3") is TargetState.SUCCESS
        assert set(states.values()) == {TargetState.LAST_SUCCESS}
        assert sum(executor.started.values()) == 9
        assert done.counts == {"success": 1, "last_success": 7}


async def test_a_retry_that_falls_due_while_a_cancel_is_stored_does_not_happen(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(exit_code=1)

    async with engine(home, script) as (opened, executor):
        await save(opened, *INVENTORY, job("j", step("a", retry={"times": 1, "delay_s": 0.3})))
        accepted = await start(opened, job="j", targets="h1")
        driver = opened.runs.live[accepted.id]
        async with asyncio.timeout(20):
            while driver.state.steps["a"].state is not RunState.SUSPENDED:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        write = opened.store.writer.write

        async def slowly(change: Any) -> Any:
            await asyncio.sleep(0.6)
            return await write(change)

        monkeypatch.setattr(opened.store.writer, "write", slowly)
        await opened.runs.act(accepted.id, Stop(), "ann")
        monkeypatch.undo()
        await asyncio.sleep(0.5)

        assert sum(executor.started.values()) == 1
        done = await row_of(opened, accepted.id)
        assert (done.state, done.counts) == (RunState.STOPPED, {"failed": 1})


async def test_outputs_of_a_step_reach_the_next_one_and_its_own_host(home: Path) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        if work is None or work.env["JOBDECK_STEP"] == "b":
            return Behaviour()
        lines = f"::set version=7::\n::set place={target.host}::\n"
        return Behaviour(output=((Stream.OUT, lines.encode()),))

    async with engine(home, script) as (opened, executor):
        first = step("a", host_outputs=["place"])
        await save(opened, *INVENTORY, job("j", first, step("b")))
        done = await ended(opened, (await start(opened, job="j", targets=None)).id)
        assert done.state is RunState.SUCCEEDED
        seen = [
            (host, work.env) for host, work in executor.works if work.env["JOBDECK_STEP"] == "b"
        ]
        assert {env["version"] for _, env in seen} == {"7"}
        assert all(env["place"] == host for host, env in seen)


async def test_what_a_start_says_of_a_variable_is_stronger_than_the_job(home: Path) -> None:
    async with engine(home) as (opened, executor):
        steps = step("a", env={"V": "of the step", "W": "of the step"})
        await save(opened, *INVENTORY, job("j", steps))
        started = await start(opened, job="j", targets="h1", env={"V": "of the start"})
        await ended(opened, started.id)
        ((_, work),) = executor.works
        assert (work.env["V"], work.env["W"]) == ("of the start", "of the step")


@pytest.mark.parametrize(
    ("rule", "state"), [("fail", RunState.FAILED), ("first_by_order", RunState.SUCCEEDED)]
)
async def test_hosts_that_disagree_on_an_output_follow_the_rule_of_the_step(
    home: Path, rule: str, state: RunState
) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(output=((Stream.OUT, f"::set who={target.host}::\n".encode()),))

    async with engine(home, script) as (opened, _):
        await save(opened, *INVENTORY, job("j", step("a", outputs=rule)))
        done = await ended(opened, (await start(opened, job="j", targets=None)).id)
        assert done.state is state
        (only,) = await opened.store.reader.read(lambda c: runs.steps_of(c, done.id))
        assert only.outputs == ({} if rule == "fail" else {"who": "h1"})


async def test_secrets_of_others_are_masked_where_they_cannot_be_guessed(home: Path) -> None:
    secrets = {"long": "correct-horse-battery", "short": "tr0ub4dor"}

    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(output=((Stream.OUT, "\n".join(secrets.values()).encode()),))

    async with engine(home, script) as (opened, _):
        accounts = (
            {"kind": "account", "name": name, "spec": {"user": "u", "password": text}}
            for name, text in secrets.items()
        )
        await save(opened, *INVENTORY, *accounts)
        done = await ended(opened, (await start(opened, targets="h1")).id)
        (row,) = await targets_of(opened, done.id)
        page = await opened.store.reader.read(lambda c: output.read(c, row.id, 0, 1000))
        assert b"".join(segment.data for segment in page.segments) == b"***\ntr0ub4dor"

        opened.vault.keychain.lock("ada")
        done = await ended(opened, (await start(opened, targets="h1")).id)
        assert done.state is RunState.SUCCEEDED, "a run that needs no secret needs no vault"


async def test_a_secret_reaches_the_work_and_no_other_place(home: Path) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        token = work.env["TOKEN"].encode() if work is not None else b""
        return Behaviour(
            output=((Stream.OUT, b"token is " + token + b"\n"),),
            outputs_file=b'{"url": "db://u:' + token + b'@h"}',
        )

    async with engine(home, script) as (opened, executor):
        await save(opened, *INVENTORY)
        accepted = await start(opened, secrets={"TOKEN": SecretStr("correct-horse-battery")})
        done = await ended(opened, accepted.id)
        assert executor.works[0][1].env["TOKEN"] == "correct-horse-battery"
        (row, *_) = await targets_of(opened, done.id)
        page = await opened.store.reader.read(lambda c: output.read(c, row.id, 0, 1000))
        assert b"".join(segment.data for segment in page.segments) == b"token is ***\n"
        assert row.outputs == {"url": "db://u:***@h"}
        definition = await opened.store.reader.read(lambda c: runs.definition_of(c, done.id))
        owner = await opened.store.reader.read(
            lambda c: opened.vault.owner_of(c, definition.secrets["TOKEN"])
        )
        assert owner is None, "a run's own secrets go when it ends"
    assert_nowhere(home, b"correct-horse-battery")


async def test_the_same_key_gives_the_same_run_and_never_another(home: Path) -> None:
    request = RunRequest.model_validate(
        {"step": {"kind": "command", "name": "c", "command": "x"}, "targets": "h1"}
    )
    other = request.model_copy(update={"targets": "h2"})
    async with engine(home) as (opened, executor):
        await save(opened, *INVENTORY)
        rows = await asyncio.gather(*(opened.runs.start(request, "ann", "k") for _ in range(20)))
        assert len({row.id for row in rows}) == 1
        await ended(opened, rows[0].id)
        assert sum(executor.started.values()) == 1
        with pytest.raises(KeyReused):
            await opened.runs.start(other, "ann", "k")
        assert (await opened.runs.start(request, "bob", "k")).id != rows[0].id


async def test_a_key_raced_by_two_different_requests_starts_one_and_refuses_the_other(
    home: Path,
) -> None:
    async with engine(home) as (opened, _):
        await save(opened, *INVENTORY)
        requests = [
            RunRequest.model_validate(
                {"step": {"kind": "command", "name": "c", "command": "x"}, "targets": target}
            )
            for target in ("h1", "h2")
        ]
        answers = await asyncio.gather(
            *(opened.runs.start(request, "ann", "k") for request in requests),
            return_exceptions=True,
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["KeyReused", "RunRow"]


async def test_a_run_is_named_by_a_beginning_of_its_id_that_can_be_no_slip(home: Path) -> None:
    async with engine(home) as (opened, _):
        await save(opened, *INVENTORY)
        accepted = await start(opened)
        assert (await row_of(opened, accepted.id[:12])).id == accepted.id
        with pytest.raises(NotFound):
            await row_of(opened, accepted.id[:5])
        await ended(opened, accepted.id)


async def test_a_detached_stop_leaves_waiting_targets_for_the_next_engine(home: Path) -> None:
    gate = asyncio.Event()

    def script(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(until=gate)

    async with engine(home, script) as (opened, executor):
        await save(opened, *INVENTORY)
        accepted = await start(opened, concurrency=2)
        await running(executor, 2)
        opened.request_stop(StopMode.DETACH)
        with pytest.raises(Conflict):
            await start(opened)
        await opened.finish_work()
        assert len(executor.started) == 2
        gate.set()
        assert executor.running == 0, "what hosts keep goes on without the engine"
    async with engine(home, hosts=executor) as (opened, _):
        done = await ended(opened, accepted.id)
        assert (done.state, done.counts) == (RunState.SUCCEEDED, {"success": 8})
        assert set(executor.started.values()) == {1}, "what ran does not run again"


@pytest.mark.parametrize("idempotent", [False, True])
async def test_what_ran_directly_under_a_lost_engine_is_unknown_or_runs_again_where_that_is_harmless(
    home: Path, idempotent: bool
) -> None:
    never = asyncio.Event()

    def hang(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(output=((Stream.OUT, b"half\n"),), until=never)

    executor = ScriptedExecutor(hang)
    lost = await crashing(home, executor)
    how = step("a", idempotent=idempotent, concurrency=2, execution="direct")
    await save(lost, *INVENTORY, job("j", how))
    accepted = await start(lost, job="j", targets=None)
    await running(executor, 2)
    await stored_output(lost, accepted.id)
    await abandon(lost)
    async with engine(home) as (opened, second):
        done = await ended(opened, accepted.id)
        rows = await targets_of(opened, done.id)
        if idempotent:
            assert (done.state, done.counts) == (RunState.SUCCEEDED, {"success": 8})
            assert len(second.started) == 8
        else:
            assert done.state is RunState.ABNORMAL
            assert done.counts == {"success": 6, "unknown": 2}
            assert len(second.started) == 6
            unknown = [row for row in rows if row.state is TargetState.UNKNOWN]
            assert {row.code for row in unknown} == {TargetCode.ENGINE_LOST}
            assert all(row.size_bytes == 5 for row in unknown), "what it printed is evidence"


@pytest.mark.expect_logs("run.bug")
async def test_a_run_that_cannot_be_read_keeps_the_engine_from_no_other(home: Path) -> None:
    def hang(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(until=asyncio.Event())

    executor = ScriptedExecutor(hang)
    lost = await crashing(home, executor)
    await save(lost, *INVENTORY)
    spoilt, sound = await start(lost, targets="h1"), await start(lost, targets="h2")
    await running(executor, 2)
    spoil = update(run_event).where(run_event.c.run_id == spoilt.id).values(event="{}")
    await lost.store.writer.write(lambda tx: tx.connection.execute(spoil) and None)
    await abandon(lost)

    async with engine(home) as (opened, _):
        given_up = await ended(opened, spoilt.id)
        assert given_up.state is RunState.ABNORMAL
        assert given_up.counts == {"unknown": 1}
        assert (await ended(opened, sound.id)).counts == {"success": 1}
        assert (await ended(opened, (await start(opened)).id)).state is RunState.SUCCEEDED


async def test_a_run_whose_logins_cannot_be_opened_ends_and_says_so(home: Path) -> None:
    account = {"kind": "account", "name": "deploy", "spec": {"user": "u", "password": "hunter22"}}
    async with engine(home) as (opened, _):
        await save(opened, account, *INVENTORY[1:])
    Home(home).key_file.unlink()
    async with engine(home) as (opened, executor):
        done = await ended(opened, (await start(opened)).id)
        assert (done.state, done.counts) == (RunState.FAILED, {"not_started": 8})
        assert "master key" in done.reason
        assert not executor.started


ACCOUNT = {"kind": "account", "name": "deploy", "spec": {"user": "u", "password": "hunter22"}}
PASSPHRASE = "correct horse battery"


@pytest.mark.expect_logs("WARNING .*run.waits-for-vault")
async def test_what_runs_on_hosts_waits_for_a_locked_vault_and_is_harvested_when_it_opens(
    home: Path,
) -> None:
    gate = asyncio.Event()
    executor = ScriptedExecutor(lambda target, work: Behaviour(until=gate))
    async with engine(home, hosts=executor) as (opened, _):
        await save(opened, ACCOUNT, *INVENTORY[1:])
        await asyncio.to_thread(opened.vault.keychain.move, "passphrase", PASSPHRASE, "ops")
        accepted = await start(opened, concurrency=2)
        await running(executor, 2)
    gate.set()
    for is_unlocked in (False, True):
        async with engine(home, hosts=executor) as (opened, _):
            if is_unlocked:
                await asyncio.to_thread(opened.vault.keychain.unlock, PASSPHRASE)
                done = await ended(opened, accepted.id)
                assert (done.state, done.counts) == (RunState.SUCCEEDED, {"success": 8})
            else:
                refused = await ended(opened, (await start(opened)).id)
                assert refused.counts == {"not_started": 8}
                assert "jobdeck vault unlock" in refused.reason
                rows = await targets_of(opened, accepted.id)
                assert sum(row.state is TargetState.RUNNING for row in rows) == 2
    assert set(executor.started.values()) == {1}, "what ran does not run again"


async def test_what_runs_on_hosts_is_unknown_where_the_key_to_them_is_lost(home: Path) -> None:
    gate = asyncio.Event()
    executor = ScriptedExecutor(lambda target, work: Behaviour(until=gate))
    async with engine(home, hosts=executor) as (opened, _):
        await save(opened, ACCOUNT, *INVENTORY[1:])
        accepted = await start(opened, concurrency=2)
        await running(executor, 2)
    Home(home).key_file.unlink()
    async with engine(home, hosts=executor) as (opened, _):
        done = await ended(opened, accepted.id)
        assert done.counts == {"not_started": 6, "unknown": 2}
        assert "master key" in done.reason
    gate.set()


@pytest.mark.expect_logs("run.bug")
async def test_our_own_bug_in_a_run_ends_that_run_and_not_the_engine(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine(home) as (opened, _):
        await save(opened, *INVENTORY)
        with monkeypatch.context() as broken:
            broken.setattr(StepExecution, "run", lambda _: 1 / 0)
            accepted = await start(opened, secrets={"TOKEN": SecretStr("correct-horse")})
            done = await ended(opened, accepted.id)
        assert done.state is RunState.ABNORMAL
        assert "ZeroDivisionError" in done.reason
        states = {row.state for row in await targets_of(opened, done.id)}
        assert states == {TargetState.NOT_STARTED}
        assert done.counts == {"not_started": 8}
        entries = await opened.store.reader.read(lambda c: read_after(c, 0, 1000))
        (told,) = [e.data["targets"] for e in entries if e.type == "run.targets"]
        assert {state for _, state, *_ in told} == {"not_started"}
        definition = await opened.store.reader.read(lambda c: runs.definition_of(c, done.id))
        token = definition.secrets["TOKEN"]
        assert await opened.store.reader.read(lambda c: opened.vault.owner_of(c, token)) is None
        assert (await ended(opened, (await start(opened)).id)).state is RunState.SUCCEEDED


async def test_two_engines_never_share_a_home(home: Path) -> None:
    async with engine(home):
        with pytest.raises(Conflict, match="already runs"):
            open_engine(Home(home))


async def test_work_that_prints_more_than_its_cap_is_cut_or_ended(home: Path) -> None:
    def chatty(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(output=tuple((Stream.OUT, b"x" * 1000) for _ in range(50)))

    for rule, state in (("truncate", RunState.SUCCEEDED), ("halt", RunState.FAILED)):
        folder = home / rule
        settings = {"output_per_target": "10kB", "output_over_cap": rule}
        async with engine(folder, chatty, **settings) as (opened, _):
            await save(opened, *INVENTORY)
            done = await ended(opened, (await start(opened, targets="h1")).id)
            (row,) = await targets_of(opened, done.id)
            assert done.state is state
            assert row.size_bytes == 10_000
            assert row.dropped_bytes > 0
            assert (row.code is TargetCode.OUTPUT_LIMIT) == (rule == "halt")


async def test_a_run_whose_targets_match_nothing_is_allowed_only_when_said(home: Path) -> None:
    async with engine(home) as (opened, _):
        await save(opened, *INVENTORY)
        accepted = await start(opened, targets="nothing*", allow_empty=True)
        done = await ended(opened, accepted.id)
        assert (done.state, done.target_count) == (RunState.SUCCEEDED, 0)


async def test_an_idempotency_key_is_forgotten_after_a_day(home: Path) -> None:
    clock = ManualClock()
    executor = ScriptedExecutor(well)
    opened = open_engine(Home(home), clock=clock, executors={"ssh": executor, "local": executor})
    await opened.start()
    await save(opened, *INVENTORY)
    request = RunRequest.model_validate(
        {"step": {"kind": "command", "name": "c", "command": "x"}, "targets": "h1"}
    )
    ids = []
    for hours in (0, 23, 25):
        clock.advance(timedelta(hours=hours))
        ids.append((await opened.runs.start(request, "ann", "k")).id)
        await opened.runs.start(request, "ann", "other")
    assert ids[0] == ids[1] != ids[2]
    await opened.stop()
