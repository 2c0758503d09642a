"""Dry runs through the API: made, kept, probed, started from, and out of date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Stream
from core.executors.scripted import Behaviour
from core.storage import plans
from core.storage.plans import KEPT
from tests.support.api import Api, command, host, running_api

READY = (
    b"clock=1\nuser=deploy\ninterpreter sh=/bin/sh\ninterpreter bash=/bin/bash\nspool=/x\n"
    b"free=9999999\ntmp_free=9999999\nsetsid=yes\ntail=gnu\n"
)
JOB = {
    "kind": "job",
    "name": "deploy",
    "spec": {
        "targets": "web*",
        "parameters": [
            {"name": "version", "default": "1.0"},
            {"name": "TOKEN", "type": "secret", "required": True},
        ],
        "steps": [
            {"name": "install", "kind": "command", "command": "echo hello", "timeout_s": 30},
            {"name": "check", "kind": "script", "script": {"name": "check"}},
        ],
    },
}
SCRIPT = {"kind": "script", "name": "check", "spec": {"language": "bash", "text": "echo one"}}
PROD = {"kind": "environment", "name": "prod", "spec": {"confirm": True}}


def files_with(folder: Path, data: bytes) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and data in file.read_bytes()]


@pytest.fixture
async def web(api: Api) -> Api:
    """Two hosts in an environment that asks, one in none, and a job over all of them."""
    await api.apply(
        PROD, host("web1", environment="prod"), host("web2", environment="prod"), host("web3"),
        SCRIPT, JOB,
    )  # fmt: skip
    return api


async def planned(api: Api, level: str = "plan", **request: Any) -> dict[str, Any]:
    answer = await api.post("/plans", {"request": request, "level": level})
    assert answer.status_code == (202 if level == "probe" else 201), answer.text
    assert answer.headers["Location"].endswith(answer.json()["id"])
    return dict(answer.json())


async def probed(api: Api, **request: Any) -> dict[str, Any]:
    """A probe that has ended."""
    plan_id = (await planned(api, "probe", **request))["id"]
    return await seen(api, plan_id, lambda plan: plan["state"] != "probing")


async def seen(api: Api, plan_id: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The plan, once it fits."""
    async with asyncio.timeout(20):
        while True:
            plan: dict[str, Any] = (await api.get(f"/plans/{plan_id}")).json()
            if fits(plan):
                return plan


async def test_a_plan_shows_what_a_start_would_do_and_reaches_nobody(web: Api) -> None:
    plan = await planned(web, job="deploy", parameters={"version": "2"})
    assert web.executor.started == {}
    assert (plan["level"], plan["state"], plan["origin"]) == ("plan", "ready", "job/deploy@1")
    assert plan["hosts"] == "web[1-3]"
    assert [(s["step"], s["count"], s["timeout_s"], s["script"]) for s in plan["steps"]] == [
        ("install", 3, 30, None),
        ("check", 3, None, "check@1"),
    ]
    assert (plan["parameters"], plan["secrets"]) == ({"version": "2"}, {"TOKEN": "***"})
    rails = {place["environment"]: (place["hosts"], place["confirm"])
             for place in plan["environments"]}  # fmt: skip
    assert rails == {"prod": ("web[1-2]", True), "": ("web3", False)}
    assert (plan["refusals"], plan["confirm_hosts"]) == ([], 3)
    shown = (await web.get(f"/plans/{plan['id'][:12].lower()}")).json()
    assert shown == plan
    listed = (await web.get("/plans")).json()["items"]
    assert [item["id"] for item in listed] == [plan["id"]]


async def test_a_plan_shows_what_would_refuse_a_start(web: Api) -> None:
    await web.apply({**PROD, "spec": {"read_only": True, "change_required": True}})
    plan = await planned(web, job="deploy")
    assert [refusal["where"] for refusal in plan["refusals"]] == ["environment prod"] * 2


async def test_no_secret_is_kept_with_a_plan(web: Api, home: Path) -> None:
    await planned(web, job="deploy", parameters={"TOKEN": "hunter2"}, secrets={"A": "hunter3"})
    assert files_with(home, b"hunter") == []


async def test_a_run_is_started_from_a_plan_once(web: Api) -> None:
    plan = await planned(web, job="deploy", change="CHG-1")
    start = {"plan": plan["id"], "parameters": {"TOKEN": "hunter2"}, "confirm_hosts": 3}
    asked = await web.post("/runs", {**start, "confirm_hosts": None})
    assert asked.json()["code"] == "confirmation-required"
    run_id = await web.run(start)
    run = (await web.get(f"/runs/{run_id}")).json()
    assert (run["origin"], run["change"], run["counts"]) == (
        "job/deploy@1",
        "CHG-1",
        {"success": 6},
    )
    assert (await web.get(f"/plans/{plan['id']}")).json()["run_id"] == run_id
    before = web.journal_end
    again = await web.post("/runs", start)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert run_id in again.json()["detail"]
    assert web.journal_end == before


