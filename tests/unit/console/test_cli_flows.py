"""What operators see of flows, against a fake API: what is sent, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem, stream
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


def test_a_test_freezes_nodes_to_an_earlier_run(jobdeck: Jobdeck, flow: FakeApi) -> None:
    flow.on("GET", "/documents/flow/f", answer(
        {"kind": "flow", "name": "f", "revision": 2, "spec": {}, "labels": {}}
    ))  # fmt: skip
    where = {"where": "frozen.build", "what": "it did not begin in run 01KA", "hint": ""}
    flow.on("POST", "/runs", problem(422, "invalid", "a node cannot be frozen", problems=[where]))

    ended = jobdeck("flow", "start", "f", "--test", "--freeze", "build=01KA", "-d")

    assert ended.code == 2
    assert flow.sent("POST", "/runs") == [
        {"flow": "f", "test": True, "frozen": {"build": "01KA"}, "parameters": {}}
    ]
    assert "--freeze build: it did not begin in run 01KA" in ended.err


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


# ------------------------------------------------------------------ steering

ACTIONS = f"/runs/{ID}/actions"


@pytest.fixture
def steered(flow: FakeApi) -> FakeApi:
    """A run that takes what is asked of it."""
    foreseen = {
        "ends": [{"step": "build", "count": 2, "hosts": "h[1-2]"}],
        "begins": [{"step": "each"}, {"step": "deploy", "count": 1, "hosts": "h1"}],
    }
    flow.on("POST", f"{ACTIONS}/preview", answer(foreseen))
    flow.on("POST", ACTIONS, answer(row("running"), 202))
    return flow


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("pause", ID, "--reason", "x"), {"action": "pause", "reason": "x"}),
        (("resume", ID), {"action": "resume"}),
        (("pause-before", ID, "deploy"), {"action": "pause_before", "step": "deploy"}),
        (
            ("pause-before", ID, "deploy", "--undo"),
            {"action": "pause_before", "step": "deploy", "wanted": False},
        ),
        (("fail", ID, "build", "-y"), {"action": "fail", "step": "build"}),
        (
            ("choose-way", ID, "which", "--to", "big", "-y", "--change", "C-1"),
            {"action": "choose_way", "step": "which", "to": "big", "change": "C-1"},
        ),
        (
            ("rerun", ID, "build", "-y", "--include-away", "--confirm", "2"),
            {"action": "rerun", "step": "build", "include_away": True, "confirm_hosts": 2},
        ),
        (("roll-back", ID, "-y"), {"action": "roll_back"}),
        (
            ("roll-back", ID, "build", "-y", "-p", "T=s", "--acknowledge", "r"),
            {"action": "roll_back", "step": "build", "secrets": {"T": "s"}, "acknowledge": ["r"]},
        ),
    ],
)
def test_what_is_typed_is_what_is_asked(
    jobdeck: Jobdeck, steered: FakeApi, words: tuple[str, ...], sent: dict[str, Any]
) -> None:
    ended = jobdeck("runs", *words)

    assert ended.code == 0, ended.err
    assert steered.sent("POST", ACTIONS) == [sent]


def test_what_ends_and_begins_is_told_before_it_does(
    jobdeck: Jobdeck, steered: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.cli.steering.may_ask", lambda: True)
    monkeypatch.setattr("console.cli.steering.confirms", lambda _question: False)

    ended = jobdeck("runs", "rerun", ID, "build")

    assert (ended.code, steered.sent("POST", ACTIONS)) == (2, [])
    assert ended.err.startswith(
        "this is ended on its hosts:\n  build  2 hosts  h[1-2]\n"
        "this runs anew, also where it had succeeded:\n  each\n  deploy  1 host  h1\n"
    )


def test_nothing_is_changed_where_nobody_can_be_asked(jobdeck: Jobdeck, steered: FakeApi) -> None:
    ended = jobdeck("runs", "roll-back", ID)

    assert (ended.code, steered.sent("POST", ACTIONS)) == (2, [])
    assert "nobody can be asked whether that is meant; nothing was changed" in ended.err
    assert "hint: --yes" in ended.err


# ------------------------------------------------------------------ validate, show, graph

GOOD = """
kind: flow
name: f
spec:
  targets: web*
  parameters: [{name: VERSION, required: true}]
  nodes:
  - {kind: command, name: build, command: make, undo: clean}
  - {kind: command, name: clean, command: make clean}
  - {kind: exclusive, name: which}
  - {kind: for-each, name: each, items: '[1, 2]', job: j}
  - {kind: wait, name: rest, for_s: 5}
  edges:
  - build -> which
  - which -> each if nodes.build.total > 1
  - which -> rest otherwise
