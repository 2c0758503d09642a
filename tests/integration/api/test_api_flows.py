"""What stands against a saved flow by the documents of now: all of it, each with its node."""

from __future__ import annotations

from typing import Any

from tests.support.api import Api, host


def flow(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "flow", "name": "f", "spec": {"targets": "h1", **more, "nodes": list(nodes)}}


def job(**parameter: Any) -> dict[str, Any]:
    step = {"kind": "command", "name": "go", "command": "true"}
    spec: dict[str, Any] = {"targets": "h1", "steps": [step]}
    if parameter:
        spec["parameters"] = [parameter]
    return {"kind": "job", "name": "j", "spec": spec}


async def test_a_flow_that_could_start_has_no_problem(api: Api) -> None:
    await api.apply(host("h1"), job(), flow({"kind": "run", "name": "call", "job": "j"}))
    assert (await api.get("/flows/f/problems")).json() == {"problems": []}


async def test_every_node_that_fits_no_more_is_named(api: Api) -> None:
    calls = ({"kind": "run", "name": name, "job": "j"} for name in ("one", "two"))
    await api.apply(host("h1"), job(), flow(*calls))
    await api.apply(job(name="WHAT", required=True))

    found = (await api.get("/flows/f/problems")).json()["problems"]

    assert [each["where"] for each in found] == [
        "flow nodes[0].parameters",
        "flow nodes[1].parameters",
    ]
    assert "WHAT is required by what is run" in found[0]["what"]


async def test_a_flow_without_hosts_says_so(api: Api) -> None:
    node = {"kind": "command", "name": "a", "command": "true"}
    await api.apply(flow(node, targets="role=web"))
    [found] = (await api.get("/flows/f/problems")).json()["problems"]
    assert "role=web" in f"{found['where']} {found['what']}"


async def test_a_flow_that_is_not_there_is_not_found(api: Api) -> None:
    assert (await api.get("/flows/g/problems")).status_code == 404
