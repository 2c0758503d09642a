"""Rules for dangerous commands as the API says them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api, running_api

HOST = {"kind": "host", "name": "me", "spec": {"protocol": "local"}}


@pytest.fixture
async def api(home: Path) -> AsyncIterator[Api]:
    async with running_api(home / "j") as running:
        await running.apply(HOST)
        yield running


def job(command: str, **spec: Any) -> dict[str, Any]:
    steps = [{"kind": "command", "name": "s", "command": command}]
    return {"kind": "job", "name": "x", "spec": {"steps": steps, "targets": "me", **spec}}


async def test_a_start_is_told_what_to_acknowledge_and_shows_it_afterwards(api: Api) -> None:
    request = {"step": {"kind": "command", "name": "s", "command": "true || reboot"},
               "targets": "me"}  # fmt: skip

    refused = await api.post("/runs", request)
    started = await api.post("/runs", {**request, "acknowledge": ["stop-machine"]})
    preview = await api.post("/runs/preview", request)

    assert refused.status_code == 409
    assert refused.json()["code"] == "acknowledgement-required"
    assert refused.json()["rules"] == ["stop-machine"]
    assert started.status_code == 202, started.text
    (danger,) = (await api.get(f"/runs/{started.json()['id']}")).json()["dangers"]
    assert (danger["rule"], danger["decision"], danger["column"]) == (
        "stop-machine", "acknowledged", 9
    )  # fmt: skip
    assert preview.json()["acknowledge"] == ["stop-machine"]


async def test_documents_are_told_what_they_meet_and_refused_where_no_start_could_be(
    api: Api,
) -> None:
    asks = await api.post("/apply", {"documents": [job("reboot")], "dry_run": True})
    refused = await api.post("/apply", {"documents": [job("rm -rf /")]})
    created = await api.post("/documents/job", job("rm -rf /"))

    (change,) = asks.json()["changes"]
    assert [danger["rule"] for danger in change["dangers"]] == ["stop-machine"]
    for answer in (refused, created):
        assert answer.status_code == 422
        (found,) = answer.json()["problems"]
        assert found["where"] == "spec.steps[0].command line 1, column 1"
        assert "remove-system" in found["what"]


async def test_command_lines_of_jobs_are_read_as_the_shells_of_their_hosts(api: Api) -> None:
    wipe = "Remove-Item -Recurse -Force C:\\Windows"
    account = {"kind": "account", "name": "admin", "spec": {"user": "admin", "password": "pw-77"}}
    spec = {"protocol": "winrm", "account": "admin"}
    win = {"kind": "host", "name": "win", "labels": {"os": "win"}, "spec": spec}
    group = {"kind": "group", "name": "all-win", "spec": {"expression": "os=win"}}
    await api.apply(account, win)

    blocked = await api.post("/apply", {"documents": [job(wipe, targets="@all-win"), group]})
    posix = await api.post("/apply", {"documents": [job(wipe)], "dry_run": True})
    mixed = await api.post("/apply", {"documents": [job(wipe, targets="me,win")]})
    unknown = await api.post("/apply", {"documents": [job(wipe, targets=None)], "dry_run": True})

    assert blocked.status_code == 422
    assert "remove-drive" in blocked.json()["problems"][0]["what"]
    dangers = [
        [danger["rule"] for change in answer.json()["changes"] for danger in change["dangers"]]
        for answer in (posix, mixed, unknown)
    ]
    assert dangers == [[], ["remove-drive"], []], "where it can run somewhere, it is saved"


async def test_flows_are_told_what_they_meet_as_jobs_are(api: Api) -> None:
    def flow(command: str, nested: str = "true") -> dict[str, Any]:
        step = {"kind": "command", "name": "s", "command": command}
        inner = {"kind": "command", "name": "i", "command": nested}
        each = {"kind": "for-each", "name": "e", "items": "[1]", "step": inner}
        spec = {"targets": "me", "nodes": [step, each]}
        return {"kind": "flow", "name": "f", "spec": spec}

    asks = await api.post("/apply", {"documents": [flow("reboot", "rm -rf /")]})
    refused = await api.post("/apply", {"documents": [flow("rm -rf /")]})

    assert asks.status_code == 200, asks.text
    (change,) = asks.json()["changes"]
    assert [(each["rule"], each["where"]) for each in change["dangers"]] == [
        ("stop-machine", "spec.nodes[0].command"),
        ("remove-system", "spec.nodes[1].step.command"),
    ], "what a node repeats may never be started"
    assert refused.json()["problems"][0]["where"] == "spec.nodes[0].command line 1, column 1"


async def test_a_script_alone_is_saved_and_told(api: Api) -> None:
    script = {"kind": "script", "name": "s", "spec": {"text": "rm -rf /"}}

    answer = await api.post("/apply", {"documents": [script]})

    assert answer.json()["applied"]
    assert [danger["level"] for danger in answer.json()["changes"][0]["dangers"]] == ["block"]


async def test_a_rule_that_holds_on_some_hosts_keeps_no_document_out(api: Api) -> None:
    environment = {"kind": "environment", "name": "prod", "spec": {}}
    rule = {"kind": "command-rule", "name": "r",
            "spec": {"words": ["deploy"], "level": "block", "environments": ["prod"]}}  # fmt: skip

    answer = await api.post("/apply", {"documents": [environment, rule, job("deploy")]})

    assert answer.json()["applied"], answer.text
    assert (await api.delete("/documents/environment/prod")).status_code == 409


async def test_an_exempt_job_is_saved_with_the_rule_that_exempts_it(api: Api) -> None:
    rule = {"kind": "command-rule", "name": "remove-system",
            "spec": {"builtin": "remove-system", "level": "block", "exempt": ["x"]}}  # fmt: skip

    answer = await api.post("/apply", {"documents": [rule, job("true || rm -rf /")]})
    started = await api.post("/runs", {"job": "x"})

    assert answer.json()["applied"], answer.text
    assert started.status_code == 202, started.text


async def test_a_plan_says_what_would_refuse_a_start(api: Api) -> None:
    request = {"step": {"kind": "command", "name": "s", "command": "rm -rf /"}, "targets": "me"}

    plan = (await api.post("/plans", {"request": request})).json()

    assert [danger["rule"] for danger in plan["dangers"]] == ["remove-system"]
    assert "remove-system" in plan["refusals"][0]["what"]
