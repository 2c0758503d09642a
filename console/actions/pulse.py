"""Actions of the pulse: what goes on, what failed, what waits for a person."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="pulse.faults",
        title=_("faults only"),
        help=_("Shows only what is wrong or waits for a person; pressed again, everything."),
        keys=("!",),
    )
    yield Action(
        id="pulse.tour",
        title=_("take the tour"),
        help=_("From an empty inventory to the output of a first run, in three steps."),
        keys=("T",),
        shown=False,
    )
