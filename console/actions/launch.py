"""Actions of a start that is being filled in."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, Call, allows
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="launch.start",
        title=_("start"),
        help=_("Starts it; where guard rails or rules ask for it, a person is asked first."),
        keys=("ctrl+s",),
        when=allows("start"),
        changes=True,
        dangerous=True,
        cli="jobdeck start {name}",
        call=Call(method="POST", path="/runs"),
    )
    yield Action(
        id="launch.plan",
        title=_("plan"),
        help=_("Says what would run, where and in which batches; no host is asked."),
        keys=("p",),
        when=allows("start"),
        cli="jobdeck start {name} --plan",
        call=Call(method="POST", path="/plans", body={"level": "plan"}),
    )
    yield Action(
        id="launch.probe",
        title=_("probe"),
        help=_("As a plan, and asks every host whether the work could begin there."),
        keys=("P",),
        when=allows("start"),
        cli="jobdeck start {name} --probe",
        call=Call(method="POST", path="/plans", body={"level": "probe"}),
    )
    yield Action(
        id="launch.check",
        title=_("check"),
        help=_("As a probe, and tries the steps that can be tried without an effect."),
        keys=("c",),
        when=allows("start"),
        shown=False,
        cli="jobdeck start {name} --check",
        call=Call(method="POST", path="/plans", body={"level": "check"}),
    )
    yield Action(
        id="launch.anew",
        title=_("clear the form"),
        help=_("Empties the form; what you had typed is gone."),
        keys=("X",),
        when=allows("start"),
        shown=False,
    )
    yield Action(
        id="launch.scroll",
        title=_("read on"),
        help=_("Shows more of what it would do."),
        keys=("shift+down",),
        when=allows("start"),
        shown=False,
    )
    yield Action(
        id="launch.scroll_back",
        title=_("read back"),
        help=_("Shows what stood before of what it would do."),
        keys=("shift+up",),
        when=allows("start"),
        shown=False,
    )
