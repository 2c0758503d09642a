"""`jobdeck hosts test`: can we get into these hosts, and where does the way stop?"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from console.cli import probing
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.i18n import _
from console.presenters.connecting import connection_parts
from core.domain.run import TargetState

app = family()

As = Annotated[
    str | None, typer.Option("--as", metavar="ACCOUNT", help=_("account, instead of each host's"))
]

Expression = Annotated[str, typer.Argument(metavar="EXPR")]

_NOTHING = {"kind": "command", "name": "test", "command": "true"}
"""A dry run needs work; none of it is ever sent."""


@command(
    app,
    "test",
    _(
        "Test the connection to hosts: name, connection, host key, login, shell, spool.\n\n"
        "Hosts are reached as runs reach them, through their jump hosts. Nothing is run there but"
        " a look-around that leaves no trace. The test is kept as a dry run: `jobdeck plans list`."
    ),
    """
jobdeck hosts test all
jobdeck hosts test 'env=prod & !db*' --as deploy
""",
)
def check(
    expression: Expression,
    run_as: As = None,
    as_json: Json = False,
) -> int:
    return ask(expression, run_as, as_json=as_json)


def ask(expression: str, run_as: str | None, *, as_json: bool) -> int:
    """Test the connections, show how it went; the exit code."""
    request: dict[str, Any] = {
        "title": "connection test",
        "targets": expression,
        "step": _NOTHING,
        "include_away": True,
    }
    if run_as is not None:
        request["run_as"] = run_as
    with engine() as client:
        plan = client.make_plan(request, "probe")
        plan = probing.follow(client, plan, quiet=as_json)
    if as_json:
        out().json([msgspec.to_builtins(finding) for finding in plan.findings])
    else:
        table, remarks, sums = connection_parts(plan.findings)
        out().lines([table, *remarks])
        err().print(*sums)
    ready = all(finding.state == TargetState.SUCCESS for finding in plan.findings)
    return ExitCode.OK if ready else ExitCode.FAILED
