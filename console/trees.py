"""A run of a flow with the runs that its nodes asked for, read from the engine."""

from __future__ import annotations

from collections import defaultdict

from console.answers import Run, RunDetail
from console.client import Client
from console.presenters.nodes import Branch, is_flow, node_of

_MOST_CHILDREN = 20
"""Runs of one node that are shown; of a for-each there may be thousands."""
_MOST_READ = 1000
_DEEPEST = 10
"""As deep as runs inside runs may go."""


def tree_of(client: Client, run: RunDetail, depth: int = 0) -> Branch:
    """The run with its nodes; runs of flows inside it are looked into, others named."""
    children: dict[str, list[Run]] = defaultdict(list)
    for child in client.runs({"parent": run.id}, limit=_MOST_READ):
        children[node_of(child)].insert(0, child)
    return Branch(
        run=run,
        nodes=client.run_definition(run.id)["graph"]["nodes"],
        approvals=client.approvals({"run": run.id, "state": "open"}, limit=_MOST_CHILDREN),
        children={
            node: [_looked_into(client, child, depth) for child in found[:_MOST_CHILDREN]]
            for node, found in children.items()
        },
        more={
            node: len(found) - _MOST_CHILDREN
            for node, found in children.items()
            if len(found) > _MOST_CHILDREN
        },
    )


def _looked_into(client: Client, child: Run, depth: int) -> Branch | Run:
    if not is_flow(child) or depth >= _DEEPEST:
        return child
    return tree_of(client, client.run(child.id), depth + 1)
