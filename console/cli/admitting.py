"""`jobdeck engine freeze | drain | unfreeze`: whether runs may begin."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import typer

from console.cli import options
from console.cli.helping import command, family
from console.cli.liveline import LiveLine
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.client import Client
from console.i18n import _
from console.presenters.queue import admission_text
from console.presenters.text import line
from core.clock import SystemClock

app = family()

_PAUSE_S = 0.2

Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help=_("shown to everybody who has to wait"))
]


@command(
    app,
    "freeze",
    _(
        "Let nothing begin: starts are accepted and wait.\n\n"
        "What has begun goes on, also its later steps. A restart thaws nothing. `--override REASON`"
        " at a start begins it all the same."
    ),
    "jobdeck engine freeze --reason 'the storage is being moved'",
)
def freeze(reason: Reason, as_json: Json = False) -> None:
    with engine() as client:
        found = client.freeze(_checked(reason))
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        err().print(_("the engine is {text}").format(text=admission_text(found)))


@command(
    app,
    "drain",
    _(
        "Refuse new starts; what was accepted goes on to its end, also what waits.\n\n"
        "`jobdeck engine unfreeze` ends it. To stop the engine when its runs have ended:"
        " `jobdeck engine stop --drain`."
    ),
    "jobdeck engine drain --reason 'new memory' --wait",
)
def drain(
    reason: Reason,
    wait: Annotated[bool, typer.Option("--wait", help=_("until no run is left"))] = False,
    as_json: Json = False,
) -> None:
    with engine() as client:
        found = client.drain(_checked(reason))
        if wait:
            _until_empty(client)
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        err().print(_("the engine {text}").format(text=admission_text(found)))


@command(
    app,
    "unfreeze",
    _("Take starts and let them begin again, after a freeze or a drain."),
)
def unfreeze(as_json: Json = False) -> None:
    with engine() as client:
        found = client.unfreeze()
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        err().print(_("the engine takes runs and lets them begin"))


def _checked(reason: str) -> str:
    if not reason.strip():
        raise options.refuse("--reason", _("it is empty"), _("say it to those who have to wait"))
    return reason


def _until_empty(client: Client) -> None:
    screen = LiveLine(err(), SystemClock())
    while True:
        now = client.engine()
        if not now.live_runs and not now.queue.waiting:
            screen.clear()
            return
        text = _("{live} runs go on, {waiting} wait").format(
            live=now.live_runs, waiting=now.queue.waiting
        )
        screen.show(line(text))
        time.sleep(_PAUSE_S)
