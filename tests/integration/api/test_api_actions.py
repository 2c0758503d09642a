"""Acting on runs through the API: actions, what was asked, and notes."""

from __future__ import annotations

import asyncio

import pytest

from core.executors.scripted import Behaviour
from tests.support.api import Api, command, host

JOB = {
    "kind": "job",
    "name": "deploy",
    "spec": {
        "targets": "web[1-3]",
        "steps": [
            {"kind": "command", "name": "copy", "command": "true"},
            {"kind": "command", "name": "restart", "command": "true"},
        ],
    },
}


@pytest.fixture
async def failed(api: Api) -> tuple[Api, str]:
    """A run of which one host of three failed in the first of two steps."""
    await api.apply(host("web1"), host("web2"), host("web3"), JOB)
    api.hosts.behaviours["web3"] = Behaviour(exit_code=1)
    run_id = await api.run({"job": "deploy"})
    api.hosts.behaviours.clear()
    return api, run_id


async def test_a_run_offers_what_its_state_allows(failed: tuple[Api, str]) -> None:
    api, run_id = failed
    assert (await api.get(f"/runs/{run_id}")).json()["actions"] == ["retry", "ignore", "rerun"]
    answer = await api.post(f"/runs/{run_id}/actions", {"action": "retry", "reason": "disk full"})
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    await api.ended(run_id)
    ended = (await api.get(f"/runs/{run_id}")).json()
    assert (ended["state"], ended["actions"]) == ("succeeded", ["rerun"])
    assert [(step["step"], step["attempt"]) for step in ended["steps"]] == [
        ("copy", 1), ("copy", 2), ("restart", 1),
    ]  # fmt: skip
    hosts = [target for target, work in api.executor.works if work.env["JOBDECK_ATTEMPT"] == "2"]
    assert hosts == ["web3"]


async def test_what_was_asked_is_listed_oldest_first(failed: tuple[Api, str]) -> None:
    api, run_id = failed
    api.hosts.behaviours["web3"] = Behaviour(exit_code=1)
    body = {"action": "retry", "step": "copy", "hosts": ["web3"], "reason": "once more"}
    await api.post(f"/runs/{run_id}/actions", body)
    await api.ended(run_id)
    await api.post(f"/runs/{run_id}/actions", {"action": "ignore"})
    await api.ended(run_id)
    first = (await api.get(f"/runs/{run_id}/operations?limit=1")).json()
    (retry,) = first["items"]
    assert retry.pop("at")
    assert retry == {
        "actor": "ada", "action": "retry", "step": "copy", "attempt": 2, "batch": None,
        "targets": ["web3"], "reason": "once more", "change": "",
    }  # fmt: skip
    more = await api.get(f"/runs/{run_id}/operations?limit=1&cursor={first['next_cursor']}")
    assert [item["action"] for item in more.json()["items"]] == ["ignore"]
    assert more.json()["next_cursor"] is None


async def test_output_of_a_host_that_was_left_out_is_that_of_its_own_attempt(
    failed: tuple[Api, str],
) -> None:
    api, run_id = failed
    await api.post(f"/runs/{run_id}/actions", {"action": "retry"})
    await api.ended(run_id)
    page = await api.get(f"/runs/{run_id}/output?step=copy&attempt=2&host=web1")
    assert [piece["text"] for piece in page.json()["pieces"]] == ["web1\n"]
    groups = (await api.get(f"/runs/{run_id}/groups?step=copy&attempt=2")).json()["groups"]
    assert sum(group["count"] for group in groups) == 3


async def test_a_run_that_goes_on_can_be_stopped_and_says_so(api: Api) -> None:
    await api.apply(host("web1"))
    api.hosts.behaviours["web1"] = Behaviour(until=asyncio.Event())
    run_id = (await api.post("/runs", command(targets="web1"))).json()["id"]
    assert (await api.get(f"/runs/{run_id}")).json()["actions"] == ["stop"]
    answer = await api.post(f"/runs/{run_id}/actions", {"action": "stop"})
    assert answer.json()["state"] in ("stopping", "stopped")
    await api.ended(run_id)


async def test_notes_are_kept_with_who_and_when_whatever_the_run_s_state(
    failed: tuple[Api, str],
) -> None:
    api, run_id = failed
    assert (await api.get(f"/runs/{run_id}")).json()["notes"] == 0
    for text in ("handled, ticket 123", "  已处理 \n"):
        answer = await api.post(f"/runs/{run_id}/notes", {"text": text})
        assert answer.status_code == 201
    notes = (await api.get(f"/runs/{run_id}/notes")).json()["items"]
    assert [(note["actor"], note["text"]) for note in notes] == [
        ("ada", "handled, ticket 123"), ("ada", "已处理"),
    ]  # fmt: skip
    assert all(note["at"] for note in notes)
    assert (await api.get(f"/runs/{run_id}")).json()["notes"] == 2


async def test_runs_with_notes_can_be_listed_alone(failed: tuple[Api, str]) -> None:
    api, run_id = failed
    other = await api.run(command(targets="web1"))
    await api.post(f"/runs/{run_id}/notes", {"text": "look here"})
    listed = (await api.get("/runs?noted=true")).json()["items"]
    assert [(run["id"], run["notes"]) for run in listed] == [(run_id, 1)]
    listed = (await api.get("/runs?noted=false")).json()["items"]
    assert [run["id"] for run in listed] == [other]


async def test_a_beginning_of_an_id_is_enough_to_act_on_a_run(failed: tuple[Api, str]) -> None:
    api, run_id = failed
    assert (await api.post(f"/runs/{run_id[:16]}/notes", {"text": "x"})).status_code == 201
    assert (await api.post(f"/runs/{run_id[:16]}/actions", {"action": "ignore"})).status_code == 202
    await api.ended(run_id)


async def test_the_request_of_a_run_starts_another_one_like_it(api: Api) -> None:
    secret = "hunter2-hunter2"
    job = {
        "kind": "job", "name": "j",
        "spec": {
            "parameters": [{"name": "V"}, {"name": "PIN", "type": "secret"}],
            "steps": [{"kind": "command", "name": "x", "command": "true"}],
        },
    }  # fmt: skip
    await api.apply(host("web1"), host("web2"), job)
    asked = {
        "job": "j", "targets": "web1", "concurrency": 7, "env": {"A": "1"}, "title": "t",
        "parameters": {"V": "2", "PIN": secret}, "secrets": {"TOKEN": secret}, "timeout_s": 9.0,
    }  # fmt: skip
    run_id = await api.run({**asked, "confirm_hosts": 1})
    found = await api.get(f"/runs/{run_id}/request")
    assert secret not in found.text
    body = found.json()
    assert body["secrets"] == ["PIN", "TOKEN"]
    assert body["origin"] == "job/j@1"
    assert body["request"] == {
        **{key: value for key, value in asked.items() if key != "secrets"},
        "parameters": {"V": "2"},
    }
    again = await api.run(body["request"])
    run = (await api.get(f"/runs/{again}")).json()
    assert (run["title"], run["definition"]["targets"]) == ("t", "web1")
    definition = (await api.get(f"/runs/{run_id}/definition")).text
    assert secret not in definition
