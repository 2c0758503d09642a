"""Schedules that events make due, in a real engine: each event is one slot, also across engines."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core import failpoints
from core.clock import ManualClock
from core.domain.facts import FactValue
from core.errors import Invalid
from core.runtime.engine import Engine
from core.storage import facts, fires, hosts, runs, schedules
from core.storage.fires import Fire
from tests.support.runtime import INVENTORY, ended, engine, job, save, start, step

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TEXT = [{"name": "WHAT", "type": "string", "default": ""}]
DOCUMENTS = (
    *INVENTORY,
    job("first", step("work"), targets="h1"),
    job("second", step("work"), targets="h1"),
    job("then", step("work"), targets="h1", parameters=TEXT),
)


def schedule(trigger: dict[str, Any], name: str = "s", **spec: Any) -> dict[str, Any]:
    return {"kind": "schedule", "name": name, "spec": {"job": "then", "trigger": trigger, **spec}}


async def ledger(opened: Engine, name: str = "s") -> list[Fire]:
    """Oldest first."""
    read = opened.store.reader.read
    return (await read(lambda c: fires.fires(c, name, before=None, limit=999)))[::-1]


async def beat(opened: Engine, clock: ManualClock, seconds: float = 5) -> None:
    clock.advance(timedelta(seconds=seconds))
    await opened.schedules.tick()


async def begin(opened: Engine, clock: ManualClock, *bodies: dict[str, Any]) -> None:
    await save(opened, *DOCUMENTS, *bodies)
    await beat(opened, clock)


async def run(opened: Engine, name: str) -> str:
    row = await start(opened, job=name, targets=None)
    await ended(opened, row.id)
    return row.id


async def values_of(opened: Engine, run_id: str | None) -> dict[str, Any]:
    assert run_id is not None
    definition = await opened.store.reader.read(lambda c: runs.definition_of(c, run_id))
    return dict(definition.parameters)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def opened(home: Path, clock: ManualClock) -> AsyncIterator[Engine]:
    async with engine(home / "j", clock=clock) as (opened, _):
        yield opened


async def test_after_runs_of_two_jobs_a_third_is_started_once(
    opened: Engine, clock: ManualClock
) -> None:
    after = {"after": {"jobs": ["first", "second"]}}
    await begin(opened, clock, schedule(after, given={"WHAT": "name"}))

    await run(opened, "first")
    await beat(opened, clock)
    assert await ledger(opened) == []
    second = await run(opened, "second")
    await beat(opened, clock)
    await beat(opened, clock)

    (fire,) = await ledger(opened)
    assert (fire.verdict, fire.cause) == ("started", f"run {second}")
    assert await values_of(opened, fire.run_id) == {"WHAT": "second"}


async def test_flows_are_started_and_come_before_as_jobs_do(
    opened: Engine, clock: ManualClock
) -> None:
    spec = {"targets": "h1", "nodes": [step("a"), step("b")], "parameters": TEXT}
    flow = {"kind": "flow", "name": "both", "spec": spec}
    starts = schedule({"after": {"jobs": ["first"]}}, "starts", given={"WHAT": "name"})
    starts["spec"] |= {"flow": "both", "job": None}
    follows = schedule({"after": {"flows": ["both"]}}, "follows", given={"WHAT": "work"})
    await begin(opened, clock, flow, starts, follows)

    await run(opened, "first")
    await beat(opened, clock)
    (started,) = await ledger(opened, "starts")
    assert started.run_id is not None
    await ended(opened, started.run_id)
    assert await values_of(opened, started.run_id) == {"WHAT": "first"}
    await beat(opened, clock)

    (fire,) = await ledger(opened, "follows")
    assert await values_of(opened, fire.run_id) == {"WHAT": "flow/both"}


async def test_what_ended_while_no_engine_was_there_to_look_is_seen_by_the_next_one(
    home: Path, clock: ManualClock
) -> None:
    after = schedule({"after": {"jobs": ["first", "second"]}})
    async with engine(home / "j", clock=clock) as (opened, _):
        await begin(opened, clock, after)
        await run(opened, "first")
        await beat(opened, clock)
        await run(opened, "second")
    async with engine(home / "j", clock=clock) as (opened, _):
        await beat(opened, clock)
        await beat(opened, clock)

        assert [fire.verdict for fire in await ledger(opened)] == ["started"]


async def test_a_slot_that_could_not_be_written_is_found_again(
    opened: Engine, clock: ManualClock
) -> None:
    await begin(opened, clock, schedule({"after": {"jobs": ["first"]}}))
    await run(opened, "first")
    failpoints.arm("schedule.settling=error:ENOSPC")
    with pytest.raises(OSError, match="No space left"):
        await beat(opened, clock)
    failpoints.arm("")

    await beat(opened, clock)

    assert [fire.verdict for fire in await ledger(opened)] == ["started"]


async def test_an_entry_of_the_journal_that_fits(opened: Engine, clock: ManualClock) -> None:
    noted = {"journal": {"types": ["host.noted"], "where": "contains(data.text, 'swap')"}}
    await begin(opened, clock, schedule(noted, given={"WHAT": "subject"}))

    for text in ("fan swapped", "all well"):
        await opened.store.writer.write(lambda tx, text=text: hosts.add_note(tx, "h1", "ada", text))
    await beat(opened, clock)
    await beat(opened, clock)

    (fire,) = await ledger(opened)
    assert await values_of(opened, fire.run_id) == {"WHAT": "host/h1"}


async def test_why_tells_the_first_of_several_events_from_a_moment_on(
    opened: Engine, clock: ManualClock
) -> None:
    await begin(opened, clock, schedule({"journal": {"types": ["host.noted"]}}, overlap="parallel"))
    for text in ("one", "two"):
        clock.advance(timedelta(seconds=10))
        await opened.store.writer.write(lambda tx, text=text: hosts.add_note(tx, "h1", "ada", text))
        await opened.schedules.tick()
    first, second = await ledger(opened)

    async def why(moment: datetime) -> str:
        slot, fire, _ = await opened.schedules.answers.why("s", moment)
        assert fire is not None
        assert slot == datetime.fromisoformat(fire.slot)
        return fire.slot

    slots = [datetime.fromisoformat(each.slot) for each in (first, second)]
    assert await why(slots[0].replace(second=0)) == first.slot
    assert [await why(slot) for slot in slots] == [first.slot, second.slot]


async def test_schedules_that_start_each_other_end_at_some_time(
    opened: Engine, clock: ManualClock
) -> None:
    one = schedule({"after": {"jobs": ["first"]}}, "one", overlap="parallel", overlap_max=9)
    other = schedule({"after": {"jobs": ["then"]}}, "other", overlap="parallel", overlap_max=9)
    other["spec"]["job"] = "first"
    own = schedule({"journal": {"types": ["run.state"]}}, "own", enabled=False)
    await begin(opened, clock, one, other, own)

    await run(opened, "first")
    for _ in range(20):
        await beat(opened, clock)
        for run_id in [*opened.runs.live]:
            await ended(opened, run_id)

    assert len([*await ledger(opened, "one"), *await ledger(opened, "other")]) == 16
    assert await ledger(opened, "own") == []


@pytest.mark.parametrize("types", [["run.created"], ["run.state"], ["schedule.started"]])
async def test_schedules_that_read_of_each_other_in_the_journal_end_at_some_time(
    opened: Engine, clock: ManualClock, types: list[str]
) -> None:
    each = {"overlap": "parallel", "overlap_max": 9}
    where = "(data.state ?? 'succeeded') = 'succeeded'"
    by_entries = {"journal": {"types": types, "where": where}}
    one, other = (schedule(by_entries, name, **each) for name in ("one", "other"))
    begins = schedule({"after": {"jobs": ["first"]}}, "begins", **each)
    await begin(opened, clock, one, other, begins)

    await run(opened, "first")
    for _ in range(20):
        await beat(opened, clock)
        for run_id in [*opened.runs.live]:
            await ended(opened, run_id)
    ends = len(await ledger(opened, "one")), len(await ledger(opened, "other"))
    for _ in range(3):
        await beat(opened, clock)

    assert min(ends) > 3
    assert ends == (len(await ledger(opened, "one")), len(await ledger(opened, "other")))


async def test_a_schedule_is_not_started_by_what_runs_inside_of_its_own_run(
    opened: Engine, clock: ManualClock
) -> None:
    inside = {"kind": "run", "name": "inside", "job": "second"}
    flow = {"kind": "flow", "name": "both", "spec": {"targets": "h1", "nodes": [inside]}}
    own = schedule({"journal": {"types": ["run.created"]}}, "own", overlap="parallel")
    own["spec"] |= {"flow": "both", "job": None}
    await begin(opened, clock, flow, own)

    await run(opened, "first")
    for _ in range(5):
        await beat(opened, clock)
        for run_id in [*opened.runs.live]:
            await ended(opened, run_id)

    assert len(await ledger(opened, "own")) == 1


async def test_a_file_that_comes_and_stays_as_it_is(
    home: Path, opened: Engine, clock: ManualClock
) -> None:
    path = home / "in.csv"
    watched = {"file": {"path": str(path), "stable_s": 8}}
    await begin(opened, clock, schedule(watched, given={"WHAT": "string(size)"}))

    path.write_text("half")
    await beat(opened, clock)
    path.write_text("whole!")
    os.utime(path, ns=(1, 1))
    await beat(opened, clock)
    await beat(opened, clock)
    assert await ledger(opened) == []
    await beat(opened, clock)
    await beat(opened, clock, 60)

    (fire,) = await ledger(opened)
    assert await values_of(opened, fire.run_id) == {"WHAT": "6"}


async def test_hosts_whose_load_is_high_for_a_while(opened: Engine, clock: ManualClock) -> None:
    high = {"condition": {"hosts": "load>8", "for_s": 60, "cooldown_s": 600}}
    await begin(opened, clock, schedule(high, given={"WHAT": "join(hosts, ',')"}))

    async def gathered(load: float) -> None:
        found: dict[str, dict[str, FactValue]] = {"h1": {"load": load}}
        await opened.store.writer.write(lambda tx: facts.record(tx, found, "engine"))

    await gathered(9.5)
    await beat(opened, clock)
    await beat(opened, clock, 30)
    await gathered(1.5)
    await beat(opened, clock, 30)
    assert await ledger(opened) == []
    await gathered(12)
    await beat(opened, clock)
    await beat(opened, clock, 60)
    await beat(opened, clock, 60)

    (fire,) = await ledger(opened)
    assert await values_of(opened, fire.run_id) == {"WHAT": "h1"}


async def test_a_load_of_a_host_that_answers_no_more_holds_for_a_while_and_not_for_ever(
    opened: Engine, clock: ManualClock
) -> None:
    high = {"condition": {"hosts": "load>8", "cooldown_s": 3600}}
    looked_at = {"kind": "host", "name": "h1", "spec": {"account": "deploy", "facts_s": 600}}
    await begin(opened, clock, schedule(high, overlap="parallel", overlap_max=9))
    await save(opened, looked_at)
    found: dict[str, dict[str, FactValue]] = {"h1": {"load": 9.5}}
    await opened.store.writer.write(lambda tx: facts.record(tx, found, "engine"))

    await beat(opened, clock)
    for _ in range(5):
        await beat(opened, clock, 3601)

    assert len(await ledger(opened)) == 1


async def test_what_happens_during_a_pause_is_skipped_and_a_new_trigger_begins_anew(
    opened: Engine, clock: ManualClock
) -> None:
    await begin(opened, clock, schedule({"after": {"jobs": ["first"]}}))
    await opened.store.writer.write(lambda tx: schedules.pause(tx, "s", "a move", "ada"))
    await run(opened, "first")
    await beat(opened, clock)
    await opened.store.writer.write(lambda tx: schedules.resume(tx, "s", "ada"))
    await run(opened, "second")
    await save(opened, schedule({"after": {"jobs": ["second"]}}))
    await beat(opened, clock)
    await beat(opened, clock)

    (fire,) = await ledger(opened)
    assert (fire.verdict, fire.reason) == ("skipped", "paused by ada: a move")


async def test_parameters_that_an_event_gives_are_looked_at_when_the_schedule_is_saved(
    opened: Engine,
) -> None:
    given = {"WHAT": "name", "WHO": "name"}
    with pytest.raises(Invalid) as caught:
        await save(opened, *DOCUMENTS, schedule({"after": {"jobs": ["first"]}}, given=given))

    assert [problem.where for problem in caught.value.problems] == ["schedule/s spec.given.WHO"]
