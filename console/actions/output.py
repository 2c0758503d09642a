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
        title=_("timestamps"),
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
    yield Action(
        id="output.search",
        title=_("search"),
        help=_("Marks every place of a text, letter case ignored, and goes to the next one."),
        keys=("/",),
    )
    yield Action(
        id="output.next",
        title=_("next match"),
        help=_("Goes on to the next match of what is looked for."),
        keys=("n",),
        shown=False,
    )
    yield Action(
        id="output.previous",
        title=_("previous match"),
        help=_("Goes back to the match before."),
        keys=("N",),
        shown=False,
    )
    yield Action(
        id="output.wrap",
        title=_("wrap"),
        help=_("Breaks long lines, or shows them in one line that can be slid."),
        keys=("w",),
    )
    yield Action(
        id="output.mark",
        title=_("mark"),
        help=_("Marks the line; copying is then about all marked lines."),
        keys=("space",),
        shown=False,
    )
    yield Action(
        id="output.copy",
        title=_("copy the lines"),
        help=_("Copies the marked lines, or the one under the cursor, to the clipboard."),
        keys=("c",),
    )
    yield Action(
        id="output.goto",
        title=_("go to a line"),
        help=_("Asks for the number of a line, or for a part such as 50%."),
        keys=("L",),
        shown=False,
    )
    yield Action(
        id="output.middle",
        title=_("go to the middle"),
        help=_("Goes to the line in the middle."),
        keys=("M",),
        shown=False,
    )
    for id_, title, keys in (
        ("left", _("scroll left"), ("left",)),
        ("right", _("scroll right"), ("right",)),
    ):
        yield Action(
            id=f"output.{id_}",
            title=title,
            help=_("Moves what is shown, where lines are not wrapped."),
            keys=keys,
            shown=False,
        )
