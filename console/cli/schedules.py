"""`jobdeck schedules`: when saved jobs start by themselves, and what became of every slot."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.cli import completing, options
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.i18n import _
from console.moments import moment
from console.presenters.schedules import fires_table, forecast_table, schedules_table, why_line
from core.clock import SystemClock
from core.errors import Invalid

app = family(
    _(
        "Look at schedules, pause them, ask why a slot did not run.\n\n"
        "A schedule is a document: `jobdeck help schedules`, `jobdeck explain schedule`."
    )
)

_FORECAST = 10
_MOST = 1000

_names = completing.documents("schedule")

Schedule = Annotated[str, typer.Argument(metavar="SCHEDULE", autocompletion=_names)]
Limit = Annotated[
    str | None, typer.Option("--limit", metavar="N", help=_("show at most N (1 to 1000)"))
]


@command(
    app,
    "list",
    _(
        "List schedules with their next slot and what became of the last one; with a name, its"
        " ledger."
    ),
    """
jobdeck schedules list
jobdeck schedules list nightly --limit 50
""",
)
def list_schedules(
    name: Annotated[str | None, typer.Argument(metavar="[SCHEDULE]", autocompletion=_names)] = None,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    most = options.whole("--limit", limit, 1, _MOST)
    if name is None and most is not None:
        raise options.refuse("--limit", _("it needs the name of a schedule"))
    now = SystemClock().now()
    with engine() as client:
        if name is None:
            schedules = client.schedules()
            shown, table = msgspec.to_builtins(schedules), schedules_table(schedules, now)
        else:
            fires = client.fires(name, most or _FORECAST)
            shown, table = msgspec.to_builtins(fires), fires_table(fires, now)
    if as_json:
        out().json(shown)
    else:
        out().table(table)


@command(
    app,
    "next",
    _("Show the next slots of a schedule, also those that a calendar will skip."),
    "jobdeck schedules next nightly --limit 20",
)
def forecast(schedule: Schedule, limit: Limit = None, as_json: Json = False) -> None:
    count = options.whole("--limit", limit, 1, _MOST) or _FORECAST
    with engine() as client:
        found = client.forecast(schedule, count)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().table(forecast_table(found))


@command(
    app,
    "why",
    _(
        "Say what became of a slot: its run, or the reason why there is none.\n\n"
        "A time without an offset is this machine's own, and without a date it is today's."
    ),
    """
jobdeck schedules why nightly 02:30
jobdeck schedules why nightly 2026-12-25T02:30
jobdeck schedules why nightly '2026-12-25 01:30+00:00'
""",
)
def why(
    schedule: Schedule,
    at: Annotated[str, typer.Argument(metavar="TIME")],
    as_json: Json = False,
) -> None:
    try:
        asked = moment(at, SystemClock().now())
    except Invalid as error:
        raise options.refuse("TIME", error.message, error.hint) from None
    with engine() as client:
        found = client.why(schedule, asked.isoformat())
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().print(*why_line(found))


@command(
    app,
    "pause",
    _(
        "Start nothing by itself until it is resumed.\n\n"
        "Slots meanwhile are skipped, and their rows say who paused it. Runs that go on do so."
    ),
    "jobdeck schedules pause nightly --reason 'the tape is full'",
)
def pause(
    schedule: Schedule,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help=_("kept with every slot it skips"))
    ] = "",
    as_json: Json = False,
) -> None:
    with engine() as client:
        found = client.pause_schedule(schedule, reason)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        err().print(_("{name} is paused").format(name=schedule))


@command(app, "resume", _("Start again by itself, from the next slot on."))
def resume(schedule: Schedule, as_json: Json = False) -> None:
    with engine() as client:
        found = client.resume_schedule(schedule)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        err().print(_("{name} goes on").format(name=schedule))


@command(
    app,
    "fire",
    _(
        "Start its run now, whatever its trigger, its pause and its overlap say.\n\n"
        "Prints the run's id; `jobdeck runs watch` follows it. Guard rails and rules hold."
    ),
    "jobdeck schedules fire nightly",
)
def fire(schedule: Schedule, as_json: Json = False) -> None:
    with engine() as client:
        run = client.fire_schedule(schedule)
    if as_json:
        out().json(msgspec.to_builtins(run))
    else:
        out().print(run.id)