"""


@pytest.fixture
def good(tmp_path: Path) -> str:
    file = tmp_path / "f.yaml"
    file.write_text(GOOD, encoding="utf-8")
    return str(file)


def test_a_sound_file_is_told_to_be_sound_without_an_engine(
    jobdeck: Jobdeck, api: FakeApi, good: str
) -> None:
    ended = jobdeck("flow", "validate", good)

    assert (ended.code, ended.out, ended.err) == (0, "", "nothing is wrong\n")
    assert api.requests == []


def test_all_that_is_wrong_with_a_file_is_told_with_its_node(jobdeck: Jobdeck, good: str) -> None:
    text = GOOD.replace("nodes.build.total", "nodes.biuld.total").replace("-> rest", "-> bed")
    Path(good).write_text(text, encoding="utf-8")

    ended = jobdeck("flow", "validate", good)
    as_json = jobdeck("flow", "validate", good, "--json")

    assert ended.code == as_json.code == 2
    assert "f.yaml:16: spec.edges[2]: there is no node bed" in ended.out
    found = json.loads(as_json.out)
    assert (found["valid"], len(found["problems"])) == (False, len(ended.out.splitlines()))


def test_a_saved_flow_is_validated_by_the_engine(jobdeck: Jobdeck, api: FakeApi) -> None:
    problem = {"where": "flow nodes[0]", "what": "job j does not exist", "hint": "apply it"}
    api.on("GET", "/flows/f/problems", answer({"problems": [problem]}), answer({"problems": []}))

    ended = jobdeck("flow", "validate", "f")

    assert (ended.code, ended.out) == (
        2,
        "✗ flow nodes[0]: job j does not exist (apply it)\n",
    )
    assert jobdeck("flow", "validate", "f").code == 0


def test_a_flow_is_shown_with_its_edges(jobdeck: Jobdeck, good: str) -> None:
    ended = jobdeck("flow", "show", good)

    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert "parameters VERSION (required)" in lines
    assert lines[lines.index("NODE KIND DETAILS") + 1 :] == [
        "build command make undone by clean",
        "→ which",
        "which exclusive",
        "→ each if nodes.build.total > 1",
        "→ rest otherwise",
        "each for-each job j for each of [1, 2]",
        "rest wait 5.0s",
        "clean command make clean",
    ]


def test_a_flow_is_drawn_for_other_programs(jobdeck: Jobdeck, flow: FakeApi, good: str) -> None:
    graph = {"nodes": [{"name": "build", "kind": "command", "command": "x"}]}
    flow.on("GET", f"/runs/{ID}/definition", answer({"graph": graph}))

    drawn = jobdeck("flow", "graph", good).out
    dot = jobdeck("flow", "graph", "--run", ID, "--format", "dot").out

    assert drawn.startswith("flowchart LR\n")
    assert 'n3 -->|"otherwise"| n5' in drawn
    assert dot.startswith("digraph flow {\n")
    assert "build, succeeded" in dot


def test_what_is_wrong_with_a_flow_is_told_in_chinese(
    jobdeck: Jobdeck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "kind: flow\nname: bad\nspec:\n  targets: h1\n  nodes:\n"
        "    - {name: a, kind: command, command: x, undo: gone}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("JOBDECK_LANG", "zh_CN")

    ended = jobdeck("flow", "validate", str(file))

    assert "`undo` 指的步骤不存在：gone" in ended.out
