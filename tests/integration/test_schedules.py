"""Schedules in a real engine with scripted hosts: every slot is one run or one reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core import failpoints
from core.clock import ManualClock
from core.errors import Conflict, Invalid, NotFound
from core.executors.protocol import Target, Work
from core.executors.scripted import Behaviour
from core.flow.definition import RunRequest
from core.runtime import timerules
from core.runtime.engine import Engine
from core.scheduling import ledger as rules
from core.scheduling.ledger import Look, Settled, Verdict
from core.scheduling.wakeup import Wakeup
from core.storage import documents, fires, schedules
from core.storage.fires import Fire
from core.storage.reading import Connection
from core.storage.writer import Transaction
from tests.support.runtime import INVENTORY, ended, engine, job, running, save, step
from tests.support.waiting import eventually

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOURLY = {"cron": "0 * * * *"}


def schedule(name: str = "s", **spec: Any) -> dict[str, Any]:
    return {"kind": "schedule", "name": name, "spec": {"job": "j", "trigger": HOURLY, **spec}}


class NoAlarm(Wakeup):
    """Wakes at once or not at all: to the real clock, every moment of the test's is long past."""

    def set(self, moment: datetime | None) -> None:
        pass


async def ledger(opened: Engine, name: str = "s") -> list[Fire]:
    """Oldest first."""
    return (await opened.store.reader.read(lambda c: fires.fires(c, name, before=None, limit=999)))[
        ::-1
    ]


async def told(opened: Engine, name: str = "s") -> list[tuple[str, int, str]]:
    return [(fire.slot[11:16], fire.count, fire.verdict) for fire in await ledger(opened, name)]


async def later(opened: Engine, clock: ManualClock, **by: float) -> None:
    clock.advance(timedelta(**by))
    await opened.schedules.tick()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def opened(home: Path, clock: ManualClock) -> AsyncIterator[Engine]:
    async with engine(home / "j", clock=clock) as (opened, _):
        await save(opened, *INVENTORY, job("j", step("work")))
        yield opened


async def test_a_due_slot_becomes_one_run_of_the_schedule(
    opened: Engine, clock: ManualClock
) -> None:
    await save(opened, schedule(targets="h1,h2"))

    await later(opened, clock, minutes=59)
    assert await ledger(opened) == []
    await later(opened, clock, minutes=1)
    await later(opened, clock, minutes=1)

    (fire,) = await ledger(opened)
    assert (fire.slot, fire.verdict) == ("2026-05-01T13:00:00.000000Z", Verdict.STARTED)
    assert fire.run_id is not None
    row = await ended(opened, fire.run_id)
    assert (row.state, row.actor, row.target_count) == ("succeeded", "schedule/s", 2)
    assert opened.schedules.next_at == NOON + timedelta(hours=2)


async def test_after_a_sleep_the_last_slot_is_started_and_the_others_have_their_reason(
    opened: Engine, clock: ManualClock
) -> None:
    await save(opened, schedule("last"), schedule("skip", misfire="skip"))

    await later(opened, clock, hours=6, minutes=30)

    assert await told(opened, "last") == [("13:00", 5, "missed"), ("18:00", 1, "started")]
    assert await told(opened, "skip") == [("13:00", 6, "missed")]
    status = await opened.schedules.status()
    assert status.troubled == {"skip": "nobody could start it at its time (misfire: skip)"}


async def test_slots_of_a_pause_and_of_a_day_off_are_skipped_with_the_reason(
    opened: Engine, clock: ManualClock
) -> None:
    calendar = {"kind": "calendar", "name": "holidays", "spec": {"days": ["2026-05-01"]}}
    await save(opened, calendar, schedule("off", blackout=["holidays"]), schedule())
    write = opened.store.writer.write
    await write(lambda tx: schedules.pause(tx, "s", "a move", "ada"))
    with pytest.raises(Conflict, match="is paused already, by ada"):
        await write(lambda tx: schedules.pause(tx, "s", "", "bob"))

    await later(opened, clock, hours=1)
    await later(opened, clock, hours=1)

    (off,), (paused,) = await ledger(opened, "off"), await ledger(opened)
    assert (off.count, off.reason) == (2, "a day off in calendar holidays")
    assert (paused.count, paused.reason) == (2, "paused by ada: a move")
    await write(lambda tx: schedules.resume(tx, "s", "ada"))
    await later(opened, clock, hours=1)
    assert (await told(opened))[-1] == ("15:00", 1, "started")


