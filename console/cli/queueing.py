"""Flags that say when a run may begin: how urgent it is, what it locks, whether it overrides a freeze."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated

import typer

from console.cli import options
from console.i18n import _
from core.domain.priorities import LockMode

QUEUE = _("Queue")

PriorityName = Annotated[
    str | None,
    typer.Option(
        "--priority",
        metavar="CLASS",
        rich_help_panel=QUEUE,
        help=_("urgent, high, normal, low or background; see `jobdeck help queue`"),
    ),
]
LockNames = Annotated[
    list[str] | None,
    typer.Option(
        "--lock",
        metavar="NAME[:shared]",
        rich_help_panel=QUEUE,
        help=_("hold this lock meanwhile, alone or shared"),
    ),
]
LockHosts = Annotated[
    str | None,
    typer.Option(
        "--lock-hosts",
        metavar="MODE",
        rich_help_panel=QUEUE,
        help=_("lock the hosts against other runs that lock hosts: exclusive, shared, none"),
    ),
]
Override = Annotated[
    str | None,
    typer.Option(
        "--override",
        metavar="REASON",
        rich_help_panel=QUEUE,
        help=_("begin although the engine is frozen or drains; kept with the run"),
    ),
]

FLAGS: Mapping[str, str] = {
    "priority": "--priority",
    "locks": "--lock",
    "lock_hosts": "--lock-hosts",
    "override": "--override",
}
"""Fields of a request -> the flags that they come from."""


def one_of(flag: str, text: str | None, known: type[StrEnum]) -> str | None:
    """`text`, which must be a word of `known`; None stays it."""
    return None if text is None else options.one_of(flag, text, [*known])


def locks(given: Iterable[str] | None) -> list[dict[str, str]]:
    """`NAME` or `NAME:shared` as locks of a request."""
    found = []
    for text in given or ():
        name, colon, mode = text.partition(":")
        if colon:
            options.one_of("--lock", mode, [*LockMode])
        found.append({"name": name, "mode": mode or LockMode.EXCLUSIVE.value})
    return found
