"""Dangerous commands that whoever starts them must know of: the flag."""

from __future__ import annotations

from typing import Annotated

import typer

from console.i18n import _

Acknowledge = Annotated[
    list[str] | None,
    typer.Option(
        "--acknowledge",
        metavar="RULE",
        rich_help_panel=_("Where"),
        help=_("a rule for dangerous commands that you know it meets; may be repeated"),
    ),
]