async def test_a_refusal_is_the_recorded_reason(opened: Engine, clock: ManualClock) -> None:
    rails = {"kind": "environment", "name": "prod", "spec": {"read_only": True}}
    host = {"kind": "host", "name": "h1", "spec": {"account": "deploy", "environment": "prod"}}
    nasty = job("nasty", {"kind": "command", "name": "w", "command": "mkfs /dev/sda"}, targets="h2")
    await save(opened, rails, host, nasty, schedule(targets="h1"))
    await save(opened, schedule("danger", job="nasty"), schedule("nobody", targets="x-*"))

    await later(opened, clock, hours=1)

    (rail,), (danger,), (nobody,) = [await ledger(opened, n) for n in ("s", "danger", "nobody")]
    assert {rail.verdict, danger.verdict, nobody.verdict} == {Verdict.REFUSED}
    assert "environment prod: is read-only" in rail.reason
    assert "mkfs" in danger.reason
    assert "no host" in nobody.reason


async def test_a_refused_slot_is_no_run_that_a_later_one_waits_for(
    opened: Engine, clock: ManualClock
) -> None:
    await save(opened, schedule(targets="x-*", misfire="all"))

    await later(opened, clock, hours=3)

    assert {verdict for _, _, verdict in await told(opened)} == {Verdict.REFUSED}


