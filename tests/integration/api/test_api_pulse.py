"""The pulse: one answer for a screen that shows everything."""

from __future__ import annotations

import asyncio

from core.executors.scripted import Behaviour
from tests.support.api import Api, command, host


async def test_an_empty_home_says_that_it_is_one(api: Api) -> None:
    found = (await api.get("/pulse")).json()
    assert (found["has_hosts"], found["has_runs"]) == (False, False)
    assert found["running"] == found["failed"] == found["unknown"] == {"count": 0, "newest": []}
    assert found["approvals"] == found["host_keys"] == found["coming"] == found["results"] == []
    assert found["engine"]["state"] == "running"


async def test_what_goes_on_what_failed_and_how_hosts_answered(api: Api) -> None:
    go = asyncio.Event()
    api.hosts.behaviours["bad"] = Behaviour(exit_code=3)
    api.hosts.behaviours["slow"] = Behaviour(until=go)
    await api.apply(host("bad"), host("slow"), host("good"))
    failed = await api.run(command("false", targets="bad,good"))
    live = (await api.post("/runs", command("sleep", targets="slow"))).json()["id"]

    found = (await api.get("/pulse?limit=1")).json()

    assert [run["id"] for run in found["running"]["newest"]] == [live]
    assert [run["id"] for run in found["failed"]["newest"]] == [failed]
    assert found["failed"]["count"] == 1
    (hour,) = found["results"]
    assert hour["counts"] == {"failed": 1, "success": 1}
    assert (found["has_hosts"], found["has_runs"]) == (True, True)
    go.set()


async def test_what_waits_for_somebody_else_is_not_yours(api: Api) -> None:
    rule = {
        "kind": "command-rule",
        "name": "careful",
        "spec": {"words": ["careful"], "level": "review"},
    }
    await api.apply(host("h"), rule)
    await api.post("/runs", command("echo careful", targets="h"))
    found = (await api.get("/pulse")).json()
    assert found["approvals"] == []
    assert found["running"]["count"] == 1
