"""`jobdeck events`: the journal, as a list or as it grows."""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
import typer

from console.answers import Event
from console.cli import options
from console.cli.helping import command, family
from console.cli.printing import Screen, out
from console.cli.settings import engine
from console.i18n import _
from console.presenters.durations import clock_time
from console.presenters.text import Span, Tone
from core.clock import SystemClock

app = family(_("Read the journal."))

_LISTED = 100


@command(
    app,
    "events",
    _(
        "List or follow everything that happened, oldest first.\n\n"
        "Every change has an entry with a number that rises; --after goes on where you stopped."
        " Without it the newest entries are shown."
    ),
    """
jobdeck events --follow --type run.state
jobdeck events --after 1200 --json
""",
)
def events(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help=_("wait for more, until Ctrl-C"))
    ] = False,
    after: Annotated[
        str | None, typer.Option("--after", metavar="N", help=_("only after this entry"))
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help=_("such as run.state; may be repeated")),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option("--subject", metavar="NAME", help=_("about this: host/web01, a run's id")),
    ] = None,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help=_("at most so many (100)"))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("one JSON object a line"))] = False,
) -> None:
    options.exclusive({"--follow": follow, "--limit": limit is not None})
    start = options.whole("--after", after, 0)
    count = options.whole("--limit", limit, 1, 1000) or _LISTED
    query: dict[str, Any] = {"after": start, "type": kinds, "subject": subject}
    screen = out()
    with engine() as client:
        if not follow:
            for event in client.events({**query, "limit": count}).items:
                _show(screen, event, as_json)
            return
        for event in client.follow_events(query):
            _show(screen, event, as_json)
            screen.flush()


def _show(screen: Screen, event: Event, as_json: bool) -> None:
    if as_json:
        screen.json(msgspec.to_builtins(event), indent=None)
        return
    at = clock_time(event.at, SystemClock().now())
    screen.print(
        Span(f"{event.seq:>6}  {at}  ", Tone.QUIET),
        Span(f"{event.type:<18}", Tone.STRONG),
        f"  {event.subject}  {event.actor}  ",
        Span(json.dumps(event.data, ensure_ascii=False), Tone.QUIET),
    )
