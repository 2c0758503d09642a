"""`jobdeck hosts`: what is known of one host, and what people say of it."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.cli import options
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.i18n import _
from console.presenters.acting import notes_table
from console.presenters.facts import facts_table, history_lines, samples_table
from console.presenters.hosts import state_lines
from console.presenters.text import Span, Tone
from core.clock import SystemClock

app = family()

_LISTED = 30
_MOST_SAMPLES = 2000

Host = Annotated[str, typer.Argument(metavar="HOST")]


@command(
    app,
    "facts",
    _("Show what is known of a host, or with --history what changed and when."),
    """
jobdeck hosts facts web01
jobdeck hosts facts web01 --history
""",
)
def facts(
    host: Host,
    history: Annotated[
        bool, typer.Option("--history", help=_("what changed, newest first"))
    ] = False,
    as_json: Json = False,
) -> None:
    with engine() as client:
        found = client.host_facts(host)
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    if found.at is None:
        hint = _("nothing was gathered yet: jobdeck facts gather --on {host}").format(host=host)
        err().print(Span(hint, Tone.QUIET))
        return
    now = SystemClock().now()
    if history:
        out().lines(history_lines(found.history, now))
    else:
        out().table(facts_table(found, now))


@command(
    app,
    "samples",
    _(
        "List samples of a host, newest first: load, free memory, free space.\n\n"
        "Each gathering of facts is one; `facts_s` in the host's document makes them by itself."
    ),
)
def samples(
    host: Host,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help=_("at most so many (30)"))
    ] = None,
    as_json: Json = False,
) -> None:
    count = options.whole("--limit", limit, 1, _MOST_SAMPLES) or _LISTED
    with engine() as client:
        found = client.samples(host, limit=count)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().table(samples_table(found, SystemClock().now()))


@command(
    app,
    "maintenance",
    _(
        "Put hosts into maintenance, or take them out of it.\n\n"
        "Runs leave out hosts in maintenance and say so, unless they are started with"
        " --include-away. What runs already goes on."
    ),
    """
jobdeck hosts maintenance web01 on --for 2h --reason 'new disk'
jobdeck hosts maintenance web[01-04] off
""",
)
def maintenance(
    hosts: Annotated[str, typer.Argument(metavar="HOSTS")],
    state: Annotated[str, typer.Argument(metavar="on|off")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help=_("why; kept with who and when"))
    ] = "",
    time: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help=_("ends by itself after: 30m, 2h")),
    ] = None,
    as_json: Json = False,
) -> None:
    is_on = options.one_of("STATE", state, ("on", "off")) == "on"
    if time is not None and not is_on:
        raise options.refuse("--for", _("it goes with `on`"))
    names = options.host_list("HOSTS", hosts)
    for_s = options.seconds("--for", time)
    with engine() as client:
        found = client.set_maintenance(names, on=is_on, reason=reason, for_s=for_s)
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().lines(state_lines(found, SystemClock().now()))


@command(
    app,
    "note",
    _("Leave a note on a host, or list its notes.\n\nNotes are kept with who and when."),
    """
jobdeck hosts note web01 'its fan is loud, ticket 123'
jobdeck hosts note web01
""",
)
def note(
    host: Host,
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]")] = None,
    as_json: Json = False,
) -> None:
    if text is not None and not text.strip():
        raise options.refuse("TEXT", _("it is empty"), _("jobdeck hosts note HOST 'new disk'"))
    with engine() as client:
        if text is not None:
            client.note_host(host, text)
            err().print(_("noted"))
            return
        found = client.host_notes(host)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().table(notes_table(found, SystemClock().now()))
