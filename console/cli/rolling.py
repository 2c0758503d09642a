"""Flags that make a run roll over its hosts in batches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from console.cli import options
from console.i18n import _
from core.errors import RequestError

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFlags:
    """How a run rolls over its hosts; all None: as its steps say."""

    batch: BatchExpr = None
    mode: ModeName = None
    max_fail: MaxFail = None
    scope: ScopeName = None
    min_success: MinSuccess = None
    order: OrderName = None
    rank: Rank = None
    soak: Soak = None
    health: Health = None
    stagger: StaggerTime = None

    def rules(self) -> dict[str, Any] | None:
        """The `rolling` of a request; None where no flag says anything. Every flag is checked."""
        # Only where it is needed: these bring the library for documents with them.
        from core.domain.rolling import Mode, Order, Scope
        from core.domain.rolling_expression import parse

        if self.batch is not None:
            parse(self.batch)
        rules = {
            "batch": self.batch,
            "mode": _one_of("--mode", self.mode, Mode),
            "max_fail": _max_fail(self.max_fail),
            "scope": _one_of("--scope", self.scope, Scope),
            "min_success": _min_success(self.min_success),
            "order": _one_of("--order", self.order, Order),
            "rank": self.rank,
            "soak_s": options.seconds("--soak", self.soak),
            "health": self.health,
            "stagger": _stagger(self.stagger),
        }
        return {name: value for name, value in rules.items() if value is not None} or None


def _one_of(flag: str, text: str | None, known: type[StrEnum]) -> str | None:
    return None if text is None else options.one_of(flag, text, list(known))


def _min_success(text: str | None) -> int | None:
    try:
        return options.whole("--min-success", text and text.removesuffix("%"), 1, 100)
    except RequestError:
        raise options.refuse(
            "--min-success",
            _("{text!r} does not fit").format(text=text),
            _("a share of the hosts from 1% to 100%; leave it out to ask for nothing"),
        ) from None


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
