"""`jobdeck engine`: the one process of a home."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from console import autostart
from console.cli import options
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.liveline import LiveLine
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import home
from console.i18n import _
from console.presenters.engine import status_table
from console.presenters.text import Line, line
from core.clock import SystemClock
from core.errors import EngineUnreachable
from core.lean import without

if TYPE_CHECKING:
    from console.client import Client

app = family(_("Start, stop and look at the engine: the one process that does the work of a home."))

_PAUSE_S = 0.1

Drain = Annotated[
    bool, typer.Option("--drain", help=_("let every run end first; new ones are refused"))
]
Detach = Annotated[
    bool,
    typer.Option(
        "--detach",
        help=_("leave what hosts keep to the next start, wait for direct work (default)"),
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="TIME",
        help=_("wait this long (90, 5m); after it, --drain becomes --detach"),
    ),
]


@command(
    app,
    "run",
    _("Run the engine in the foreground.\n\nFor service managers and for looking at its log."),
)
def run(
    background: Annotated[
        bool, typer.Option(autostart.BACKGROUND, hidden=True, help="log to the home's file alone")
    ] = False,
) -> None:
    # Loading makes objects that stay; looking for garbage among them took a tenth of the start.
    gc.disable()
    # structlog loads rich for tracebacks in colour, which the engine's log does not have.
    with without("rich"):
        from core import bootstrap

    bootstrap.serve(home(), to_stderr=not background)


@command(app, "start", _("Start the engine in the background, unless it runs."))
def start() -> None:
    started = autostart.ensure_engine(home())
    word = _("the engine runs") if started else _("the engine was already running")
    err().print(f"{word}: {home().root}")


@command(
    app,
    "stop",
    _(
        "Stop the engine and wait until it has ended.\n\n"
        "No work on hosts is killed. Runs that did not end go on at the next start."
    ),
)
def stop(drain: Drain = False, detach: Detach = False, timeout: Timeout = None) -> int:
    if _stop(drain=drain, detach=detach, timeout=timeout):
        err().print(_("the engine has stopped"))
    else:
        err().print(_("no engine was running"))
    return ExitCode.OK


@command(app, "restart", _("Stop the engine, then start it again. Runs go on."))
def restart(drain: Drain = False, detach: Detach = False, timeout: Timeout = None) -> int:
    _stop(drain=drain, detach=detach, timeout=timeout)
    autostart.ensure_engine(home())
    err().print(_("the engine has restarted"))
    return ExitCode.OK


def _stop(*, drain: bool, detach: bool, timeout: str | None) -> bool:
    """Whether an engine was there to stop."""
    options.exclusive({"--drain": drain, "--detach": detach})
    limit_s = options.seconds("--timeout", timeout)
    place, clock = home(), SystemClock()
    if not autostart.is_listening(place.socket):
        return False
    waiting = LiveLine(err(), clock)
    began_s = clock.monotonic()
    with _client(place.socket) as client:
        client.stop_engine("drain" if drain else "detach", limit_s if drain else None)
        while autostart.is_running(place):
            waiting.show(_waits_for(client))
            if limit_s is not None and not drain and clock.monotonic() - began_s > limit_s:
                waiting.clear()
                raise EngineUnreachable(
                    _("the engine is still stopping after {limit}").format(limit=timeout),
                    hint=_("`jobdeck engine status` shows what it waits for"),
                )
            time.sleep(_PAUSE_S)
    waiting.clear()
    return True


def _client(socket: Path) -> Client:
    # Not at the top: the engine's own process is started from here, and needs none.
    from console.client import Client

    return Client.over_socket(socket)


def _waits_for(client: Client) -> Line:
    """What an engine that is stopping has still to do."""
    try:
        engine = client.engine()
    except EngineUnreachable:
        return line(_("stopping"))
    text = _("stopping: {running} running, {waiting} waiting")
    return line(text.format(running=engine.targets_running, waiting=engine.targets_waiting))


@command(app, "status", _("Show how the engine is: work, storage, keys."))
def status(as_json: Json = False) -> int:
    place = home()
    if not autostart.is_listening(place.socket):
        if as_json:
            out().json({"state": "stopped", "home": str(place.root)})
        else:
            out().print(_("no engine runs in {home}").format(home=place.root))
        return ExitCode.ENVIRONMENT
    with _client(place.socket) as client:
        answer = client.engine()
    if as_json:
        out().json(msgspec.to_builtins(answer))
    else:
        out().table(status_table(answer))
    return ExitCode.OK


@command(
    app,
    "socket",
    _("Print where the engine listens, for other HTTP clients."),
    """
curl --unix-socket "$(jobdeck engine socket)" http://jobdeck/api/v1/engine
""",
)
def socket() -> None:
    out().print(str(home().socket))
