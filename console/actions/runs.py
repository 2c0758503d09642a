"""Actions of the list of runs."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, Call, may, one, something, two
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="runs.stop",
        title=_("stop the runs"),
        help=_("Ends what goes on, and starts nothing more; asks first."),
        keys=("s",),
        when=may("stop"),
        changes=True,
        dangerous=True,
        cli="jobdeck runs stop {name}",
        call=Call(method="POST", path="/runs/{name}/actions", body={"action": "stop"}),
    )
    yield Action(
        id="runs.retry",
        title=_("retry"),
        help=_("Runs what failed again, on the hosts that need it; asks first."),
        keys=("r",),
        when=may("retry"),
        changes=True,
        dangerous=True,
        cli="jobdeck runs retry {name}",
        call=Call(method="POST", path="/runs/{name}/actions", body={"action": "retry"}),
    )
    yield Action(
        id="runs.again",
        title=_("run again"),
        help=_("Opens the same request, ready to be changed and started."),
        keys=("a",),
        when=one,
        changes=True,
        cli="jobdeck runs again {name}",
    )
    yield Action(
        id="runs.output",
        title=_("output"),
        help=_("Opens what the run's hosts printed."),
        keys=("o",),
        when=one,
        cli="jobdeck runs output {name}",
    )
    yield Action(
        id="runs.compare",
        title=_("compare two runs"),
        help=_("Shows in what two marked runs differ, host by host."),
        keys=("=",),
        when=two,
        cli="jobdeck runs compare {name} {other}",
    )
    yield Action(
        id="runs.faults",
        title=_("faults only"),
        help=_("Shows only runs that failed, or of which nobody knows how they ended."),
        keys=("!",),
    )
    yield Action(
        id="runs.nested",
        title=_("nested runs too"),
        help=_("Also shows runs that other runs asked for."),
        keys=("t",),
        shown=False,
    )
    yield Action(
        id="runs.note",
        title=_("note"),
        help=_("Leaves a note on the run, for those who look at it later."),
        keys=("N",),
        when=something,
        changes=True,
        shown=False,
        cli="jobdeck runs note {name} TEXT",
        call=Call(method="POST", path="/runs/{name}/notes", body={"text": "TEXT"}),
    )
