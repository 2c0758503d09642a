"""`jobdeck runs`: what ran, what runs, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from console.answers import RunDetail
from console.cli import options, watching
from console.cli.flaggroups import gathered
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.cli.starting import ShowFlags
from console.cli.views import GroupsView, failed_targets
from console.client import Client
from console.i18n import _
from console.presenters import results
from console.presenters.acting import notes_table, operations_table
from console.presenters.batches import batches_table
from console.presenters.carried import carried_table
from console.presenters.dangers import dangers_table
from console.presenters.lists import runs_table, targets_table
from console.presenters.nodes import is_flow, nodes_table
from console.presenters.run import carried_of, detail_table, latest_steps, steps_table
from console.presenters.text import Span, Tone
from console.trees import tree_of
from core.clock import SystemClock
from core.domain.run import AWAITING_TURN, RunState
from core.errors import RequestError

app = family(_("Look at runs, follow them, act on them."))

LAST = "last"
_LISTED = 30

RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help=_("id of a run, or a beginning that no other has, or `last`")
    ),
]
StepName = Annotated[
    str | None, typer.Option("--step", metavar="NAME", help=_("this step (the newest one)"))
]
Attempt = Annotated[
    str | None, typer.Option("--attempt", metavar="N", help=_("this attempt (the latest one)"))
]


def find(client: Client, run_id: str) -> str:
    """The id to ask for; `last` is the newest run."""
    if run_id != LAST:
        return run_id
    # A run that another run asked for, such as a health check, is nobody's last one.
    newest = client.runs({"nested": False}, limit=1)
    if not newest:
        raise RequestError(
            _("there is no run yet, so none is the last"),
            hint=_("`jobdeck run` and `jobdeck start` start one"),
        )
    return newest[0].id


def place_of(step: str | None, attempt: str | None) -> dict[str, Any]:
    """Query that names an attempt of a step; nothing means the newest."""
    return {"step": step, "attempt": options.whole("--attempt", attempt, 1)}


@command(
    app,
    "list",
    _("List runs, newest first.\n\nWORDS search in titles, steps and targets."),
    """
jobdeck runs list --since 2h --state failed --state partially_succeeded
jobdeck runs list --host web01 nginx
""",
)
def list_runs(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORDS]")] = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help=_("in this state; may be repeated")),
    ] = None,
    job: Annotated[
        str | None,
        typer.Option("--job", metavar="NAME", help=_("of this job or flow; adhoc: of none")),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="USER", help=_("started by this user"))
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help=_("that touched this host"))
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help=_("started since: 2h, 3d, or 2026-01-31")),
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option("--environment", metavar="NAME", help=_("that touch hosts of it")),
    ] = None,
    noted: Annotated[bool, typer.Option("--noted", help=_("with notes"))] = False,
    nested: Annotated[
        bool, typer.Option("--nested", help=_("also runs that other runs asked for"))
    ] = False,
    of: Annotated[
        str | None, typer.Option("--of", metavar="RUN", help=_("those that this run asked for"))
    ] = None,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help=_("at most so many (30)"))
    ] = None,
    as_json: Json = False,
) -> None:
    for name in state or ():
        options.one_of("--state", name, list(RunState))
    query = {
        "state": state,
        "origin": job,
        "actor": by,
        "host": host,
        "since": options.since("--since", since),
        "environment": environment,
        "noted": noted or None,
        "q": " ".join(words or ()) or None,
        # A search for words reads an index that knows no parents.
        "nested": None if nested or of or words else False,
    }
    count = options.whole("--limit", limit, 1, 100_000) or _LISTED
    with engine() as client:
        if of is not None:
            query["parent"] = client.run(find(client, of)).id
        found = client.runs(query, limit=count)
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().table(runs_table(found, SystemClock().now()))
    if len(found) == count and limit is None:
        err().print(
            Span(_("the newest {count}; more with --limit").format(count=count), Tone.QUIET)
        )


@command(app, "show", _("Show one run: its steps, its groups, the hosts that failed."))
def show(
    run: RunId,
    hosts: Annotated[bool, typer.Option("--hosts", help=_("list every host"))] = False,
    step: StepName = None,
    attempt: Attempt = None,
    as_json: Json = False,
) -> None:
    chosen, now = place_of(step, attempt), SystemClock().now()
    with engine() as client:
        detail = client.run(find(client, run))
        if as_json:
            out().json(watching.as_json(client, detail, outputs=False))
            return
        place = client.why_waits(detail.id).place if detail.state in AWAITING_TURN else None
        out().table(detail_table(detail, now, client.lost_lines(detail.id), place))
        out().print("")
        if is_flow(detail):
            out().table(nodes_table(tree_of(client, detail), now))
        else:
            out().table(steps_table(detail.steps, now))
        out().print("")
        if carried := carried_of(detail):
            out().table(carried_table(carried))
            out().print("")
        if detail.batches:
            out().table(batches_table(detail.batches, now))
            out().print("")
        if hosts or step or attempt:
            query = exact_place(detail, chosen)
            out().table(targets_table(list(client.targets(detail.id, query)), now))
            return
        GroupsView(client, detail, out()).end(detail)
        out().lines(results.direct_lines(detail))
        _print_record(client, detail)
        out().flush()
        failed = results.failures(failed_targets(client, detail))
        err().lines(results.next_steps(detail, failed, shown=True))


def _print_record(client: Client, detail: RunDetail) -> None:
    """Rules that it met, what people asked of it since its start, and what they noted."""
    now = SystemClock().now()
    asked, noted = list(client.operations(detail.id)), list(client.notes(detail.id))
    tables = {
        _("Rules:"): dangers_table(detail.dangers, now) if detail.dangers else None,
        _("History:"): operations_table(asked, now) if asked else None,
        _("Notes:"): notes_table(noted, now) if noted else None,
    }
    for title, table in tables.items():
        if table is not None:
            out().print("")
            out().print(Span(title, Tone.STRONG))
            out().table(table)


def exact_place(detail: RunDetail, chosen: dict[str, Any]) -> dict[str, Any]:
    """Step and attempt by name and number: what is left open means the newest."""
    steps = [s for s in latest_steps(detail) if chosen["step"] in (None, s.step)]
    if not steps:
        return chosen
    return {"step": steps[-1].step, "attempt": chosen["attempt"] or steps[-1].attempt}


@command(
    app,
    "watch",
    _("Follow a run to its end.\n\nCtrl-C asks whether to leave it alone or to stop it."),
)
@gathered
def watch(
    run: RunId,
    *,
    show: ShowFlags,
) -> int:
    view = show.view()
    with engine() as client:
        detail = client.run(find(client, run))
        return watching.Watch(client, detail, view, outputs=show.per_host).to_the_end()
