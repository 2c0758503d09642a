"""Dry runs of level check: what can be tried without an effect is, and of the rest nothing is said."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from core.api.plan_details import detail_of
from core.domain.run import TargetState
from core.flow.definition import RunRequest
from core.flow.dryrun import PlanLevel, PlanState
from core.runtime.engine import Engine
from core.runtime.plans import Plan
from tests.support.runtime import INVENTORY, engine, save
from tests.support.webserver import Reply, WebServer

LAB = {"kind": "environment", "name": "lab", "spec": {"http_networks": ["127.0.0.0/8"]}}
HERE = {
    "kind": "host",
    "name": "here",
    "spec": {"address": "127.0.0.1", "account": "deploy", "environment": "lab"},
}


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE goods (id INTEGER PRIMARY KEY, name TEXT)")
    db.close()
    return file


async def checked(opened: Engine, *steps: dict[str, Any]) -> Plan:
    """A check of these steps, when it has ended."""
    job = {"kind": "job", "name": "steps", "spec": {"steps": steps, "targets": "here"}}
    await save(opened, *INVENTORY, LAB, HERE, job)
    made = await opened.plans.make(RunRequest(job="steps"), PlanLevel.CHECK, "test")
    async with asyncio.timeout(20):
        while (found := await opened.plans.get(made.row.id)).row.state is PlanState.PROBING:  # noqa: ASYNC110 - a probe has no event for it
            await asyncio.sleep(0.01)
    return found


def states(plan: Plan) -> dict[str, TargetState]:
    """Step -> what its check found."""
    return {step: finding.state for finding in plan.findings for step in finding.steps}


async def test_requests_of_a_safe_method_are_tried_and_others_are_not(
    web: WebServer, tmp_path: Path
) -> None:
    web.serve("/good", Reply(200))
    web.serve("/bad", Reply(500))
    steps = [
        {"kind": "http", "name": "good", "url": web.url("/good"), "tries": 1},
        {"kind": "http", "name": "bad", "url": web.url("/bad"), "tries": 1},
        {"kind": "http", "name": "change", "url": web.url("/good"), "method": "POST"},
        {"kind": "http", "name": "later", "url": web.url("/${FOUND}")},
        {"kind": "command", "name": "run", "command": "true"},
    ]
    async with engine(tmp_path / "j") as (opened, _):
        plan = await checked(opened, *steps)

        found = states(plan)
        assert found["good"] is TargetState.SUCCESS
        assert found["bad"] is TargetState.FAILED
        assert {"change", "later"}.isdisjoint(found)
        assert (plan.row.target_count, plan.row.counts) == (1, {"submit_failed": 1})
        assert {(each.method, each.target) for each in web.received} == {
            ("GET", "/good"), ("GET", "/bad")
        }  # fmt: skip
        told = {step.step: step.checked for step in detail_of(plan, date(2026, 1, 1)).steps}
        assert told == {"good": True, "bad": True, "change": False, "later": False, "run": False}


async def test_a_database_tells_about_statements_and_carries_out_none(
    shop: Path, tmp_path: Path
) -> None:
    def sql(name: str, text: str, **more: Any) -> dict[str, Any]:
        place = {"database": "sqlite", "path": str(shop)}
        return {"kind": "sql", "name": name, "text": text, **place, **more}

    steps = [
        sql("reads", "SELECT name FROM goods", max_rows=0),
        sql("writes", "INSERT INTO goods VALUES (:id, 'nut')", parameters={"id": 1}),
        sql("wrong", "UPDATE good SET name = 'x' WHERE id = 1"),
        sql("defines", "DROP TABLE goods"),
    ]
    async with engine(tmp_path / "j") as (opened, _):
        plan = await checked(opened, *steps)

        assert states(plan) == {
            "reads": TargetState.SUCCESS,
            "writes": TargetState.SUCCESS,
            "wrong": TargetState.FAILED,
        }
        assert "no such table: good" in plan.findings[-1].message
    with sqlite3.connect(shop) as db:
        assert db.execute("SELECT count(*) FROM goods").fetchone() == (0,)
    db.close()
