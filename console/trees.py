"""A run of a flow with the runs that its nodes asked for, read from the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from console.answers import Run, RunDetail
from console.client import Client
from console.presenters.nodes import Branch, is_flow, node_of

_MOST_CHILDREN = 20
"""Runs of one node that are shown; of a for-each there may be thousands."""
_MOST_READ = 1000
_DEEPEST = 10
"""As deep as runs inside runs may go."""


Graph = Mapping[str, Any]
"""The nodes and edges of a run's definition, which never change."""


def graph_of(client: Client, run_id: str, known: dict[str, Graph]) -> Graph:
    """A run's graph; asked for once, and then `known`."""
    if run_id not in known:
        known[run_id] = client.run_definition(run_id)["graph"]
    return known[run_id]


def tree_of(
    client: Client, run: RunDetail, known: dict[str, Graph] | None = None, depth: int = 0
) -> Branch:
    """The run with its nodes; runs of flows inside it are looked into, others named.

    `known`: graphs of runs that were asked for before, for whoever asks again and again.
    """
    known = {} if known is None else known
    children: dict[str, list[Run]] = defaultdict(list)
    for child in client.runs({"parent": run.id}, limit=_MOST_READ):
        children[node_of(child)].insert(0, child)
    return Branch(
        run=run,
        nodes=graph_of(client, run.id, known)["nodes"],
        approvals=client.approvals({"run": run.id, "state": "open"}, limit=_MOST_CHILDREN),
        children={
            node: [_looked_into(client, child, known, depth) for child in found[:_MOST_CHILDREN]]
            for node, found in children.items()
        },
        more={
            node: len(found) - _MOST_CHILDREN
            for node, found in children.items()
            if len(found) > _MOST_CHILDREN
        },
    )


def _looked_into(client: Client, child: Run, known: dict[str, Graph], depth: int) -> Branch | Run:
    if not is_flow(child) or depth >= _DEEPEST:
        return child
    return tree_of(client, client.run(child.id), known, depth + 1)
