"""Dangerous commands that whoever starts them must know of: the flag, and the question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from console.cli.asking import ask
from console.cli.printing import err
from console.cli.settings import may_ask
from console.i18n import _
from console.presenters.text import Span, Tone
from core.errors import AcknowledgementRequired, RequestError

Acknowledge = Annotated[
    list[str] | None,
    typer.Option(
        "--acknowledge",
        metavar="RULE",
        rich_help_panel=_("Where"),
        help=_("a rule for dangerous commands that you know it meets; may be repeated"),
    ),
]


def acknowledged(request: Mapping[str, Any], asked: AcknowledgementRequired) -> list[str]:
    """The rules that the request has acknowledged, and those that a person does now.

    The error itself where nobody can be asked, or where asking again would not help.
    """
    given = list(request.get("acknowledge") or ())
    if not may_ask() or set(asked.rules) <= set(given):
        raise asked
    screen = err()
    for problem in asked.problems:
        screen.print(Span("! ", Tone.WARNING), f"{problem.where}: {problem.what}")
    for rule in asked.rules:
        answer = ask(_("Type {rule} to go on:").format(rule=rule))
        if answer != rule:
            raise RequestError(_("not acknowledged; nothing was started"))
    return given + list(asked.rules)
