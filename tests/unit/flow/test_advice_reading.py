"""Runs as they are on record, read for advice."""

from __future__ import annotations

from typing import Any

from core.flow.advice import Rule, advise
from core.flow.advice.reading import HostAttempt, NodeAttempt, finished_run


def local(name: str, command: str = "true", **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "local", "command": command, **more}


def definition(*nodes: dict[str, Any], edges: str = "", **more: Any) -> dict[str, Any]:
    """`edges`: `a>b b>c`."""
    pairs = [
        dict(zip(("source", "target"), edge.split(">"), strict=True)) for edge in edges.split()
    ]
    return {"graph": {"nodes": list(nodes), "edges": pairs}, **more}


def ran(node: str, started_s: float, ended_s: float, *outputs: str) -> NodeAttempt:
    return NodeAttempt(node, started_s, ended_s, frozenset(outputs))


def test_attempts_of_a_node_are_one_timing() -> None:
    frozen = definition(local("a", timeout_s=60))
    hosts = [
        HostAttempt("a", "web1", 9.0, True),
        HostAttempt("a", "web1", 4.0, False),
        HostAttempt("a", "web2", 5.0, True),
    ]
    (timing,) = finished_run(frozen, [ran("a", 100, 110), ran("a", 120, 125)], hosts).nodes
    assert (timing.started_s, timing.ended_s, timing.attempts) == (100, 125, 2)
    assert timing.hosts_s == {"web1": 4.0, "web2": 5.0}
    assert timing.failed_hosts == {"web2"}
    assert timing.timeout_s == 60


def test_a_node_that_was_not_come_to_and_its_edges_are_left_out() -> None:
    frozen = definition(local("a"), local("b"), local("c"), edges="a>b a>c")
    run = finished_run(frozen, [ran("a", 0, 1), ran("c", 1, 2)], [])
    assert [timing.name for timing in run.nodes] == ["a", "c"]
    assert run.edges == (("a", "c"),)


def test_an_edge_whose_target_began_before_was_not_taken() -> None:
    frozen = definition(local("a"), local("b"), edges="a>b")
    assert finished_run(frozen, [ran("a", 5, 9), ran("b", 0, 2)], []).edges == ()


def uses_of(
    last: dict[str, Any], edge: dict[str, Any] | None = None, **more: Any
) -> frozenset[str]:
    """What `last` is taken to use of the nodes `first` and `build-web`, with their outputs."""
    frozen = definition(local("first"), local("build-web"), last, **more)
    frozen["graph"]["edges"] = [edge] if edge else []
    attempts = [
        ran("first", 0, 1, "version", "image.tag"),
        ran("build-web", 1, 2, "id"),
        ran("last", 2, 3),
    ]
    nodes = {timing.name: timing for timing in finished_run(frozen, attempts, []).nodes}
    assert nodes["first"].uses == nodes["build-web"].uses == frozenset()
    return nodes["last"].uses


def test_a_node_uses_what_it_mentions() -> None:
    assert uses_of(local("last", "echo done")) == frozenset()
    assert uses_of(local("last", "deploy --to $version")) == {"first"}
    assert uses_of(local("last", "deploy ${image_tag} image.tag")) == {"first"}
    assert uses_of(local("last", 'echo ${nodes["build-web"].outputs.x}')) == {"build-web"}
    assert uses_of(local("last", env={"A": "${id} and $version"})) == {"first", "build-web"}
    assert uses_of(local("last", "echo versions identity")) == frozenset()
    condition = {"source": "first", "target": "last", "condition": "nodes.first.failed"}
    assert uses_of(local("last"), condition) == {"first"}


def test_a_node_uses_what_its_script_mentions() -> None:
    step = {"name": "last", "kind": "script", "script": {"name": "shared"}}
    scripts = {"last": {"name": "shared", "text": "echo $version"}}
    assert uses_of(step, scripts=scripts) == {"first"}


def test_parameters_that_nothing_mentions_are_unused_where_all_texts_are_known() -> None:
    frozen = definition(local("a", "echo $env"), parameters={"env": "prod", "old": 1})
    (found,) = advise([finished_run(frozen, [ran("a", 0, 1)], [])])
    assert (found.rule, found.evidence["variables"]) == (Rule.UNUSED_VARIABLES, ("old",))

    push = {"name": "p", "kind": "push", "files": ["/etc/motd"], "to": "/tmp/"}
    filled = definition(local("a"), push, parameters={"old": 1})
    assert finished_run(filled, [ran("a", 0, 1)], []).declared == frozenset()
