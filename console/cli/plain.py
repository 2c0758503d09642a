"""`jobdeck plain`: the console line by line."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import typer

from console.cli.helping import command, family
from console.cli.settings import engine, speak_it
from console.i18n import _
from core.clock import SystemClock

app = family()

_CELLS = 80
"""Width of a line where nothing says it."""


@command(
    app,
    "plain",
    _(
        "Work with Jobdeck line by line: numbered lines to choose from, short questions.\n\n"
        "For screen readers, serial lines and terminals that can do little: nothing moves a cursor"
        " or has a colour. Needs no keys but Enter; `help` tells what can be said."
    ),
    """
jobdeck plain
TERM=dumb jobdeck plain --lang zh_CN
""",
)
def plain(
    _lang: Annotated[
        str | None,
        typer.Option(
            "--lang",
            metavar="LANG",
            help=_("en or zh_CN"),
            callback=speak_it,
            expose_value=False,
        ),
    ] = None,
) -> int:
    from console.plain.pages import Desk
    from console.plain.places.home import home
    from console.plain.talking import converse
    from console.plain.voice import Voice

    voice = Voice(sys.stdin, sys.stdout, lambda: shutil.get_terminal_size((_CELLS, 24)).columns)
    with engine() as client:
        converse(Desk(voice, client, SystemClock()), home)
    return 0
