"""Actions of the settings: how one person wants this console."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, one
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="settings.reset",
        title=_("reset"),
        help=_("Gives the setting under the cursor the value that it has by itself."),
        keys=("backspace", "delete"),
        when=one,
    )
