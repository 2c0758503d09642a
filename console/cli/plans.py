"""`jobdeck plans`: dry runs that were made, and what came of them."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.cli import options, probing
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.client import Client
from console.i18n import _
from console.presenters.plans import comparison_lines, plans_table
from console.presenters.text import Span, Tone
from core.clock import SystemClock
from core.errors import NotFound

app = family(_("Look at dry runs, and compare them with the runs that followed."))

LAST = "last"
_LISTED = 30

PlanId = Annotated[
    str,
    typer.Argument(
        metavar="PLAN", help=_("id of a plan, or a beginning that no other has, or `last`")
    ),
]


def find(client: Client, plan_id: str) -> str:
    """The id to ask for; `last` is the newest plan."""
    if plan_id != LAST:
        return plan_id
    newest = client.plans(limit=1)
    if not newest:
        raise NotFound("plan", LAST)
    return newest[0].id


@command(
    app,
    "list",
    _(
        "List dry runs, newest first.\n\n"
        "They are made with --plan, --probe and --check of `jobdeck run` and `jobdeck start`, and kept for"
        " 30 days, or as long as a run that was started from one."
    ),
)
def list_plans(
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help=_("at most so many (30)"))
    ] = None,
    as_json: Json = False,
) -> None:
    count = options.whole("--limit", limit, 1, 100_000) or _LISTED
    with engine() as client:
        found = client.plans(limit=count)
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().table(plans_table(found, SystemClock().now()))
    if len(found) == count and limit is None:
        err().print(
            Span(_("the newest {count}; more with --limit").format(count=count), Tone.QUIET)
        )


@command(
    app,
    "show",
    _(
        "Show one dry run: steps, guard rails, and how ready the hosts are.\n\n"
        "A probe that goes on is followed to its end; Ctrl-C cancels it."
    ),
)
def show(
    plan: PlanId,
    hosts: Annotated[
        bool, typer.Option("--hosts", help=_("list every host that was probed"))
    ] = False,
    as_json: Json = False,
) -> int:
    with engine() as client:
        found = client.plan(find(client, plan))
        found = probing.follow(client, found, quiet=as_json)
    probing.show(found, as_json=as_json, hosts=hosts)
    return probing.exit_code(found)


@command(
    app,
    "compare",
    _(
        "Compare a dry run with the run that was started from it, or with another.\n\n"
        "A plan that nothing was started from is compared with what would run now. Where hosts"
        " were probed, what was to be expected of them stands beside how they answered."
    ),
    """
jobdeck plans compare last
jobdeck plans compare 01KAAAAAAA --run 01KBBBBBBB
""",
)
def compare(
    plan: PlanId,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help=_("this run, instead of its own"))
    ] = None,
    as_json: Json = False,
) -> None:
    with engine() as client:
        found = client.compare_plan(find(client, plan), run)
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().lines(comparison_lines(found))
