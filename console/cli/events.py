"""`jobdeck events`: the journal, as a list or as it grows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Any

import msgspec
import typer

from console.answers import Event
from console.cli import options
from console.cli.helping import command, family
from console.cli.printing import out
from console.cli.settings import engine
from console.i18n import _
from console.presenters.events import event_line
from core.clock import SystemClock

app = family()

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
    count = options.whole("--limit", limit, 1) or _LISTED
    query: dict[str, Any] = {"after": start, "type": kinds, "subject": subject}
    with engine() as client:
        if follow:
            _show(client.follow_events(query), as_json)
        elif start is None:
            wanted = {"type": kinds, "subject": subject}
            _show(client.newest_events(wanted, limit=count), as_json)
        else:
            _show(islice(client.all_events(query), count), as_json)


def _show(events: Iterable[Event], as_json: bool) -> None:
    screen, clock = out(), SystemClock()
    for event in events:
        if as_json:
            screen.json(msgspec.to_builtins(event), indent=None)
        else:
            screen.entry(event_line(event, clock.now()))
        screen.flush()
