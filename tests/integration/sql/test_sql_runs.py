"""SQL steps in runs: who logs in, what reaches later steps, what stays secret, a lost engine."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from core.domain.actions import Stop
from core.domain.run import RunState, TargetCode, TargetState
from core.errors import Invalid
from core.executors.protocol import Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.runtime.engine import Engine
from tests.support.postgres import ADDRESS, PASSWORD, Postgres
from tests.support.runtime import (
    abandon,
    arrived,
    assert_nowhere,
    crashing,
    ended,
    engine,
    job,
    save,
    start,
    step,
    targets_of,
    well,
)
from tests.support.waiting import eventually

needs_postgres = pytest.mark.needs("postgres")
HOST = {"kind": "host", "name": "db1", "spec": {"address": ADDRESS, "account": "shop-app"}}
INVENTORY: list[dict[str, Any]] = [
    {"kind": "account", "name": "shop-app", "spec": {"user": "app", "password": PASSWORD}},
    HOST,
]


def sql(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"kind": "sql", "name": name, "text": text, **more}


def at(postgres: Postgres, db: str) -> dict[str, Any]:
    return {"database": "postgresql", "port": postgres.port, "db": db}


async def printed(opened: Engine, run_id: str) -> bytes:
    came = await arrived(opened, run_id)
    return b"".join(segment.data for each in came for segment in each.segments)


@needs_postgres
async def test_each_target_is_entered_with_its_account_and_an_output_travels_on(
    home: Path, postgres: Postgres, db: str
) -> None:
    seen: list[str] = []

    def script(target: Target, work: Work | None) -> Behaviour:
        if work is not None:
            seen.append(work.env["WHO"])
        return well(target, work)

    ask = sql("ask", "SELECT current_user AS who", capture={"WHO": "who"}, **at(postgres, db))
    async with engine(home, script) as (opened, _):
        await save(opened, *INVENTORY, job("j", ask, step("use")))
        run = await ended(opened, (await start(opened, job="j", targets=None)).id)
    assert run.state is RunState.SUCCEEDED
    assert seen == ["app"]


@needs_postgres
async def test_once_goes_to_one_server_with_the_account_that_the_step_names(
    home: Path, postgres: Postgres, db: str
) -> None:
    ask = sql(
        "ask",
        "INSERT INTO goods VALUES (1, 'nut')",
        once=True,
        address=ADDRESS,
        run_as="shop-app",
        **at(postgres, db),
    )
    async with engine(home, http_networks=("127.0.0.0/8",)) as (opened, _):
        await save(opened, *INVENTORY)
        run = await ended(opened, (await start(opened, step=ask, targets=None)).id)
        (row,) = await targets_of(opened, run.id)
    assert run.state is RunState.SUCCEEDED, row.message
    assert row.host == "(engine)"
    assert postgres.query(db, "SELECT name FROM goods") == [("nut",)]


async def test_a_target_without_an_account_is_refused_before_anything_runs(home: Path) -> None:
    ask = sql("ask", "SELECT 1", database="postgresql", db="shop")
    async with engine(home) as (opened, _):
        await save(opened, {"kind": "host", "name": "db1", "spec": {"address": ADDRESS}})
        with pytest.raises(Invalid, match="no way to log in"):
            await start(opened, step=ask)


@needs_postgres
async def test_secrets_come_back_masked(home: Path, postgres: Postgres, db: str) -> None:
    secret = "tok-8dJ2xQ"
    ask = sql(
        "ask",
        "INSERT INTO goods VALUES (1, :token); SELECT name FROM goods;"
        " INSERT INTO goods SELECT 1, :token",
        parameters={"token": "${TOKEN}"},
        **at(postgres, db),
    )
    wrong = sql("wrong", "SELECT :token::int", parameters={"token": "${TOKEN}"}, **at(postgres, db))
    async with engine(home) as (opened, _):
        await save(opened, *INVENTORY)
        said = b""
        for asked in (ask, wrong):
            accepted = await start(opened, step=asked, secrets={"TOKEN": secret})
            run = await ended(opened, accepted.id)
            (row,) = await targets_of(opened, run.id)
            said += (row.message or "").encode() + await printed(opened, run.id)
    assert said.count(b"***") == 2
    assert secret.encode() not in said
    assert PASSWORD.encode() not in said
    assert_nowhere(home, secret.encode())


async def test_a_file_needs_no_account(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    sqlite3.connect(path).close()
    ask = sql("ask", "SELECT 1 AS one", database="sqlite", path=str(path), once=True)
    async with engine(home) as (opened, _):
        run = await ended(opened, (await start(opened, step=ask, targets=None)).id)
        assert b"one\n---\n1\n" in await printed(opened, run.id)
    assert run.state is RunState.SUCCEEDED


@needs_postgres
@pytest.mark.parametrize(
    ("ledger", "state", "number"),
    [({}, TargetState.UNKNOWN, 0), ({"ledger": "ledger"}, TargetState.SUCCESS, 1)],
)
async def test_an_engine_that_is_lost_before_the_commit_repeats_only_with_a_ledger(
    home: Path, postgres: Postgres, db: str, ledger: dict[str, Any], state: TargetState, number: int
) -> None:
    postgres.query(db, "CREATE TABLE pauses (s int); INSERT INTO pauses VALUES (3600)")
    postgres.query(db, "GRANT SELECT ON pauses TO app")
    text = "INSERT INTO goods VALUES (1, 'nut'); SELECT pg_sleep(s) FROM pauses"
    lost = await crashing(home, ScriptedExecutor(well))
    await save(lost, *INVENTORY)
    accepted = await start(lost, step=sql("pay", text, **at(postgres, db), **ledger))
    await eventually(lambda: postgres.at_work(db))
    postgres.query(db, "DELETE FROM pauses")
    await abandon(lost)
    async with engine(home) as (opened, _):
        run = await ended(opened, accepted.id)
        (row,) = await targets_of(opened, run.id)
    assert row.state is state, row.message
    assert postgres.query(db, "SELECT count(*) FROM goods") == [(number,)]


@needs_postgres
async def test_an_engine_that_is_lost_after_the_commit_does_nothing_twice(
    home: Path, postgres: Postgres, db: str
) -> None:
    """The commit is on its way when the engine is lost: it takes effect, and nobody hears of it."""
    postgres.query(
        db,
        "CREATE SEQUENCE ids; GRANT USAGE ON ids TO app;"
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON goods DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    pay = sql(
        "pay",
        "INSERT INTO goods VALUES (nextval('ids'), 'nut')",
        ledger="ledger",
        **at(postgres, db),
    )
    with postgres.connect(db) as gate:
        gate.execute("SELECT pg_advisory_lock(7)")
        lost = await crashing(home, ScriptedExecutor(well))
        await save(lost, *INVENTORY)
        accepted = await start(lost, step=pay)
        await eventually(lambda: postgres.at_work(db) == ["COMMIT"])
        deaf_to_cancels(lost)
        await abandon(lost)
        async with engine(home) as (opened, _):
            # The second engine waits at the ledger row of the first until that is decided.
            await eventually(lambda: any("ledger" in each for each in postgres.at_work(db)))
            gate.execute("SELECT pg_advisory_unlock(7)")
            run = await ended(opened, accepted.id)
            said = await printed(opened, run.id)
            (row,) = await targets_of(opened, run.id)
    assert row.state is TargetState.SUCCESS, row.message
    assert b"it had taken effect already" in said
    assert postgres.query(db, "SELECT count(*) FROM goods") == [(1,)]
    assert postgres.query(db, "SELECT count(*) FROM ledger") == [(1,)]


def deaf_to_cancels(lost: Engine) -> None:
    """An engine that is killed asks nobody to end anything."""
    for executor in lost._executors:
        for attempt in getattr(executor, "_live", ()):
            attempt.interrupt = lambda: None


@needs_postgres
async def test_a_stopped_run_ends_its_query(home: Path, postgres: Postgres, db: str) -> None:
    async with engine(home) as (opened, _):
        await save(opened, *INVENTORY)
        accepted = await start(opened, step=sql("s", "SELECT pg_sleep(3600)", **at(postgres, db)))
        await eventually(lambda: postgres.at_work(db))
        await opened.runs.act(accepted.id, Stop(), "test")
        run = await ended(opened, accepted.id)
        (row,) = await targets_of(opened, run.id)
    assert run.state is RunState.STOPPED
    assert (row.code, row.message) == (TargetCode.CANCELLED, "cancelled; nothing took effect")
    assert postgres.at_work(db) == []
