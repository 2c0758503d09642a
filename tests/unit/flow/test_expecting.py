from __future__ import annotations

from typing import Any

from core.flow.expecting import longest_way_s, typical
from core.flow.graph import Graph


def graph(*edges: str, **undo: str) -> Graph:
    pairs = [edge.split("-") for edge in edges]
    names = dict.fromkeys([name for pair in pairs for name in pair] + [*undo.values()])
    nodes: list[dict[str, Any]] = [
        {"kind": "command", "name": name, "command": "true", "undo": undo.get(name)}
        for name in names
    ]
    ends = [{"source": source, "target": target} for source, target in pairs]
    return Graph.model_validate({"nodes": nodes, "edges": ends})


def test_what_a_node_usually_takes_is_the_middle_of_what_it_took() -> None:
    assert typical([("a", 1.0), ("a", 100.0), ("a", 3.0), ("b", 2.0)]) == {"a": 3.0, "b": 2.0}


def test_branches_side_by_side_take_as_long_as_the_longer_one() -> None:
    diamond = graph("a-b", "a-c", "b-d", "c-d")
    assert longest_way_s(diamond, {"a": 1, "b": 2, "c": 5, "d": 1}) == 7


def test_what_never_ran_counts_as_nothing_and_what_only_undoes_is_no_way() -> None:
    assert longest_way_s(graph("a-b", a="u"), {"a": 1, "u": 90}) == 1


def test_nothing_is_known_where_no_node_ever_ran() -> None:
    assert longest_way_s(graph("a-b"), {"x": 1}) is None
