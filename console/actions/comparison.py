"""Actions of two runs that are compared."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, something
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="comparison.next_host",
        title=_("next host"),
        help=_("Shows how the output of the next host of the group differs."),
        keys=("n",),
        when=something,
        cli="jobdeck runs compare {name} {other} --host {host}",
    )
    yield Action(
        id="comparison.asked",
        title=_("what was asked"),
        help=_("Shows what the two runs were asked differently."),
        keys=("d",),
        when=something,
    )
    yield Action(
        id="comparison.scroll_down",
        title=_("scroll the output"),
        help=_("Moves the output below by a page."),
        keys=("J",),
        when=something,
    )
    yield Action(
        id="comparison.scroll_up",
        title=_("scroll back"),
        help=_("Moves the output below back by a page."),
        keys=("K",),
        when=something,
        shown=False,
    )
    yield Action(
        id="comparison.first",
        title=_("open A"),
        help=_("Opens the first of the two runs."),
        keys=("A",),
    )
    yield Action(
        id="comparison.second",
        title=_("open B"),
        help=_("Opens the second of the two runs."),
        keys=("B",),
    )
