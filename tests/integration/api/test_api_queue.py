"""The queue through the API: who waits and why, moving, freezing, draining."""

from __future__ import annotations

import asyncio

from core.executors.scripted import Behaviour
from tests.support.api import Api, command, host

JOB = {
    "kind": "job",
    "name": "alone",
    "spec": {
        "targets": "h",
        "max_runs": 1,
        "lock_hosts": "exclusive",
        "locks": [{"name": "schema"}],
        "steps": [{"kind": "command", "name": "w", "command": "true"}],
    },
}


async def hold(api: Api) -> tuple[asyncio.Event, str]:
    """A run of the job that lasts until the event is set."""
    go = asyncio.Event()
    api.hosts.behaviours["h"] = Behaviour(until=go)
    await api.apply(host("h"), host("g"), JOB)
    started = await api.post("/runs", {"job": "alone"})
    return go, started.json()["id"]


_GOES_ON = ("queued", "running")


async def end(api: Api, run_id: str) -> None:
    """Until a run has ended that may have to wait for its turn."""
    async with asyncio.timeout(20):
        while (await api.get(f"/runs/{run_id}")).json()["state"] in _GOES_ON:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_who_waits_is_listed_in_order_with_everything_in_the_way(api: Api) -> None:
    go, holder = await hold(api)
    waits = (await api.post("/runs", {"job": "alone", "priority": "low"})).json()
    assert (waits["state"], waits["priority"]) == ("queued", "low")
    other = (await api.post("/runs", {"job": "alone"})).json()

    queue = (await api.get("/queue")).json()
    assert (queue["waiting"], queue["begun"], queue["admission"]["mode"]) == (2, 1, "open")
    assert [place["run_id"] for place in queue["places"]] == [other["id"], waits["id"]]
    first = queue["places"][0]
    assert (first["title"], first["owner"], first["position"]) == ("alone", "ada", 1)
    assert [reason["text"] for reason in first["reasons"]] == [
        f"job alone has 1 of at most 1 runs: run {holder}",
        f"waits for run {holder}, which has lock schema",
        f"waits for run {holder} on host h",
    ]
    (only,) = (await api.get("/queue?limit=1")).json()["places"]
    assert only["run_id"] == other["id"]
    status = (await api.get("/engine")).json()["queue"]
    assert (status["waiting"], status["begun"]) == (2, 1)
    assert status["oldest_at"] == waits["created_at"]
    go.set()
    for each in (holder, other["id"], waits["id"]):
        await end(api, each)


async def test_a_run_says_why_it_waits_what_it_holds_or_that_it_has_ended(api: Api) -> None:
    go, holder = await hold(api)
    waits = (await api.post("/runs", {"job": "alone"})).json()["id"]
    why = (await api.get(f"/queue/{waits}")).json()
    assert why["answer"].startswith("job alone has 1 of at most 1 runs")
    assert (why["state"], why["holds"]) == ("queued", [])
    holds = (await api.get(f"/queue/{holder[:20]}")).json()
    assert holds["place"] is None
    assert {(hold["kind"], hold["name"]) for hold in holds["holds"]} == {
        ("lock", "schema"),
        ("host-lock", "h"),
    }
    assert holds["answer"] == "it does not wait: it has begun, and is running"
    go.set()
    await end(api, holder)
    await end(api, waits)
    ended = (await api.get(f"/queue/{holder}")).json()
    assert ended["answer"] == "it does not wait: it is succeeded"


async def test_a_run_is_moved_and_one_that_has_ended_is_not(api: Api) -> None:
    go, holder = await hold(api)
    first, second = [(await api.post("/runs", {"job": "alone"})).json()["id"] for _ in range(2)]
    moved = await api.post(f"/queue/{second}/move", {"priority": "urgent"})
    assert moved.json()["place"]["position"] == 1
    assert (await api.get(f"/runs/{second}")).json()["priority"] == "urgent"
    go.set()
    for each in (holder, second, first):
        await end(api, each)
    refused = await api.post(f"/queue/{first}/move", {"priority": "high"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "its priority decides nothing any more" in refused.json()["detail"]


async def test_a_frozen_engine_accepts_and_a_draining_one_refuses(api: Api) -> None:
    await api.apply(host("h"))
    frozen = (await api.post("/engine/freeze", {"reason": "an audit"})).json()
    assert (frozen["mode"], frozen["reason"], frozen["actor"]) == ("frozen", "an audit", "ada")
    waits = (await api.post("/runs", command(targets="h"))).json()
    assert waits["state"] == "queued"
    begun = (await api.post("/runs", command(targets="h", override="a fire"))).json()
    assert begun["state"] == "running"
    detail = (await api.get(f"/runs/{begun['id']}")).json()
    assert detail["definition"]["override"] == "a fire"
    await api.post("/engine/drain", {"reason": "new memory"})
    refused = await api.post("/runs", command(targets="h"))
    assert (refused.status_code, refused.json()["code"]) == (409, "engine-draining")
    assert (await api.post("/engine/unfreeze")).json()["mode"] == "open"
    for each in (begun, waits):
        await end(api, each["id"])


async def test_who_gives_way_to_whom_is_said_of_both(api: Api) -> None:
    go = asyncio.Event()
    api.hosts.behaviours["h"] = Behaviour(until=go)
    steps = [
        {"kind": "command", "name": name, "command": "true", "preemptible": True} for name in "ab"
    ]
    waits = {"kind": "job", "name": "low", "spec": {**JOB["spec"], "steps": steps}}
    await api.apply(host("h"), host("g"), JOB, waits)
    low = (await api.post("/runs", {"job": "low", "priority": "low"})).json()["id"]
    urgent = (await api.post("/runs", {"job": "alone", "priority": "urgent"})).json()["id"]
    async with asyncio.timeout(20):
        while not (said := (await api.get(f"/runs/{low}/operations")).json()["items"]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (said[0]["action"], said[0]["reason"]) == (
        "give_way",
        f"to run {urgent}, which is urgent",
    )
    gives = (await api.get(f"/queue/{low}")).json()
    assert gives["yields_to"] == urgent
    assert gives["answer"].startswith(f"it goes on, and gives way to run {urgent}")
    why = (await api.get(f"/queue/{urgent}")).json()
    assert why["answer"].endswith(f"run {low} gives way to it, at the end of its step or batch")
    api.hosts.behaviours["h"] = Behaviour(until=(second := asyncio.Event()))
    go.set()
    async with asyncio.timeout(20):
        while not any(  # noqa: ASYNC110
            (place["run_id"], place["gave_way_to"]) == (low, urgent)
            for place in (await api.get("/queue")).json()["places"]
        ):
            await asyncio.sleep(0.01)
    assert (await api.get(f"/runs/{low}")).json()["state"] == "suspended"
    suspended = (await api.get(f"/queue/{low}")).json()["answer"]
    assert suspended.startswith(f"suspended for run {urgent}; it goes on in its turn; ")
    second.set()
    await end(api, urgent)
    async with asyncio.timeout(20):
        while (await api.get(f"/runs/{low}")).json()["state"] != "succeeded":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
