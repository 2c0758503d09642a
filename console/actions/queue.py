"""Actions of the queue, and of whether the engine lets runs begin."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, Call, Scope, engine_may, one
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="queue.move",
        title=_("change the priority"),
        help=_("Gives the run another priority; it keeps the time that it has waited."),
        keys=("m",),
        when=one,
        changes=True,
        cli="jobdeck queue move {name} PRIORITY",
        call=Call(method="POST", path="/queue/{name}/move", body={"priority": "PRIORITY"}),
    )
    for scope in (Scope.QUEUE, Scope.ENGINE):
        yield Action(
            id=f"{scope}.freeze",
            title=_("freeze"),
            help=_("Lets nothing begin: starts are accepted and wait. What has begun goes on."),
            keys=("z",),
            when=engine_may("freeze"),
            changes=True,
            dangerous=True,
            cli="jobdeck engine freeze --reason TEXT",
            call=Call(method="POST", path="/engine/freeze", body={"reason": "TEXT"}),
        )
        yield Action(
            id=f"{scope}.drain",
            title=_("drain"),
            help=_("Refuses new starts; what was accepted goes on to its end."),
            keys=("D",),
            when=engine_may("drain"),
            changes=True,
            dangerous=True,
            shown=False,
            cli="jobdeck engine drain --reason TEXT",
            call=Call(method="POST", path="/engine/drain", body={"reason": "TEXT"}),
        )
        yield Action(
            id=f"{scope}.unfreeze",
            title=_("unfreeze"),
            help=_("Takes starts and lets them begin again."),
            keys=("u",),
            when=engine_may("unfreeze"),
            changes=True,
            cli="jobdeck engine unfreeze",
            call=Call(method="POST", path="/engine/unfreeze"),
        )
