"""`jobdeck facts`: gather what hosts are, and list what can be known of them."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.answers import Gathered
from console.cli.connecting import As
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.liveline import LiveLine
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.client import Client
from console.i18n import _
from console.presenters.facts import facts_kinds_table, gathered_parts, gathering_progress
from core.clock import SystemClock
from core.domain.run import TargetState
from core.errors import RequestError

app = family(_("Gather what hosts are; choose hosts by it: mem_gb>=16."))

_AT_ONCE = 64
"""Hosts of one question to the engine, which answers when all of them have."""


@command(
    app,
    "gather",
    _(
        "Ask hosts for their facts: system, memory, disks, addresses, Python, shells.\n\n"
        "One round trip a host, which changes nothing there. The answers are kept with their time"
        " and with what changed; target expressions can ask for them."
    ),
    """
jobdeck facts gather --on all
jobdeck run --on 'os.id=debian,mem_gb>=16' -- uptime
""",
)
def gather(
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="EXPR", help=_("target expression: who is asked")),
    ] = None,
    run_as: As = None,
    as_json: Json = False,
) -> int:
    if on is None:
        raise RequestError(_("--on is missing"), hint=_("all hosts: --on all"))
    with engine() as client:
        hosts = client.resolve(on).hosts
        if not hosts:
            raise RequestError(_("{text!r} matches no host").format(text=on))
        found = _gather(client, hosts, run_as, quiet=as_json)
    if as_json:
        out().json([msgspec.to_builtins(each) for each in found])
    else:
        lines, sums = gathered_parts(found)
        out().lines(lines)
        err().print(*sums)
    all_well = all(each.state == TargetState.SUCCESS for each in found)
    return ExitCode.OK if all_well else ExitCode.FAILED


def _gather(client: Client, hosts: list[str], run_as: str | None, *, quiet: bool) -> list[Gathered]:
    line = LiveLine(err(), SystemClock())
    found: list[Gathered] = []
    try:
        for first in range(0, len(hosts), _AT_ONCE):
            if not quiet:
                line.show(gathering_progress(len(found), len(hosts)))
            found += client.gather_facts(hosts[first : first + _AT_ONCE], run_as)
    finally:
        line.clear()
    return found


@command(app, "list", _("List the facts that there are, and how each is compared."))
def list_facts(as_json: Json = False) -> None:
    with engine() as client:
        found = client.facts()
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().table(facts_kinds_table(found))
