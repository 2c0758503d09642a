"""Runs through the API: started once, listed, looked at, stopped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.executors.protocol import Stream
from core.executors.scripted import Behaviour
from tests.support.api import Api, command, host
from tests.support.waiting import eventually

JOB = {
    "kind": "job",
    "name": "check",
    "spec": {
        "targets": "web[1-3]",
        "parameters": [{"name": "PLACE", "default": "/var"}, {"name": "PIN", "type": "secret"}],
        "steps": [
            {"kind": "command", "name": "disk", "command": 'df "$PLACE"'},
            {"kind": "local", "name": "report", "command": "true"},
        ],
    },
}


@pytest.fixture
async def web(api: Api) -> Api:
    """Three hosts and a job."""
    await api.apply(host("web1"), host("web2"), host("web3"), JOB)
    return api


async def test_an_accepted_run_is_answered_with_its_place(web: Api) -> None:
    answer = await web.post("/runs", command("uptime", targets="web[1-2]"))
    assert answer.status_code == 202
    run = answer.json()
    assert answer.headers["Location"] == f"/api/v1/runs/{run['id']}"
    assert (run["state"], run["actor"], run["target_count"]) == ("running", "ada", 2)
    await web.ended(run["id"])
    ended = (await web.get(f"/runs/{run['id']}")).json()
    assert (ended["state"], ended["counts"]) == ("succeeded", {"success": 2})


async def test_one_run_shows_its_steps_and_what_was_asked(web: Api) -> None:
    run_id = await web.run({"job": "check", "parameters": {"PLACE": "/srv"}})
    run = (await web.get(f"/runs/{run_id}")).json()
    assert [(step["step"], step["state"]) for step in run["steps"]] == [
        ("disk", "succeeded"),
        ("report", "succeeded"),
    ]
    assert run["origin"] == "job/check@1"
    assert run["actions"] == ["rerun"]
    assert run["definition"] == {
        "secrets": [],
        "targets": "web[1-3]",
        "steps": [
            {"step": "disk", "kind": "command", "count": 3, "carried": None},
            {"step": "report", "kind": "local", "count": 1, "carried": None},
        ],
        "hosts": "(engine),web[1-3]",
        "left_out": {},
        "parameters": {"PLACE": "/srv"},
        "concurrency": 100,
        "timeout_s": None,
        "is_test": False,
        "locks": {},
        "lock_hosts": "none",
        "override": "",
    }


async def test_a_beginning_of_the_id_names_a_run(web: Api) -> None:
    run_id = await web.run(command(targets="web1"))
    for path in ("", "/definition", "/targets", "/groups", "/output?host=web1", "/search?q=w"):
        answer = await web.get(f"/runs/{run_id[:20].lower()}{path}")
        assert answer.status_code == 200, path


async def test_secrets_of_a_run_are_references_everywhere(web: Api) -> None:
    secret = "hunter2-hunter2"
    request = {"job": "check", "parameters": {"PIN": secret}, "secrets": {"TOKEN": secret}}
    run_id = await web.run(request)
    definition = await web.get(f"/runs/{run_id}/definition")
    assert set(definition.json()["secrets"]) == {"PIN", "TOKEN"}
    texts = [definition.text]
    texts += [(await web.get(path)).text for path in (f"/runs/{run_id}", "/events?limit=1000")]
    assert not [text for text in texts if secret in text]


async def test_the_same_key_and_request_start_one_run(web: Api) -> None:
    key = {"Idempotency-Key": "deploy-42"}
    request = command("uptime", targets="web1")
    answers = await asyncio.gather(*(web.post("/runs", request, headers=key) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    (run_id,) = {answer.json()["id"] for answer in answers}
    await web.ended(run_id)
    again = await web.post("/runs", request, headers=key)
    assert (again.json()["id"], again.json()["state"]) == (run_id, "succeeded")
    assert len((await web.get("/runs")).json()["items"]) == 1


async def test_the_same_key_with_another_request_is_refused(web: Api) -> None:
    key = {"Idempotency-Key": "deploy-42"}
    first = await web.post("/runs", command("uptime", targets="web1"), headers=key)
    await web.ended(first.json()["id"])
    before = web.journal_end
    other = await web.post("/runs", command("reboot", targets="web1"), headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert web.journal_end == before


async def test_a_preview_shows_the_batches_that_a_start_with_its_seed_makes(web: Api) -> None:
    rolling = {"batch": "1 +1", "order": "shuffle", "stagger": {"min_s": 1, "max_s": 5}}
    request = command("true", targets="all", rolling=rolling)
    preview = (await web.post("/runs/preview", request)).json()
    (step,) = preview["steps"]
    assert [batch["count"] for batch in step["batches"]] == [1, 2]
    assert step["batches"][0]["offset_s"] == 0
    assert 1 <= step["batches"][1]["offset_s"] <= 5
    assert step["rolling"]["mode"] == "pause_on_fail"
    again = (await web.post("/runs/preview", {**request, "seed": preview["seed"]})).json()
    assert again == preview


async def test_a_preview_says_where_each_step_would_run_and_writes_nothing(web: Api) -> None:
    before = web.journal_end
    preview = (await web.post("/runs/preview", {"job": "check"})).json()
    assert preview == {
        "title": "check",
        "steps": [
            {
                "step": "disk",
                "kind": "command",
                "hosts": ["web1", "web2", "web3"],
                "count": 3,
                "folded": "web[1-3]",
                "rolling": None,
                "batches": [],
            },
            {
                "step": "report",
                "kind": "local",
                "hosts": ["(engine)"],
                "count": 1,
                "folded": "(engine)",
                "rolling": None,
                "batches": [],
            },
        ],
        "acknowledge": [],
        "seed": "",
        "hosts": 3,
        "confirm_hosts": None,
    }
    assert web.journal_end == before


async def test_a_guard_rail_asks_for_the_number_of_hosts(api: Api) -> None:
    await api.apply(
        {"kind": "environment", "name": "prod", "spec": {"confirm": True}},
        host("web1", environment="prod"),
        host("web2", environment="prod"),
    )
    request = command(targets="web*")
    preview = (await api.post("/runs/preview", request)).json()
    assert preview["confirm_hosts"] == 2
    before = api.journal_end
    refused = await api.post("/runs", request)
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["hosts"], problem["touched"]) == (
        409,
        "confirmation-required",
        2,
        {"prod": "web[1-2]"},
    )
    assert api.journal_end == before
    await api.run({**request, "confirm_hosts": 2})


async def test_a_change_number_is_required_kept_and_shown(api: Api) -> None:
    rails = {"change_required": True, "change_pattern": "CHG-[0-9]+"}
    await api.apply(
        {"kind": "environment", "name": "prod", "spec": rails}, host("web1", environment="prod")
    )
    before = api.journal_end
    for wrong in ({}, {"change": "later"}):
        refused = await api.post("/runs", command(targets="web1", **wrong))
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (403, "forbidden")
        assert [place["where"] for place in problem["problems"]] == ["environment prod"]
    assert api.journal_end == before
    run_id = await api.run(command(targets="web1", change="CHG-77"))
    listed = (await api.get("/runs")).json()["items"][0]
    shown = (await api.get(f"/runs/{run_id}")).json()
    assert (listed["change"], shown["change"], shown["parent"]) == ("CHG-77", "CHG-77", None)


async def test_a_read_only_environment_refuses_runs(api: Api) -> None:
    await api.apply(
        {"kind": "environment", "name": "prod", "spec": {"read_only": True}},
        host("web1", environment="prod"),
    )
    before = api.journal_end
    refused = await api.post("/runs", command(targets="web1"))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert api.journal_end == before


async def test_a_live_run_is_cancelled_and_an_ended_one_is_not(web: Api) -> None:
    web.hosts.behaviours["web1"] = Behaviour(until=asyncio.Event())
    run_id = (await web.post("/runs", command("sleep", targets="web1"))).json()["id"]
    assert (await web.get(f"/runs/{run_id}")).json()["actions"] == ["stop"]
    await eventually(lambda: web.executor.running == 1)
    body = {"action": "stop", "reason": "wrong host"}
    asked = await web.post(f"/runs/{run_id}/actions", body)
    assert (asked.status_code, asked.json()["id"]) == (202, run_id)
    await web.ended(run_id)
    run = (await web.get(f"/runs/{run_id}")).json()
    assert (run["state"], run["counts"]) == ("stopped", {"terminated": 1})
    before = web.journal_end
    again = await web.post(f"/runs/{run_id}/actions", body)
    assert (again.status_code, again.json()["code"]) == (409, "illegal-transition")
    assert web.journal_end == before


async def test_runs_are_listed_newest_first_and_narrowed(web: Api) -> None:
    web.hosts.behaviours["web2"] = Behaviour(exit_code=3)
    good = await web.run(command("uptime", targets="web1"))
    bad = await web.run(command("restart now", targets="web2"))
    job = await web.run({"job": "check", "targets": "web3"})

    async def ids(query: str) -> list[str]:
        return [run["id"] for run in (await web.get(f"/runs?{query}")).json()["items"]]

    assert await ids("") == [job, bad, good]
    assert await ids("state=failed") == [bad]
    assert await ids("state=failed&state=succeeded") == [job, bad, good]
    assert await ids("origin=check") == [job]
    assert await ids("origin=adhoc") == [bad, good]
    assert await ids("q=NOW+restart") == [bad]
    assert await ids("host=web1") == [good]
    assert await ids("actor=ada&since=2h") == [job, bad, good]
    assert await ids("actor=bob") == []
    assert await ids("since=2000-01-01") == [job, bad, good]
    assert await ids("since=0s") == []


async def test_pages_of_runs_stay_true_while_runs_are_started(web: Api) -> None:
    started = [await web.run(command(targets="web1")) for _ in range(5)]
    first = (await web.get("/runs?limit=2")).json()
    await web.run(command(targets="web1"))
    seen = [run["id"] for run in first["items"]]
    cursor = first["next_cursor"]
    while cursor is not None:
        page = (await web.get(f"/runs?limit=2&cursor={cursor}")).json()
        seen += [run["id"] for run in page["items"]]
        cursor = page["next_cursor"]
    assert seen == started[::-1]


async def test_targets_come_page_by_page_in_the_run_s_order(web: Api) -> None:
    web.hosts.behaviours["web2"] = Behaviour(exit_code=3)
    run_id = await web.run(command(targets="web*"))
    seen, cursor = list[dict[str, Any]](), ""
    for _ in range(2):
        page = (await web.get(f"/runs/{run_id}/targets?limit=2{cursor}")).json()
        seen += page["items"]
        cursor = f"&cursor={page['next_cursor']}"
    assert [(t["ordinal"], t["host"], t["state"], t["exit_code"]) for t in seen] == [
        (0, "web1", "success", 0),
        (1, "web2", "failed", 3),
        (2, "web3", "success", 0),
    ]
    assert (seen[1]["code"], page["next_cursor"]) == ("NonZeroResultCode", None)


async def test_targets_are_narrowed(web: Api) -> None:
    web.hosts.behaviours["web2"] = Behaviour(exit_code=3)
    run_id = await web.run({"job": "check"})

    async def hosts(query: str) -> list[str]:
        answer = await web.get(f"/runs/{run_id}/targets?{query}")
        return [target["host"] for target in answer.json()["items"]]

    assert await hosts("state=failed") == ["web2"]
    assert await hosts("state=failed&state=success&step=disk") == ["web1", "web2", "web3"]
    assert await hosts("host=web3") == ["web3"]
    assert await hosts("attempt=2") == []


async def test_output_reaches_no_one_but_its_own_run(web: Api) -> None:
    web.hosts.behaviours["web1"] = Behaviour(output=((Stream.OUT, b"first"),))
    first = await web.run(command(targets="web1"))
    web.hosts.behaviours["web1"] = Behaviour(output=((Stream.OUT, b"second"),))
    second = await web.run(command(targets="web1"))
    texts = [(await web.get(f"/runs/{run}/output?host=web1")).text for run in (first, second)]
    assert ["first" in texts[0], "second" in texts[0]] == [True, False]
    assert ["first" in texts[1], "second" in texts[1]] == [False, True]
