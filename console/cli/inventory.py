"""`jobdeck inventory`: sources that hosts come from by themselves."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.answers import Refreshed
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.i18n import _
from console.presenters.inventory import refreshed_lines, sources_table
from console.presenters.text import Span, Tone
from core.clock import SystemClock
from core.errors import RequestError

app = family(_("Keep the inventory true: refresh hosts from files, commands and web addresses."))


@command(app, "list", _("List inventory sources and how they answered."))
def list_sources(as_json: Json = False) -> None:
    with engine() as client:
        found = client.sources()
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().table(sources_table(found, SystemClock().now()))


@command(
    app,
    "refresh",
    _(
        "Ask inventory sources, and show what differs; --apply carries it out.\n\n"
        "Without a name, all of them. A source changes only hosts that it made: what a person"
        " made or changed stays, unless --overwrite takes the changes back. A host that a source"
        " does not name any more is marked as vanished, and left out of runs."
    ),
    """
jobdeck inventory refresh
jobdeck inventory refresh cloud --apply
""",
)
def refresh(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]")] = None,
    apply: Annotated[bool, typer.Option("--apply", help=_("carry it out"))] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help=_("take back what people changed on hosts it made")),
    ] = False,
    as_json: Json = False,
) -> int:
    with engine() as client:
        names = [name] if name is not None else [source.source for source in client.sources()]
        if not names:
            raise RequestError(
                _("there is no inventory source"),
                hint=_("define one: jobdeck explain inventory-source"),
            )
        found = [client.refresh_source(each, apply=apply, overwrite=overwrite) for each in names]
    if as_json:
        out().json([msgspec.to_builtins(each) for each in found])
    else:
        for each in found:
            _show(each)
    return ExitCode.FAILED if any(each.failure for each in found) else ExitCode.OK


def _show(found: Refreshed) -> None:
    for notice in found.notices:
        err().print(Span(_("left out: "), Tone.WARNING), f"{found.source}: {notice}")
    out().lines(refreshed_lines(found))
