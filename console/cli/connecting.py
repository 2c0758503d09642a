"""`jobdeck hosts test`: can we get into these hosts, and where does the way stop?"""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.cli import probing
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.connecting import way_request
from console.i18n import _
from console.presenters.connecting import connection_parts
from core.domain.run import TargetState

app = family()

As = Annotated[
    str | None, typer.Option("--as", metavar="ACCOUNT", help=_("account, instead of each host's"))
]

Expression = Annotated[str, typer.Argument(metavar="EXPR")]


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
    with engine() as client:
        plan = client.make_plan(way_request(expression, run_as), "probe")
        plan = probing.follow(client, plan, quiet=as_json)
    if as_json:
        out().json([msgspec.to_builtins(finding) for finding in plan.findings])
    else:
        table, remarks, sums = connection_parts(plan.findings)
        out().lines([table, *remarks])
        err().print(*sums)
    ready = all(finding.state == TargetState.SUCCESS for finding in plan.findings)
    return ExitCode.OK if ready else ExitCode.FAILED
