"""`jobdeck runs compare`: two runs side by side."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.answers import Diff, RunComparison
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.outputs import print_diff
from console.cli.printing import out
from console.cli.runs import StepName, find
from console.cli.settings import engine
from console.i18n import _
from console.presenters.comparing import compared_lines, side_line
from core.clock import SystemClock
from core.errors import RequestError

app = family()


@command(
    app,
    "compare",
    _(
        "Compare two runs host by host, and what they were asked to do.\n\n"
        "Hosts that differ alike stand together. Outputs are compared after normalising. With"
        " --host the two outputs of one host are shown line by line."
    ),
    """
jobdeck runs compare 01KAAAAAAA 01KBBBBBBB
jobdeck runs compare 01KAAAAAAA last --step install
jobdeck runs compare 01KAAAAAAA last --host web01
""",
)
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=_("run on the left"))],
    b: Annotated[str | None, typer.Argument(metavar="B", help=_("run on the right"))] = None,
    step: StepName = None,
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="HOST", help=_("the lines in which its output differs")),
    ] = None,
    as_json: Json = False,
) -> None:
    if b is None:
        raise RequestError(
            _("two runs are compared, and the second is missing"),
            hint=_("`jobdeck runs list` shows their ids; `last` is the newest run"),
        )
    with engine() as client:
        left, right = find(client, a), find(client, b)
        if host is not None:
            query = {"with": right, "host": host, "step": step}
            found: Diff | RunComparison = client.compare_output(left, query)
        else:
            found = client.compare(left, right, step)
    if as_json:
        out().json(msgspec.to_builtins(found))
    elif isinstance(found, Diff):
        print_diff(found, f"{host} ({left})", f"{host} ({right})")
    else:
        _print_comparison(found)


def _print_comparison(compared: RunComparison) -> None:
    now = SystemClock().now()
    for letter, run in (("A", compared.a), ("B", compared.b)):
        out().entry(side_line(letter, run, now))
    out().lines(compared_lines(compared))
