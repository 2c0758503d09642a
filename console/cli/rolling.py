"""Flags of `run` and `start` that make a run roll over its hosts in batches."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from console.cli import options
from console.i18n import _

ROLL = _("Batches")

BatchExpr = Annotated[
    str | None,
    typer.Option(
        "--batch",
        metavar="EXPR",
        rich_help_panel=ROLL,
        help=_("sizes of the batches, such as '1 5 20%' or '1 *2'; see `jobdeck help rolling`"),
    ),
]
ModeName = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="MODE",
        rich_help_panel=ROLL,
        help=_("after a batch: pause_on_fail (the default), ignore_and_roll or manual"),
    ),
]
MaxFail = Annotated[
    str | None,
    typer.Option(
        "--max-fail",
        metavar="N|N%",
        rich_help_panel=ROLL,
        help=_("failures of a batch that are borne; with more, hosts that wait are left out"),
    ),
]
ScopeName = Annotated[
    str | None,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        rich_help_panel=ROLL,
        help=_("what --max-fail counts in: batch (the default) or total"),
    ),
]
MinSuccess = Annotated[
    str | None,
    typer.Option(
        "--min-success",
        metavar="N%",
        rich_help_panel=ROLL,
        help=_("share of each batch, and of the step, that must succeed"),
    ),
]
OrderName = Annotated[
    str | None,
    typer.Option(
        "--order",
        metavar="ORDER",
        rich_help_panel=ROLL,
        help=_("inventory, reverse, sorted, reverse_sorted or shuffle"),
    ),
]
Rank = Annotated[
    str | None,
    typer.Option(
        "--rank",
        metavar="LABEL",
        rich_help_panel=ROLL,
        help=_("label or variable whose values are done one after the other"),
    ),
]
Soak = Annotated[
    str | None,
    typer.Option(
        "--soak",
        metavar="TIME",
        rich_help_panel=ROLL,
        help=_("time to wait after a good batch: 90, 30s, 5m, 2h"),
    ),
]
Health = Annotated[
    str | None,
    typer.Option(
        "--health",
        metavar="JOB",
        rich_help_panel=ROLL,
        help=_("job that checks the hosts of each batch"),
    ),
]
StaggerTime = Annotated[
    str | None,
    typer.Option(
        "--stagger",
        metavar="TIME[~TIME]",
        rich_help_panel=ROLL,
        help=_("start a batch each so often, whether the one before has ended: 5m, or 5m~8m"),
    ),
]

FLAGS = {
    "rolling.batch": "--batch",
    "rolling.mode": "--mode",
    "rolling.max_fail": "--max-fail",
    "rolling.scope": "--scope",
    "rolling.min_success": "--min-success",
    "rolling.order": "--order",
    "rolling.rank": "--rank",
    "rolling.soak_s": "--soak",
    "rolling.health": "--health",
    "rolling.stagger": "--stagger",
    "rolling": "--batch",
}
"""Fields of a request -> the flags that they come from."""


def rolling_of(
    *,
    batch: str | None,
    mode: str | None,
    max_fail: str | None,
    scope: str | None,
    min_success: str | None,
    order: str | None,
    rank: str | None,
    soak: str | None,
    health: str | None,
    stagger: str | None,
) -> dict[str, Any] | None:
    """The `rolling` of a request; None where no flag says anything. Every flag is checked."""
    # Only where it is needed: these bring the library for documents with them.
    from core.domain.rolling import Mode, Order, Scope
    from core.domain.rolling_expression import parse

    if batch is not None:
        parse(batch)
    rolling = {
        "batch": batch,
        "mode": None if mode is None else options.one_of("--mode", mode, list(Mode)),
        "max_fail": _max_fail(max_fail),
        "scope": None if scope is None else options.one_of("--scope", scope, list(Scope)),
        "min_success": options.whole(
            "--min-success", min_success and min_success.removesuffix("%"), 1, 100
        ),
        "order": None if order is None else options.one_of("--order", order, list(Order)),
        "rank": rank,
        "soak_s": options.seconds("--soak", soak),
        "health": health,
        "stagger": _stagger(stagger),
    }
    return {name: value for name, value in rolling.items() if value is not None} or None


def _max_fail(text: str | None) -> str | None:
    from core.domain.rolling import check_max_fail

    try:
        return None if text is None else check_max_fail(text)
    except ValueError:
        raise options.refuse(
            "--max-fail",
            _("{text!r} does not fit").format(text=text),
            _("a number of hosts, or a share of them such as 10%"),
        ) from None


def _stagger(text: str | None) -> dict[str, float] | None:
    """`5m` is always that long, `5m~8m` a random time from one to the other."""
    if text is None:
        return None
    first, _tilde, last = re.sub("～", "~", text).partition("~")
    least = options.seconds("--stagger", first) or 0
    if not last:
        return {"fixed_s": least}
    most = options.seconds("--stagger", last) or 0
    if most < least:
        raise options.refuse(
            "--stagger",
            _("{text!r} does not fit").format(text=text),
            _("the shorter time first, as in 5m~8m"),
        )
    return {"min_s": least, "max_s": most}
