"""Actions of the engine's page; those on starts are beside the queue's."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, Call
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="engine.back_up",
        title=_("make a backup"),
        help=_("Copies the engine's data while it runs, and says where to."),
        keys=("b",),
        changes=True,
        cli="jobdeck backup",
        call=Call(method="POST", path="/backups"),
    )
    yield Action(
        id="engine.retain",
        title=_("clean up"),
        help=_("Shows what the settings keep no longer, and removes it when you say so."),
        keys=("X",),
        changes=True,
        dangerous=True,
        cli="jobdeck retention apply",
        call=Call(method="POST", path="/retention/apply"),
    )
    yield Action(
        id="engine.channels",
        title=_("channels"),
        help=_("Opens who is told of what, and what was told."),
        keys=("c",),
    )
