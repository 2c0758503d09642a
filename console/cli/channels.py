"""`jobdeck channels`: who is told of what, what waits, and does a message arrive?"""

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
from console.presenters.channels import channels_table, outbox_table
from console.presenters.text import Span, Tone
from core.clock import SystemClock

app = family(
    _(
        "See who is told of what, and whether messages arrive.\n\n"
        "A channel is a document: `jobdeck help notices`, `jobdeck explain channel`."
    )
)

_names = completing.documents("channel")

_LISTED = 30
_STATES = ("waiting", "sending", "sent", "given_up")


@command(app, "list", _("List channels: what each is told of, what waits, why one fails."))
def list_channels(as_json: Json = False) -> None:
    with engine() as client:
        found = client.channels()
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().table(channels_table(found, SystemClock().now()))


@command(
    app,
    "outbox",
    _("List what was told and what waits, newest first; it is kept for 30 days."),
    """
jobdeck channels outbox --state waiting
jobdeck channels outbox on-call --limit 100
""",
)
def outbox(
    channel: Annotated[
        str | None, typer.Argument(metavar="[CHANNEL]", autocompletion=_names)
    ] = None,
    state: Annotated[str | None, options.one_state(_STATES)] = None,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help=_("at most so many (30)"))
    ] = None,
    as_json: Json = False,
) -> None:
    if state is not None:
        options.one_of("--state", state, _STATES)
    count = options.whole("--limit", limit, 1, 100_000) or _LISTED
    query = {"channel": channel, "state": state}
    with engine() as client:
        found = client.outbox(
            {name: value for name, value in query.items() if value is not None}, limit=count
        )
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().table(outbox_table(found, SystemClock().now()))
    if len(found) == count and limit is None:
        text = _("the newest {count}; more with --limit").format(count=count)
        err().print(Span(text, Tone.QUIET))


@command(
    app,
    "test",
    _(
        "Send a message to a channel now, whatever it wants and whatever the hour.\n\n"
        "It ends when the far side has taken the message, or says why it did not."
    ),
    "jobdeck channels test on-call",
)
def send_test(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", autocompletion=_names)],
    as_json: Json = False,
) -> None:
    with engine() as client:
        found = client.test_channel(channel)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        err().print(_("{name} has taken the message").format(name=found.channel))
