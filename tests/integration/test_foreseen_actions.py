"""What an action would do is told before it does: the same nodes and hosts, and nothing changes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from core.executors.scripted import Behaviour
from tests.support.api import Api, host, running_api


def command(name: str) -> dict[str, Any]:
    return {"kind": "command", "name": name, "command": "true"}


NODES: list[dict[str, Any]] = [
    {**command("a"), "undo": "undo-a"},
    {**command("b"), "undo": "undo-b"},
    {"kind": "run", "name": "call", "job": "j"},
    command("undo-a"),
    command("undo-b"),
]


async def test_what_would_run_anew_and_be_undone_is_told_and_nothing_happens(home: Path) -> None:
    async with running_api(home / "j") as api:
        run = await finished(api)

        anew = await foreseen(api, run, action="rerun", step="b")
        undone = await foreseen(api, run, action="roll_back")
        refused = await api.post(f"/runs/{run}/actions/preview", {"action": "pause"})

        assert anew == {"begins": [("b", "h[1-2]"), ("call", "h3")], "ends": []}
        assert undone == {"begins": [("undo-b", "h[1-2]"), ("undo-a", "h[1-2]")], "ends": []}
        assert refused.status_code == 409
        assert (await api.get(f"/runs/{run}")).json()["state"] == "succeeded"


async def test_what_would_be_ended_is_what_is_under_way(home: Path) -> None:
    async with running_api(home / "j") as api:
        await documents(api)
        goes_on = asyncio.Event()
        api.hosts.behaviours["h1"] = Behaviour(until=goes_on)
        run = (await api.post("/runs", {"flow": "f"})).json()["id"]
        async with asyncio.timeout(20):
            while not api.engine.runs.live[run].state.steps:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)

        fail = await foreseen(api, run, action="fail", step="a")
        stop = await foreseen(api, run, action="stop")

        assert fail == stop == {"begins": [], "ends": [("a", "h[1-2]")]}
        goes_on.set()
        await api.ended(run)


async def finished(api: Api) -> str:
    await documents(api)
    return await api.run({"flow": "f"})


async def documents(api: Api) -> None:
    job = {"kind": "job", "name": "j", "spec": {"targets": "h3", "steps": [command("c")]}}
    flow = {"kind": "flow", "name": "f", "spec": {"targets": "h[1-2]", "nodes": NODES}}
    await api.apply(*(host(f"h{n}") for n in (1, 2, 3)), job, flow)


async def foreseen(api: Api, run: str, **action: Any) -> dict[str, Any]:
    answer = await api.post(f"/runs/{run}/actions/preview", action)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return {
        name: [(each["step"], each["hosts"]) for each in found[name]] for name in ("begins", "ends")
    }


async def test_the_step_and_the_hosts_that_it_means_are_told(home: Path) -> None:
    async with running_api(home / "j") as api:
        await documents(api)
        api.hosts.behaviours["h2"] = Behaviour(exit_code=1)
        run = await api.run({"step": command("only"), "hosts": ["h1", "h2"]})

        async def about(**action: Any) -> Any:
            answer = await api.post(f"/runs/{run}/actions/preview", action)
            return answer.json()["about"]

        assert await about(action="retry") == {"step": "only", "count": 1, "hosts": "h2"}
        assert await about(action="ignore") == {"step": "only", "count": 0, "hosts": ""}
        retried = {"action": "retry", "scope": "all"}
        assert (await about(**retried))["hosts"] == "h[1-2]"
