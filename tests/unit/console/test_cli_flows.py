"""What operators see of flows, against a fake API: what is sent, and what is said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, stream
from tests.unit.console.test_cli_acting import AT, ENGINE, ID, row

CHILD = "01JCHILDEFGHJKMNPQRSTVWXYZ"
APPROVAL = "01JAPPROVEFGHJKMNPQRSTVWXY"


def flow_run(state: str, *steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A run of a flow: a step, a node for each item, an approval, and a step to come."""
    kinds = {"build": "command", "each": "for-each", "ask": "approval", "deploy": "command"}
    return {
        **row(state, origin="flow/f@2"),
        "steps": list(steps),
        "definition": {
            "hosts": "h[1-2]",
            "steps": [{"step": name, "kind": kind} for name, kind in kinds.items()],
        },
        **changes,
    }


def node(name: str, state: str, **more: Any) -> dict[str, Any]:
    return {"step": name, "attempt": 1, "state": state, "started_at": AT, **more}


@pytest.fixture
def flow(api: FakeApi) -> FakeApi:
    """A flow that waits for people, after a node that has asked for a run which failed."""
    steps = (
        node("build", "succeeded", finished_at=AT, counts={"success": 2}),
        node("each", "error_ignored", finished_at=AT, reason="1 of 1 items did not succeed"),
        node("ask", "waiting_user"),
    )
    child = {**row("failed", title="each: f", parent=ID), "id": CHILD, "reason": "h1 said no"}
    approval = {"id": APPROVAL, "run_id": ID, "state": "open", "step": "ask", "message": "go?"}
    nodes = [
        {"name": "build", "kind": "command"},
        {"name": "each", "kind": "for-each", "items": "[1]"},
        {"name": "ask", "kind": "approval", "message": "go?"},
        {"name": "deploy", "kind": "command"},
    ]
    api.on("GET", f"/runs/{ID}", answer(flow_run("waiting_user", *steps)))
    api.on("GET", f"/runs/{ID}/definition", answer({"graph": {"nodes": nodes}}))
    api.on("GET", "/runs", answer({"items": [child]}))
    api.on("GET", "/approvals", answer({"items": [approval]}))
    api.on("GET", f"/runs/{ID}/lost-lines", answer({}))
    api.on("GET", f"/runs/{ID}/groups", answer({"step": "build", "attempt": 1, "groups": []}))
    for more in ("operations", "notes", "targets"):
        api.on("GET", f"/runs/{ID}/{more}", answer({"items": []}))
    api.on("GET", "/engine", answer(ENGINE))
    return api


def test_a_flow_is_shown_as_a_tree_with_what_it_waits_for(jobdeck: Jobdeck, flow: FakeApi) -> None:
    ended = jobdeck("runs", "show", ID)

    assert ended.code == 0, ended.err
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert flow.asked("/runs")["parent"] == [ID]
    for words in (
        "build command ✓ succeeded",
        "each for-each ~ error_ignored",
        "01JCHILDEFGH run ✗ failed",
        "waits for people: go? (`jobdeck approvals show 01JAPPROVEFG`)",
        "deploy command ◦ not begun",
    ):
        assert any(words in line for line in lines), ended.out


def test_a_flow_is_started_where_it_is_to_begin(jobdeck: Jobdeck, flow: FakeApi) -> None:
    flow.on("GET", "/documents/flow/f", answer(
        {"kind": "flow", "name": "f", "revision": 2, "spec": {}, "labels": {}}
    ))  # fmt: skip
    flow.on("POST", "/runs", answer({**row("running"), "warnings": []}, 202))

    ended = jobdeck("flow", "start", "f", "-p", "a=1", "--start-at", "each", "--without", "x", "-d")

    assert ended.code == 0, ended.err
    assert flow.sent("POST", "/runs") == [
        {"flow": "f", "start_at": "each", "without": ["x"], "parameters": {"a": "1"}}
    ]


def test_nodes_that_end_are_told_while_a_flow_is_followed(jobdeck: Jobdeck, flow: FakeApi) -> None:
    def event(seq: int, type_: str, **data: Any) -> tuple[str, str, Any]:
        entry = {"seq": seq, "at": AT, "actor": "x", "type": type_, "subject": ID, "data": data}
        return type_, str(seq), entry

    flow.on("GET", f"/runs/{ID}", answer(flow_run("waiting_user")),
            answer(flow_run("waiting_user")), answer(flow_run("succeeded", finished_at=AT)))  # fmt: skip
    place = {"step": "ask", "attempt": 1}
    flow.on("GET", "/events", stream(
        event(1, "run.step", **place, state="waiting_user", targets=0),
        event(2, "run.state", state="waiting_user", reason=""),
        event(3, "run.step", **place, state="succeeded", reason="bob agreed"),
        event(4, "run.state", state="succeeded"),
    ))  # fmt: skip

    ended = jobdeck("runs", "watch", ID)

    assert ended.code == 0, ended.err
    assert "node ask waits for people: go?\n  jobdeck approvals show 01JAPPROVEFG" in ended.err
    assert "  ✓ succeeded  ask  bob agreed\n" in ended.err


def test_runs_that_runs_asked_for_are_listed_on_demand(jobdeck: Jobdeck, flow: FakeApi) -> None:
    assert jobdeck("runs", "list").code == 0
    assert flow.asked("/runs")["nested"] == ["false"]
    assert jobdeck("runs", "list", "--nested").code == 0
    assert "nested" not in flow.asked("/runs")
    assert jobdeck("runs", "list", "--of", ID).code == 0
    assert flow.asked("/runs")["parent"] == [ID]
