"""A start answers for the runs inside it: their hosts and their dangers are asked before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.api import Api, host, running_api

CALL = {"kind": "run", "name": "call", "job": "j"}


def documents(command: str = "true", **rails: Any) -> list[dict[str, Any]]:
    """A flow on h1 that runs a job on h2 and h3, which belong to prod."""
    nodes = [{"kind": "command", "name": "a", "command": "true"}, CALL]
    step = {"kind": "command", "name": "go", "command": command}
    return [
        {"kind": "environment", "name": "prod", "spec": rails},
        host("h1"),
        host("h2", environment="prod"),
        host("h3", environment="prod"),
        {"kind": "job", "name": "j", "spec": {"targets": "h[2-3]", "steps": [step]}},
        {"kind": "flow", "name": "f", "spec": {"targets": "h1", "nodes": nodes}},
    ]


async def started(api: Api, **more: Any) -> dict[str, Any]:
    answer = await api.post("/runs", {"flow": "f", **more})
    if answer.status_code == 202:
        await api.ended(answer.json()["id"])
        return dict((await api.get(f"/runs/{answer.json()['id']}")).json())
    return dict(answer.json())


async def test_hosts_inside_count_where_their_number_is_to_be_confirmed(home: Path) -> None:
    async with running_api(home / "j") as api:
        await api.apply(*documents(confirm=True))

        preview = (await api.post("/runs/preview", {"flow": "f"})).json()
        refused = await started(api)
        run = await started(api, confirm_hosts=3)

        assert (preview["hosts"], preview["confirm_hosts"]) == (3, 3)
        assert (refused["code"], refused["hosts"]) == ("confirmation-required", 3)
        assert run["state"] == "succeeded"


async def test_a_rail_of_a_host_inside_refuses_the_start(home: Path) -> None:
    async with running_api(home / "j") as api:
        await api.apply(*documents(read_only=True))
        refused = await started(api)
        assert refused["code"] == "forbidden"
        assert "prod" in refused["problems"][0]["where"]
        assert not api.executor.works


async def test_a_danger_inside_is_acknowledged_at_the_start_and_once(home: Path) -> None:
    async with running_api(home / "j") as api:
        await api.apply(*documents("shutdown -h now"))

        refused = await started(api)
        run = await started(api, acknowledge=["stop-machine"])

        assert refused["code"] == "acknowledgement-required"
        assert refused["problems"][0]["where"].startswith("step call > go: ")
        assert run["state"] == "succeeded"


async def test_running_a_node_anew_asks_for_its_hosts_again(home: Path) -> None:
    async with running_api(home / "j") as api:
        await api.apply(*documents(confirm=True))
        run = await started(api, confirm_hosts=3)
        path = f"/runs/{run['id']}/actions"

        refused = await api.post(path, {"action": "rerun", "step": "call"})
        done = await api.post(path, {"action": "rerun", "step": "call", "confirm_hosts": 2})

        assert refused.json()["code"] == "confirmation-required"
        assert done.status_code == 202, done.text
        await api.ended(run["id"])
        assert [host for _name, host in _works(api)].count("h2") == 2


def _works(api: Api) -> list[tuple[str, str]]:
    return [(work.env["JOBDECK_STEP"], target) for target, work in api.executor.works]


async def test_a_plan_shows_nodes_ways_hosts_inside_and_how_long_it_usually_takes(
    home: Path,
) -> None:
    async with running_api(home / "j") as api:
        await api.apply(*documents(read_only=True))
        request = {"request": {"flow": "f"}, "level": "plan"}
        first = (await api.post("/plans", request)).json()
        await api.apply(*documents())
        await started(api)
        second = (await api.post("/plans", request)).json()

        a, call = first["nodes"]
        assert (a["leads_to"], call["runs"], call["hosts"]) == (["call"], "job/j@1", "h[2-3]")
        assert first["refusals"]
        assert not second["refusals"]
        assert (first["expected_s"], call["typical_s"]) == (None, None)
        assert second["expected_s"] > 0
        assert all(node["typical_s"] is not None for node in second["nodes"])


async def test_a_plan_of_a_flow_is_compared_with_what_would_run_now(home: Path) -> None:
    async with running_api(home / "j") as api:
        await api.apply(*documents())
        plan = (await api.post("/plans", {"request": {"flow": "f"}, "level": "plan"})).json()["id"]

        same = await api.get(f"/plans/{plan}/comparison")

        assert (same.status_code, same.json()["definition"]) == (200, [])

        flow = documents()[-1]
        flow["spec"]["edges"] = ["a -> call on always"]
        await api.apply(flow)
        changed = (await api.get(f"/plans/{plan}/comparison")).json()["definition"]
        [edge] = [each for each in changed if "on always" in str(each.values())]
        assert "on success" in edge.values()


async def test_a_test_that_froze_a_node_is_read_back_and_says_that_it_is_one(home: Path) -> None:
    async with running_api(home / "j") as api:
        await api.apply(*documents())
        before = (await started(api))["id"]

        run = await started(api, test=True, frozen={"call": before})

        assert run["definition"]["is_test"]
        assert [step["kind"] for step in run["definition"]["steps"]] == ["command", "recorded"]
        assert run["steps"][1]["reason"] == f"not performed: outputs of run {before}"
