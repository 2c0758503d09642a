"""Actions of the hosts of a run, and of its groups of equal answers."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, something
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="hosts.faults",
        title=_("faults only"),
        help=_("Shows only hosts that did not succeed, or of which that is unknown."),
        keys=("!",),
    )
    yield Action(
        id="hosts.next_state",
        title=_("next state"),
        help=_("Shows only hosts in one state, then in the next that occurs, then all of them."),
        keys=(".",),
        shown=False,
    )
    yield Action(
        id="hosts.earlier",
        title=_("earlier attempt"),
        help=_("Shows how the hosts stood in the attempt before, and at last in the newest."),
        keys=(",",),
        shown=False,
    )
    yield Action(
        id="groups.difference",
        title=_("compare two groups"),
        help=_("Shows the lines in which two marked groups differ, or this one and the largest."),
        keys=("D",),
        when=something,
        cli="jobdeck runs diff {name}",
    )
