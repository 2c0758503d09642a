"""`jobdeck queue`: which runs wait for their turn, why, and in which order."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.cli import completing, options
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.runs import RunId, find
from console.cli.settings import engine
from console.i18n import _
from console.presenters.queue import queue_lines, queue_table, why_lines
from core.clock import SystemClock
from core.domain.priorities import Priority

app = family(
    _(
        "Look at runs that wait for their turn, ask why, change their priority.\n\n"
        "How it is decided: `jobdeck help queue`."
    )
)

_LISTED = 100
_MOST = 1000


@command(
    app,
    "list",
    _("List runs that wait, the first one first, and why each of them does."),
    "jobdeck queue list --limit 20",
)
def list_queue(
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help=_("show at most N (1 to 1000)"))
    ] = None,
    as_json: Json = False,
) -> None:
    most = options.whole("--limit", limit, 1, _MOST) or _LISTED
    with engine() as client:
        found = client.queue(most)
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().table(queue_table(found, SystemClock().now()))
    err().lines(queue_lines(found))


@command(
    app,
    "why",
    _(
        "Say why a run waits: everything that is in its way now.\n\n"
        "Of a run that has begun it says which locks it holds."
    ),
    """
jobdeck queue why last
jobdeck queue why 01KAAAAAAA --json
""",
)
def why(run: RunId, as_json: Json = False) -> None:
    with engine() as client:
        found = client.why_waits(find(client, run))
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().lines(why_lines(found, SystemClock().now()))


@command(
    app,
    "move",
    _(
        "Give a run another priority: urgent, high, normal, low or background.\n\n"
        "It keeps the time that it has waited."
    ),
    "jobdeck queue move 01KAAAAAAA urgent",
)
def move(
    run: RunId,
    priority: Annotated[
        str, typer.Argument(metavar="PRIORITY", autocompletion=completing.words(Priority))
    ],
    as_json: Json = False,
) -> None:
    wanted = options.one_of("PRIORITY", priority, [*Priority])
    with engine() as client:
        found = client.move_run(find(client, run), wanted)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().lines(why_lines(found, SystemClock().now()))
