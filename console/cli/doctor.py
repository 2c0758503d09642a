"""`jobdeck doctor`: what is wrong with a home and its engine, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from console import autostart
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import out
from console.cli.settings import home
from console.i18n import _
from console.premises import look_around
from console.presenters.doctor import Finding, findings, findings_table, in_commands
from console.presenters.premises import ages, findings_around, silence
from core.clock import SystemClock
from core.errors import OpsError
from core.version import product_version

if TYPE_CHECKING:
    from core.home import Home

app = family()


@command(
    app,
    "doctor",
    _(
        "Look for what is wrong with the home and its engine, and say what mends it.\n\n"
        "Starts no engine: one that is stopped is told. Ends with 0 where nothing is to be mended,"
        " else with 1."
    ),
    """
jobdeck doctor
jobdeck doctor --json
""",
)
def doctor(as_json: Json = False) -> ExitCode:
    place = home()
    listens = autostart.is_listening(place.socket)
    found = [
        *(_asked(place) if listens else ()),
        *findings_around(look_around(place, listens=listens)),
    ]
    if as_json:
        out().json(
            {
                "home": str(place.root),
                "engine": "running" if listens else "stopped",
                "findings": [_plain(each) for each in found],
            }
        )
    else:
        if not listens:
            out().print(_("no engine runs in {home}").format(home=place.root))
        out().table(findings_table(found))
    return ExitCode.FAILED if found else ExitCode.OK


def _asked(place: Home) -> Sequence[Finding]:
    """What the engine says of itself."""
    from console.client import Client

    try:
        with Client.over_socket(place.socket) as client:
            engine = client.engine()
    except OpsError as error:
        return [silence(error)]
    return [
        *in_commands(findings(engine, SystemClock().now())),
        *ages(engine.version, product_version()),
    ]


def _plain(found: Finding) -> dict[str, str]:
    return {"severity": found.sign[1].value, "text": found.text, "advice": found.advice}
