"""Actions of the first-time tour; its steps are the rows of a list."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="tour.skip",
        title=_("skip the tour"),
        help=_("Goes on without it; `:tour` begins it again."),
        keys=("S",),
    )
