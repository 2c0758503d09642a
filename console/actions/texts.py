"""Actions of anything that is read line by line."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="text.search",
        title=_("search"),
        help=_("Marks every place of a text, letter case ignored, and goes to the next one."),
        keys=("/",),
    )
    yield Action(
        id="text.next",
        title=_("next match"),
        help=_("Goes on to the next match of what is looked for."),
        keys=("n",),
        shown=False,
    )
    yield Action(
        id="text.previous",
        title=_("previous match"),
        help=_("Goes back to the match before."),
        keys=("N",),
        shown=False,
    )
    yield Action(
        id="text.wrap",
        title=_("wrap"),
        help=_("Breaks long lines, or shows them in one line that can be slid."),
        keys=("w",),
    )
    yield Action(
        id="text.mark",
        title=_("mark"),
        help=_("Marks the line; copying is then about all marked lines."),
        keys=("space",),
        shown=False,
    )
    yield Action(
        id="text.copy",
        title=_("copy the lines"),
        help=_("Copies the marked lines, or the one under the cursor, to the clipboard."),
        keys=("c",),
    )
    yield Action(
        id="text.goto",
        title=_("go to a line"),
        help=_("Asks for the number of a line, or for a part such as 50%."),
        keys=("L",),
        shown=False,
    )
    yield Action(
        id="text.middle",
        title=_("go to the middle"),
        help=_("Goes to the line in the middle."),
        keys=("M",),
        shown=False,
    )
    for id_, title, keys in (
        ("down", _("one line down"), ("j", "down")),
        ("up", _("one line up"), ("k", "up")),
        ("page_down", _("a page down"), ("ctrl+f", "pagedown")),
        ("page_up", _("a page up"), ("ctrl+b", "pageup")),
        ("half_down", _("half a page down"), ("ctrl+d",)),
        ("half_up", _("half a page up"), ("ctrl+u",)),
        ("first", _("to the beginning"), ("g", "home")),
        ("last", _("to the end"), ("G", "end")),
        ("left", _("slide to the left"), ("left",)),
        ("right", _("slide to the right"), ("right",)),
    ):
        yield Action(
            id=f"text.{id_}",
            title=title,
            help=_("Moves the cursor, or what is shown."),
            keys=keys,
            shown=False,
        )
