"""Reading a run for its view, in a thread; and what the panes are about, from what was read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from console import answers
from console.answers import Lost, RunDetail
from console.client import Client
from console.presenters.nodes import Branch, is_flow
from console.presenters.run import latest_steps
from console.trees import Graph, graph_of, tree_of
from console.tui.views.run.panes import Seen
from core.domain.run import TERMINAL_RUN_STATES, RunState

LAST = "last"
"""In the place of an id: the newest run that nobody's run asked for."""
_LOOKED_AT = 200
"""Runs among which one of the same kind is looked for."""


@dataclass(frozen=True, slots=True)
class Read:
    """A run as it was read at one moment."""

    run: RunDetail
    tree: Branch
    lost: Lost
    place: answers.Place | None
    """In the queue, while it waits there."""


def read_run(client: Client, asked: str, graphs: dict[str, Graph]) -> Read:
    """The run and all that its head and its steps show; `graphs`: those that are known already."""
    run = client.run(_newest(client) if asked == LAST else asked)
    if is_flow(run):
        graph_of(client, run.id, graphs)
    is_live = run.state not in TERMINAL_RUN_STATES
    return Read(
        run=run,
        tree=tree_of(client, run, graphs) if is_flow(run) else Branch(run=run),
        lost=client.lost_lines(run.id) if is_live else Lost(),
        place=client.why_waits(run.id).place if run.state == RunState.QUEUED else None,
    )


def ids_inside(tree: Branch) -> set[str]:
    """Ids of the runs inside a run, as far as they are shown."""
    found: set[str] = set()
    for children in tree.children.values():
        for child in children:
            if isinstance(child, Branch):
                found |= {child.run.id, *ids_inside(child)}
            else:
                found.add(child.id)
    return found


def about(seen: Seen, node: str) -> Seen:
    """The same, about the node that is pointed at; where none is, about the step that began last."""
    steps = latest_steps(seen.run)
    found = next((each for each in steps if each.step == node), None)
    if found is None and not node:
        found = next((each for each in reversed(steps) if each.counts), None)
    if found is None:
        return replace(seen, step=node, attempt=0, counts={})
    return replace(seen, step=found.step, attempt=found.attempt, counts=dict(found.counts))


def run_before(client: Client, run: RunDetail) -> str:
    """The id of the run before this one of the same job, flow or title; "" where there is none."""
    name = run.origin.partition("/")[2].rpartition("@")[0]
    query = {"origin": name or "adhoc", "nested": False}
    for each in client.runs(query, limit=_LOOKED_AT):
        if each.id < run.id and (name or each.title == run.title):
            return each.id
    return ""


def _newest(client: Client) -> str:
    found = client.runs({"nested": False}, limit=1)
    return found[0].id if found else LAST
