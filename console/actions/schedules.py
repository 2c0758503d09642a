"""Actions of schedules, in their list and on the page of one."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, Call, Scope, may, one
from console.i18n import _


def actions() -> Iterator[Action]:
    for scope in (Scope.SCHEDULES, Scope.SCHEDULE):
        yield Action(
            id=f"{scope}.pause",
            title=_("pause"),
            help=_("Starts nothing by itself until it is resumed; slots meanwhile are skipped."),
            keys=("p",),
            when=may("pause"),
            changes=True,
            dangerous=True,
            cli="jobdeck schedules pause {name} --reason TEXT",
            call=Call(method="POST", path="/schedules/{name}/pause", body={"reason": "TEXT"}),
        )
        yield Action(
            id=f"{scope}.resume",
            title=_("resume"),
            help=_("Starts again by itself, from the next slot on."),
            keys=("r",),
            when=may("resume"),
            changes=True,
            cli="jobdeck schedules resume {name}",
            call=Call(method="POST", path="/schedules/{name}/resume"),
        )
        yield Action(
            id=f"{scope}.fire",
            title=_("start now"),
            help=_("Starts its run now, whatever its trigger and its pause say; asks first."),
            keys=("s",),
            when=may("fire"),
            changes=True,
            dangerous=True,
            cli="jobdeck schedules fire {name}",
            call=Call(method="POST", path="/schedules/{name}/fire"),
        )
        yield Action(
            id=f"{scope}.why",
            title=_("why not"),
            help=_("Asks what became of the slot at a time: its run, or why there is none."),
            keys=("w",),
            when=one,
            cli="jobdeck schedules why {name} TIME",
        )
