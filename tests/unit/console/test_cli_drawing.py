"""`jobdeck draw`: saved flows and jobs, and runs, as texts that other programs draw."""

from __future__ import annotations

from typing import Any

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem

RUN_ID = "01JRUN"
NODES = [
    {"name": "build", "kind": "command", "command": "make"},
    {"name": "ask", "kind": "approval", "message": "Go on?", "approvers": {"users": ["ann"]}},
    {"name": "ship", "kind": "command", "command": "make ship", "undo": "take-back"},
    {"name": "take-back", "kind": "command", "command": "make undo"},
]
FLOW = {"nodes": NODES, "edges": ["build -> ask -> ship", "build -> ship if params.hurry"]}


def document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "name": name, "spec": spec}


def test_a_flow_is_drawn_with_the_conditions_of_its_edges(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/documents/flow/release", answer(document("flow", "release", FLOW)))

    ended = jobdeck("draw", "flow", "release", "--down")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "flowchart TB",
        '  n1["build"]',
        '  n2[/"ask"/]',
        '  n3["ship"]',
        '  n4["take-back"]',
        "  n1 --> n2",
        "  n2 --> n3",
        '  n1 -->|"if params#46;hurry"| n3',
        '  n3 -->|"undo"| n4',
    ]


def test_a_job_is_a_chain_of_its_steps(jobdeck: Jobdeck, api: FakeApi) -> None:
    steps = [NODES[0], {"name": "test", "kind": "command", "command": "make test"}]
    api.on("GET", "/documents/job/nightly", answer(document("job", "nightly", {"steps": steps})))

    assert jobdeck("draw", "job", "nightly", "--format", "dot").out.splitlines() == [
        "digraph flow {",
        "  rankdir=LR",
        '  n1 [label="build", shape=box]',
        '  n2 [label="test", shape=box]',
        "  n1 -> n2",
        "}",
    ]


def test_nodes_of_a_run_have_the_state_of_their_newest_attempt(
    jobdeck: Jobdeck, api: FakeApi
) -> None:
    steps = [
        {"step": "build", "attempt": 1, "state": "failed"},
        {"step": "build", "attempt": 2, "state": "succeeded"},
        {"step": "ship", "attempt": 1, "state": "of a newer engine"},
    ]
    about = {"title": "t", "origin": "adhoc", "state": "running", "actor": "a", "created_at": "x"}
    graph = {"nodes": [NODES[0], *NODES[2:]], "edges": [{"source": "build", "target": "ship"}]}
    api.on("GET", f"/runs/{RUN_ID}", answer({"id": RUN_ID, "steps": steps, **about}))
    api.on("GET", f"/runs/{RUN_ID}/definition", answer({"graph": graph}))

    printed = jobdeck("draw", "run", RUN_ID).out

    assert '  n1["build, succeeded"]:::succeeded\n  n2["ship"]\n' in printed
    assert printed.count("classDef") == 1


def test_a_flow_that_is_not_there_draws_nothing(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on(
        "GET", "/documents/flow/relase", problem(404, "not-found", "flow 'relase' does not exist")
    )

    ended = jobdeck("draw", "flow", "relase")

    assert (ended.code, ended.out) == (2, "")
    assert "flow 'relase' does not exist" in ended.err