async def test_slots_beside_a_run_that_goes_on(home: Path, clock: ManualClock) -> None:
    held = asyncio.Event()

    def slow(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(until=held)

    async with engine(home / "j", slow, clock=clock) as (opened, _):
        await save(opened, *INVENTORY, job("j", step("work"), targets="h1"))
        await save(
            opened,
            schedule("skip"),
            schedule("queue", overlap="queue"),
            schedule("both", overlap="parallel", overlap_max=2),
        )
        for _hour in range(3):
            await later(opened, clock, hours=1)

        assert [v for _, _, v in await told(opened, "skip")] == ["started", "skipped", "skipped"]
        assert [v for _, _, v in await told(opened, "queue")] == ["started", "due", "skipped"]
        assert [v for _, _, v in await told(opened, "both")] == ["started", "started", "skipped"]

        held.set()
        for run_id in [*opened.runs.live]:
            await ended(opened, run_id)
        await opened.schedules.tick()
        assert [v for _, _, v in await told(opened, "queue")] == ["started", "started", "skipped"]
        for run_id in [*opened.runs.live]:
            await ended(opened, run_id)


async def test_its_job_that_goes_on_as_a_part_of_another_run_is_an_overlap(
    home: Path, clock: ManualClock
) -> None:
    held = asyncio.Event()

    def slow(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(until=held)

    async with engine(home / "j", slow, clock=clock) as (opened, _):
        await save(opened, *INVENTORY, job("j", step("work"), targets="h1"), job("k", step("x")))
        await save(opened, schedule(), schedule("other", job="k"))
        whole = await opened.runs.start(RunRequest(job="k", targets="h2"), "ada", None)
        part = await opened.runs.start(RunRequest(job="j"), "ada", None, parent=whole.id)

        await later(opened, clock, hours=1)

        (fire,) = await ledger(opened)
        assert fire.reason == "a run of the schedule went on (overlap: skip)"
        assert await told(opened, "other") == [("13:00", 1, "started")]
        held.set()
        for run_id in [part.id, *opened.runs.live]:
            await ended(opened, run_id)


async def test_a_slot_that_replaces_a_run_stops_it_first(home: Path, clock: ManualClock) -> None:
    held = asyncio.Event()

    def slow(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(until=held)

    async with engine(home / "j", slow, clock=clock) as (opened, executor):
        await save(opened, *INVENTORY, job("j", step("work"), targets="h1"))
        await save(opened, schedule(overlap="replace"))
        await later(opened, clock, hours=1)
        (first,) = opened.runs.live
        await running(executor, 1)

        await later(opened, clock, hours=1)
        (_, second) = await ledger(opened)
        assert second.reason == "it replaces a run of the schedule, and waits for the end"
        assert (await ended(opened, first)).reason.endswith("of schedule s replaces it")
        await later(opened, clock, seconds=5)

        assert [verdict for _, _, verdict in await told(opened)] == ["started", "started"]
        held.set()
        for run_id in [*opened.runs.live]:
            await ended(opened, run_id)


async def test_what_is_saved_and_runs_that_end_are_looked_at_without_waiting_for_the_beat(
    home: Path, clock: ManualClock
) -> None:
    holds = [asyncio.Event(), asyncio.Event()]
    left = iter(holds)
    looks = list[asyncio.Task[None]]()

    def slow(target: Target, work: Work | None) -> Behaviour:
        return Behaviour() if work is None else Behaviour(until=next(left))

    async with engine(home / "j", slow, clock=clock) as (opened, executor):
        schedules = opened.schedules
        schedules.wake_by(NoAlarm(lambda: looks.append(asyncio.create_task(schedules.tick()))))
        schedules.start()
        await save(opened, *INVENTORY, job("j", step("work"), targets="h1"))
        await save(opened, schedule(overlap="queue"))
        await eventually(lambda: schedules.next_at == NOON + timedelta(hours=1))
        await later(opened, clock, hours=1)
        await running(executor, 1)
        (first,) = opened.runs.live
        await later(opened, clock, hours=1)
        await eventually(lambda: schedules._starts.waits)
        assert [verdict for _, _, verdict in await told(opened)] == ["started", "due"]

        holds[0].set()

        await eventually(lambda: set(opened.runs.live) - {first})
        holds[1].set()
        for run_id in [*opened.runs.live]:
            await ended(opened, run_id)
        schedules.stop()
        await asyncio.gather(*looks)


async def test_a_quiet_schedule_calls_for_no_attention(opened: Engine, clock: ManualClock) -> None:
    await save(opened, schedule("loud", misfire="skip"))
    await save(opened, schedule("quiet", misfire="skip", quiet=True))

    await later(opened, clock, hours=6, minutes=30)

    assert [*(await opened.schedules.status()).troubled] == ["loud"]
    assert await told(opened, "quiet") == [("13:00", 6, "missed")]


async def test_a_schedule_that_changes_has_no_slot_of_the_past_and_one_that_goes_starts_nothing(
    opened: Engine, clock: ManualClock
) -> None:
    await save(opened, schedule(trigger={"cron": "30 * * * *"}))
    await opened.schedules.tick()
    clock.advance(timedelta(minutes=20))
    await save(opened, schedule(trigger={"cron": "10 * * * *"}))
    await later(opened, clock, minutes=20)
    assert await ledger(opened) == []

    await opened.store.writer.write(lambda tx: opened.documents.delete(tx, "schedule", "s", "ada"))
    await later(opened, clock, hours=2)
    assert await ledger(opened) == []
    assert await opened.store.reader.read(schedules.states) == {}


async def test_a_slot_that_was_due_when_its_schedule_changed_is_not_lost(
    opened: Engine, clock: ManualClock
) -> None:
    await save(opened, schedule())
    await opened.schedules.tick()
    clock.advance(timedelta(minutes=60, seconds=2))
    await save(opened, schedule(trigger={"cron": "30 * * * *"}))

    await later(opened, clock, seconds=1)

    assert await told(opened) == [("13:00", 1, "started")]


@pytest.mark.expect_logs("ERROR .*schedule.bug")
async def test_a_bug_that_one_schedule_meets_holds_up_no_other(
    opened: Engine, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(opened, schedule("a"), schedule("b", misfire="all"))
    begin = fires.begun

    def broken(tx: Transaction, name: str, slot: str, run_id: str) -> None:
        if name == "a":
            raise ZeroDivisionError
        begin(tx, name, slot, run_id)

    monkeypatch.setattr(fires, "begun", broken)
    await later(opened, clock, hours=1)
    monkeypatch.undo()

    assert [await told(opened, name) for name in "ab"] == [
        [("13:00", 1, "due")],
        [("13:00", 1, "started")],
    ]
    await later(opened, clock, seconds=5)
    assert await told(opened, "a") == [("13:00", 1, "started")]


@pytest.mark.expect_logs("ERROR .*schedule.bug")
async def test_a_schedule_that_cannot_be_looked_at_holds_up_no_other_and_is_tried_again(
    opened: Engine, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(opened, schedule("a"), schedule("b"))
    settle = rules.settle

    def broken(look: Look) -> Settled:
        return settle(look) if look.name == "b" else 1 // 0  # type: ignore[return-value]

    monkeypatch.setattr(rules, "settle", broken)
    await later(opened, clock, hours=1)
    monkeypatch.undo()

    assert [await told(opened, name) for name in "ab"] == [[], [("13:00", 1, "started")]]
    assert opened.schedules.next_at == clock.now() + timedelta(minutes=1)
    await later(opened, clock, minutes=1)
    assert await told(opened, "a") == [("13:00", 1, "started")]


async def test_a_slot_whose_verdict_could_not_be_written_is_looked_at_again(
    opened: Engine, clock: ManualClock
) -> None:
    await save(opened, schedule())
    await opened.schedules.tick()
    failpoints.arm("schedule.settling=error:ENOSPC")
    with pytest.raises(OSError, match="No space left"):
        await later(opened, clock, hours=1)
    failpoints.arm("")

    await later(opened, clock, seconds=5)

    assert await told(opened) == [("13:00", 1, "started")]


async def test_an_engine_that_starts_reads_no_schedule_of_which_no_slot_has_come(
    home: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = list[str]()

    def noted(c: Connection, keys: Sequence[tuple[str, str]]) -> Any:
        read.extend(name for _, name in keys)
        return find_all(c, keys)

    find_all = documents.find_all
    monkeypatch.setattr(documents, "find_all", noted)
    half = {"cron": "30 * * * *"}
    async with engine(home / "j", clock=clock) as (opened, _):
        await save(opened, *INVENTORY, job("j", step("work")), schedule(), schedule("b"))
        await save(opened, schedule("half", trigger=half))
        await opened.schedules.tick()
    clock.advance(timedelta(minutes=40))
    read.clear()
    async with engine(home / "j", clock=clock) as (opened, _):
        await opened.schedules.tick()

        assert set(read) == {"half"}
        assert opened.schedules.next_at == NOON + timedelta(hours=1)
        await later(opened, clock, minutes=20)
        assert await told(opened, "b") == [("13:00", 1, "started")]


@pytest.mark.parametrize("change", ["the time zones", "a calendar"])
async def test_when_the_rules_of_time_are_others_every_schedule_is_looked_at_anew(
    home: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    async with engine(home / "j", clock=clock) as (opened, _):
        await save(opened, *INVENTORY, job("j", step("work")), schedule())
        await opened.schedules.tick()
        wrong = "UPDATE schedule_state SET next_look = '2026-05-01T23:00:00.000000Z'"
        await opened.store.writer.write(lambda tx: tx.connection.exec_driver_sql(wrong) and None)
    if change == "the time zones":
        monkeypatch.setattr(timerules, "fingerprint", lambda _version: "others")
    async with engine(home / "j", clock=clock) as (opened, _):
        if change == "a calendar":
            calendar = {"kind": "calendar", "name": "holidays", "spec": {"days": ["2026-05-02"]}}
            await opened.schedules.tick()
            assert opened.schedules.next_at == NOON + timedelta(hours=11)
            await save(opened, calendar)
        await opened.schedules.tick()

        assert opened.schedules.next_at == NOON + timedelta(hours=1)


async def test_slots_are_settled_while_starts_of_others_take_their_time(
    opened: Engine, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(opened, schedule("a"), schedule("b", trigger={"cron": "5 13 * * *"}))
    held, reached = asyncio.Event(), asyncio.Event()
    start = opened.runs.start

    async def slow(*args: Any, **more: Any) -> Any:
        reached.set()
        await held.wait()
        return await start(*args, **more)

    monkeypatch.setattr(opened.runs, "start", slow)
    await opened.schedules.tick()
    clock.advance(timedelta(hours=1))
    starting = asyncio.create_task(opened.schedules.tick())
    await reached.wait()

    await later(opened, clock, minutes=5)
    assert await told(opened, "b") == [("13:05", 1, "due")]
    held.set()
    await starting
    assert await told(opened, "b") == [("13:05", 1, "started")]


async def test_by_hand_it_starts_at_once_also_while_it_is_paused(
    opened: Engine, clock: ManualClock
) -> None:
    await save(opened, schedule(enabled=False))

    row = await opened.schedules.fire("s", "ada")
    await ended(opened, row.id)

    (fire,) = await ledger(opened)
    assert (fire.run_id, fire.actor, fire.reason, row.actor) == (row.id, "ada", "by hand", "ada")
    with pytest.raises(NotFound, match="schedule 'x' does not exist"):
        await opened.schedules.fire("x", "ada")


async def test_why_a_slot_did_not_run(opened: Engine, clock: ManualClock) -> None:
    await save(opened, schedule("nightly", misfire="skip"))
    await opened.schedules.tick()
    await later(opened, clock, hours=2, minutes=10)

    async def why(hours: float, name: str = "nightly") -> str:
        at = NOON + timedelta(hours=hours)
        return (await opened.schedules.answers.why(name, at))[2]

    assert await why(1) == "missed: nobody could start it at its time (misfire: skip)"
    assert await why(2) == await why(1)
    assert await why(3) == "it is still to come"
    assert await why(1.5) == (
        "no slot falls on this minute; the slot before it is 2026-05-01 13:00:00+00:00;"
        " the next slot is 2026-05-01 14:00:00+00:00"
    )
    assert await why(-1) == (
        "the schedule was written as it is now after that, at 2026-05-01 12:00:00+00:00"
    )
    zone, found = await opened.schedules.answers.forecast("nightly", None, 2)
    assert [each.slot.hour for each in found] == [15, 16]
    assert str(zone) == "UTC"


async def test_why_names_the_slots_around_a_time_that_the_clock_leaves_out(
    opened: Engine, clock: ManualClock
) -> None:
    clock.advance(datetime(2027, 3, 27, tzinfo=UTC) - NOON)
    nightly = {"trigger": {"cron": "30 2 * * *"}, "time_zone": "Europe/Berlin"}
    await save(opened, schedule(**nightly))
    half_past_two = datetime.fromisoformat("2027-03-28T02:30:00+01:00")

    _, fire, answer = await opened.schedules.answers.why("s", half_past_two)

    assert fire is None
    assert answer == (
        "no slot falls on this minute; the slot before it is 2027-03-28 03:00:00+02:00;"
        " the next slot is 2027-03-29 02:30:00+02:00"
    )


async def test_slots_that_were_settled_before_the_clock_was_put_back_are_not_to_come(
    opened: Engine, clock: ManualClock
) -> None:
    await save(opened, schedule())
    await later(opened, clock, hours=5)
    clock.advance(timedelta(hours=-3))
    await opened.schedules.tick()

    _, (coming,) = await opened.schedules.answers.forecast("s", None, 1)
    (seen,) = await opened.schedules.answers.overview()

    assert coming.slot == seen.next_slot == opened.schedules.next_at == NOON + timedelta(hours=6)
    assert (await opened.schedules.answers.why("s", NOON + timedelta(hours=3)))[2].startswith("mi")


async def test_what_a_schedule_gives_its_job_is_looked_at_when_it_is_saved(opened: Engine) -> None:
    parameters = [{"name": "N", "type": "number"}, {"name": "KEY", "type": "secret"}]
    await save(opened, job("p", step("work"), parameters=parameters))

    with pytest.raises(Invalid) as caught:
        await save(opened, schedule(job="p", parameters={"N": "x", "KEY": "hush", "M": 1}))

    assert sorted(problem.where for problem in caught.value.problems) == [
        "spec.parameters.KEY",
        "spec.parameters.M",
        "spec.parameters.N",
    ]
    assert "hush" not in str(caught.value)
