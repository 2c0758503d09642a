"""Actions of what hosts printed."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, one
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="output.follow",
        title=_("follow"),
        help=_("Stays on the end while more is printed; moving up ends it."),
        keys=("F",),
    )
    yield Action(
        id="output.failure",
        title=_("next failed host"),
        help=_("Opens what the next host printed that did not succeed."),
        keys=("!",),
    )
    yield Action(
        id="output.alone",
        title=_("this host"),
        help=_("Shows only what the host under the cursor printed."),
        keys=("enter",),
        when=one,
        cli="jobdeck runs output {run} {name}",
    )
    yield Action(
        id="output.merged",
        title=_("all hosts"),
        help=_("Shows what all hosts printed, in the order in which it arrived."),
        keys=("a",),
        cli="jobdeck runs output {run} --merged",
    )
    yield Action(
        id="output.times",
        title=_("times"),
        help=_("Shows when each line arrived: the time of day, since the start, or not at all."),
        keys=("t",),
    )
    yield Action(
        id="output.streams",
        title=_("streams"),
        help=_("Shows everything, only standard error, or only standard output."),
        keys=("e",),
        shown=False,
    )
    yield Action(
        id="output.numbers",
        title=_("line numbers"),
        help=_("Shows the number of each line, or not."),
        keys=("#",),
        shown=False,
    )
    yield Action(
        id="output.save",
        title=_("save"),
        help=_("Writes all of it to a new file, which is asked for."),
        keys=("s",),
    )
    yield Action(
        id="output.pager",
        title=_("open in a pager"),
        help=_("Opens all of it in $PAGER, or in less."),
        keys=("v",),
        shown=False,
    )
