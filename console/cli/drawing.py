"""`jobdeck draw`: flows, jobs and runs as texts that other programs draw."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli import options
from console.cli.helping import command, family
from console.cli.runs import find
from console.cli.settings import engine
from console.client import Client
from console.i18n import _

if TYPE_CHECKING:
    from core.domain.run import RunState
    from core.flow.graph import Graph

app = family()

FORMATS = ("mermaid", "dot")
FLOW, JOB, RUN = "flow", "job", "run"


@command(
    app,
    "draw",
    _(
        "Write a flow, a job or a run as a text that other programs draw.\n\n"
        "mermaid: for documents and wikis. dot: for Graphviz. Nodes of a run have the colour of"
        " their state, and its word."
    ),
    """
jobdeck draw flow release > release.mmd
jobdeck draw run last --format dot | dot -Tsvg > run.svg
""",
)
def draw(
    what: Annotated[str, typer.Argument(metavar="KIND", help=_("flow, job or run"))],
    name: Annotated[str, typer.Argument(metavar="NAME|RUN")],
    format_: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=_("mermaid (default), dot"))
    ] = "mermaid",
    down: Annotated[
        bool, typer.Option("--down", help=_("arrows lead down instead of to the right"))
    ] = False,
) -> None:
    kind = options.one_of("KIND", what, (FLOW, JOB, RUN))
    chosen = options.one_of("--format", format_, FORMATS)
    with engine() as client:
        graph, states = of_run(client, name) if kind == RUN else (_graph(client, kind, name), None)
    write(graph, states, chosen, down=down)


def write(
    graph: Graph, states: Mapping[str, RunState] | None, format_: str, *, down: bool = False
) -> None:
    """A graph on stdout; with `states`, nodes by name are coloured."""
    from core.flow.diagram import COLOURS, Direction, dot, mermaid
    from core.flow.picture import picture

    drawn = dot if format_ == "dot" else mermaid
    direction = Direction.DOWN if down else Direction.RIGHT
    colours = None if states is None else COLOURS
    sys.stdout.write(drawn(*picture(graph, states), direction=direction, colours=colours))


def _graph(client: Client, kind: str, name: str) -> Graph:
    """The graph of a saved flow or job."""
    from core.domain.flow import FlowSpec
    from core.domain.job import JobSpec
    from core.flow.graph import Graph, chain

    spec = client.document(kind, name).spec
    if kind == JOB:
        return chain(JobSpec.model_validate(spec).steps)
    flow = FlowSpec.model_validate(spec)
    return Graph(nodes=flow.nodes, edges=flow.wires)


def of_run(client: Client, run: str) -> tuple[Graph, dict[str, RunState]]:
    """The graph that a run executes, and the state of every node that it has come to."""
    from core.domain.run import RunState
    from core.flow.graph import Graph

    detail = client.run(find(client, run))
    graph = Graph.model_validate(client.run_definition(detail.id)["graph"])
    known = set(RunState)
    # Attempts come in their order, so the newest of each step stays.
    found = [step for step in detail.steps if step.state in known]
    return graph, {step.step: RunState(step.state) for step in found}
