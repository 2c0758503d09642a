"""Actions of the journal's tail."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="events.follow",
        title=_("follow"),
        help=_("Keeps the newest entry in sight; moving the cursor up stops it."),
        keys=("F",),
    )