async def test_a_plan_does_not_start_when_something_else_would_run(web: Api) -> None:
    plan = await planned(web, job="deploy")
    await web.apply({**SCRIPT, "spec": {"language": "bash", "text": "echo two"}}, host("web4"))
    before = web.journal_end
    start = {"plan": plan["id"], "parameters": {"TOKEN": "x"}}
    refused = await web.post("/runs", start)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "plan-out-of-date")
    said = {item["where"]: item["what"] for item in problem["problems"]}
    assert said["steps.install.hosts"] == "was web[1-3], is web[1-4] now"
    assert said["scripts.check.text"] == "was echo one, is echo two now"
    assert web.journal_end == before
    compared = (await web.get(f"/plans/{plan['id']}/comparison")).json()
    assert compared["run_id"] is None
    assert {change["path"] for change in compared["definition"]} == said.keys()


async def test_a_start_without_the_secrets_of_its_plan_is_refused(web: Api) -> None:
    plan = await planned(web, job="deploy")
    refused = await web.post("/runs", {"plan": plan["id"], "confirm_hosts": 3})
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["where"] == "parameters.TOKEN"


async def test_a_probe_says_how_ready_each_host_is(web: Api) -> None:
    no = TargetError(TargetCode.HOST_KEY_PENDING, "host web2 shows a key that nobody has approved")
    without = READY.replace(b"/bin/bash", b"")
    web.hosts.behaviours.update(
        web1=Behaviour(output=((Stream.OUT, READY),)),
        web2=Behaviour(refuses=no),
        web3=Behaviour(output=((Stream.OUT, without),)),
    )
    plan = await probed(web, job="deploy")
    found = {item["host"]: (item["state"], item["code"]) for item in plan["findings"]}
    assert found == {
        "web1": ("success", None),
        "web2": ("host_key_failed", "HostKeyPending"),
        "web3": ("submit_failed", "InterpreterMissing"),
    }
    assert plan["findings"][0]["notes"] == ["clock-skew"]
    assert plan["findings"][0]["facts"]["interpreters"] == {
        "sh": "/bin/sh",
        "bash": "/bin/bash",
    }
    assert (plan["state"], plan["counts"]) == (
        "ready",
        {"success": 1, "host_key_failed": 1, "submit_failed": 1},
    )


async def test_a_probe_is_compared_with_the_run_that_followed(web: Api) -> None:
    web.hosts.behaviours["web2"] = Behaviour(
        refuses=TargetError(TargetCode.CONNECTION_FAILURE, "web2 does not answer")
    )
    plan = await probed(web, step=command()["step"], targets="web*")
    del web.hosts.behaviours["web2"]
    run_id = await web.run({"plan": plan["id"], "confirm_hosts": 3})
    found = (await web.get(f"/plans/{plan['id']}/comparison")).json()
    assert found["run_id"] == run_id
    assert found["definition"] == []
    groups = {group["folded"]: group for group in found["groups"]}
    assert groups["web2"]["difference"] == "state"
    assert groups["web2"]["a"] == {"state": "unreachable", "exit_code": None}


async def test_a_probe_is_cancelled_and_keeps_what_it_saw(web: Api) -> None:
    web.hosts.behaviours.update(
        web1=Behaviour(output=((Stream.OUT, READY),)), web2=Behaviour(until=asyncio.Event())
    )
    plan = await planned(web, "probe", step=command()["step"], targets="web1,web2")
    await seen(web, plan["id"], lambda plan: len(plan["findings"]) == 1)
    ended = await web.post(f"/plans/{plan['id']}/actions", {"action": "cancel"})
    assert (ended.status_code, ended.json()["state"]) == (200, "cancelled")
    found = (await web.get(f"/plans/{plan['id']}")).json()["findings"]
    assert [(item["host"], item["code"]) for item in found] == [
        ("web1", None),
        ("web2", "Cancelled"),
    ]
    again = await web.post(f"/plans/{plan['id']}/actions", {"action": "cancel"})
    assert (again.status_code, again.json()["code"]) == (409, "illegal-transition")


async def test_an_engine_that_stops_keeps_what_its_probe_saw(home: Path) -> None:
    async with running_api(home / "j") as api:
        await api.apply(host("web1"))
        api.hosts.behaviours["web1"] = Behaviour(until=asyncio.Event())
        plan = await planned(api, "probe", **command(targets="web1"))
    async with running_api(home / "j") as api:
        assert (await api.get(f"/plans/{plan['id']}")).json()["state"] == "cancelled"


