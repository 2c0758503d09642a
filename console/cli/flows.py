"""`jobdeck flow`: start flows, and make dry runs of them."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli import saved
from console.cli.flaggroups import gathered
from console.cli.helping import command, family
from console.cli.saved import StartFlags
from console.cli.starting import PLAN
from console.i18n import _
from core.errors import RequestError

app = family(_("Validate flows, look at them, plan and start them."))


@command(
    app,
    "start",
    _(
        "Start a saved flow.\n\n"
        "Parameters are given as for `jobdeck start`. Every node that ends is told while the run is"
        " followed; `jobdeck runs show` has them as a tree, with the runs that nodes asked for."
    ),
    """
jobdeck flow start rolling-deploy -p VERSION=1.4.2
jobdeck flow start rolling-deploy --start-at check --without announce
""",
)
@gathered
def start(
    flow: Annotated[str | None, typer.Argument(metavar="FLOW")] = None,
    *,
    flags: StartFlags,
) -> int:
    return saved.start(saved.FLOW, flow, flags)


@command(
    app,
    "plan",
    _(
        "Say what a start of a flow would do, and start nothing.\n\n"
        "Nodes with where they lead and on which condition, hosts, also those of runs inside,"
        " approvals, guard rails, rules for dangerous commands, and how long it likely takes by"
        " earlier runs. --probe and --check go further; `jobdeck plans compare` puts a plan beside"
        " the run that followed."
    ),
    "jobdeck flow plan rolling-deploy -p VERSION=1.4.2",
)
@gathered
def plan(
    flow: Annotated[str | None, typer.Argument(metavar="FLOW")] = None,
    *,
    flags: StartFlags,
) -> int:
    if (given := flags.dry.from_plan) is not None:
        raise RequestError(
            _("a plan is there already"), hint=f"jobdeck flow start --from-plan {given}"
        )
    return saved.start(saved.FLOW, flow, flags, level=PLAN)
