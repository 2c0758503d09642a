"""`jobdeck tui`: the terminal UI."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.helping import command, family
from console.cli.settings import home, is_screen
from console.i18n import _
from core.errors import RequestError

if TYPE_CHECKING:
    from console.presenters.premises import Premises

app = family()

Command = Annotated[list[str] | None, typer.Argument(metavar="[VIEW] [WHAT]...")]


@command(
    app,
    "tui",
    _(
        "Open the terminal UI, as `jobdeck` alone does.\n\n"
        "It is a console like this one: closed, cut off or killed, no run notices. VIEW and WHAT"
        " are what its command bar takes."
    ),
    """
jobdeck
jobdeck tui runs state:failed since:2h
jobdeck tui --write
""",
)
def tui(
    command: Command = None,
    write: Annotated[
        bool, typer.Option("--write", help=_("allow changes in read-only environments"))
    ] = False,
) -> int:
    return show(" ".join(command or ()), write=write)


def show(start: str = "", *, write: bool = False) -> int:
    """Run the terminal UI until it is left; 0."""
    if not is_screen():
        raise RequestError(
            _("this is no terminal that could show a screen"),
            hint=_(
                "`jobdeck plain` works line by line at any; `jobdeck --help` lists commands for scripts"
            ),
        )
    from console import themes
    from console.autostart import ensure_engine
    from console.client import Client
    from console.preferences import PreferenceFile
    from console.tui.app import Habits, JobdeckApp, Ways
    from console.tui.bookmark import Bookmark
    from console.tui.shown import erases_in_colour
    from core.clock import SystemClock

    place, clock = home(), SystemClock()

    def connect() -> Client:
        ensure_engine(place, clock)
        return Client.over_socket(place.socket)

    def around() -> Premises:
        from console.premises import look_around  # time zones, which no first screen needs

        return look_around(place, listens=True)

    ways = Ways(
        connect=connect,
        revive=lambda: ensure_engine(place, clock),
        socket=str(place.socket),
        actor=getpass.getuser(),
        drafts=place.drafts,
        preferences=PreferenceFile(place.preferences),
        look_around=around,
    )
    habits = Habits(
        theme=themes.chosen(themes.AUTO, os.environ),
        write=write,
        calm="SSH_CONNECTION" in os.environ,
        erases_in_colour=erases_in_colour(os.environ),
    )
    bookmark = Bookmark(place.root / "console-place")
    app = JobdeckApp(ways, habits, clock, start=start, bookmark=bookmark)
    app.run(mouse=False)
    if app.failure is not None:
        raise app.failure
    return 0