async def test_a_probe_of_a_lost_engine_is_interrupted(web: Api) -> None:
    web.hosts.behaviours["web1"] = Behaviour(until=asyncio.Event())
    plan = await planned(web, "probe", step=command()["step"], targets="web1")
    await web.engine.store.writer.write(plans.interrupt)
    assert (await web.get(f"/plans/{plan['id']}")).json()["state"] == "interrupted"


async def test_old_plans_are_forgotten_unless_a_run_came_of_them(web: Api) -> None:
    old = [(await planned(web, **command(targets="web3")))["id"] for _ in range(2)]
    await web.run({"plan": old[0]})
    long_ago = (web.engine.clock.now() - 2 * KEPT).isoformat()
    await web.engine.store.writer.write(
        lambda tx: tx.connection.exec_driver_sql("UPDATE plan SET at = ?", (long_ago,))
    )
    new = (await planned(web, **command(targets="web3")))["id"]
    listed = (await web.get("/plans")).json()["items"]
    assert [item["id"] for item in listed] == [new, old[0]]


CHANCY = {"order": "shuffle", "batch": "2 *2", "stagger": {"min_s": 0.01, "max_s": 0.1}}


@pytest.fixture
async def twelve(api: Api) -> Api:
    await api.apply(*(host(f"web{number}") for number in range(1, 13)))
    return api


async def batches_of(api: Api, run_id: str) -> list[tuple[int, str]]:
    run = (await api.get(f"/runs/{run_id}")).json()
    return [(batch["batch"], batch["folded"]) for batch in run["batches"]]


@pytest.mark.parametrize("says_it_again", [False, True])
async def test_a_run_from_a_plan_has_the_batches_of_the_plan_also_those_by_chance(
    twelve: Api, says_it_again: bool
) -> None:
    request = {**command(), "targets": "web*", "rolling": CHANCY}
    plan = await planned(twelve, **request)
    (step,) = plan["steps"]
    offsets = [batch["offset_s"] for batch in step["batches"]]
    assert [batch["count"] for batch in step["batches"]] == [2, 4, 6]
    compared = (await twelve.get(f"/plans/{plan['id']}/comparison")).json()
    assert compared["definition"] == []

    run_id = await twelve.run({"plan": plan["id"], **(request if says_it_again else {})})

    shown = [(batch["batch"], batch["folded"]) for batch in step["batches"]]
    assert await batches_of(twelve, run_id) == shown
    definition = (await twelve.get(f"/runs/{run_id}/definition")).json()
    assert list(definition["offsets_s"].values()) == [offsets]
    started = [host_ for host_, _ in twelve.executor.works]
    assert set(started[:2]) == set(step["batches"][0]["hosts"])


async def test_each_plan_of_a_shuffle_has_an_order_of_its_own_which_stays(twelve: Api) -> None:
    request = {**command(), "targets": "web*", "rolling": {"order": "shuffle", "batch": "1"}}
    plans_ = [await planned(twelve, **request) for _ in range(3)]
    orders = [[batch["folded"] for batch in plan["steps"][0]["batches"]] for plan in plans_]
    assert len({tuple(order) for order in orders}) == 3

    for plan, order in zip(plans_, orders, strict=True):
        run_id = await twelve.run({"plan": plan["id"]})
        assert [folded for _, folded in await batches_of(twelve, run_id)] == order


async def test_a_plan_of_batches_does_not_start_when_they_would_be_others(twelve: Api) -> None:
    request = {**command(), "targets": "web*", "rolling": {"order": "shuffle", "batch": "50%"}}
    plan = await planned(twelve, **request)
    await twelve.apply(host("web13"))

    refused = await twelve.post("/runs", {"plan": plan["id"]})

    assert (refused.status_code, refused.json()["code"]) == (409, "plan-out-of-date")


async def test_a_probe_says_where_the_way_to_a_host_stopped(api: Api) -> None:
    await api.apply(host("gate"), host("web1", jump=["gate"]), host("web2"))
    api.hosts.behaviours = {
        "web1": Behaviour(output=((Stream.OUT, READY),)),
        "web2": Behaviour(refuses=TargetError(TargetCode.HOST_KEY_CHANGED, "another key")),
    }

    plan = await probed(api, **command(targets="web*"))

    first, second = plan["findings"]
    assert (first["path"], first["stopped_at"]) == (["gate", "web1"], None)
    assert first["reached_ms"] <= first["took_ms"]
    assert (second["stopped_at"], second["reached_ms"]) == ("host-key", None)
