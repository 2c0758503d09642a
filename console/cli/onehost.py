"""`jobdeck hosts`: what is known of one host, and what people say of it."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.i18n import _
from console.presenters.facts import facts_table, history_lines
from console.presenters.text import Span, Tone
from core.clock import SystemClock

app = family()

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
