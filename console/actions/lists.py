"""Actions of anything that has rows."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, something
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="list.open",
        title=_("open it"),
        help=_("Opens what the cursor stands on."),
        keys=("enter", "l"),
        when=something,
    )
    yield Action(
        id="list.filter",
        title=_("filter"),
        help=_("Shows only rows that fit: `/text`, `/!text`, `/-f text`, `/-l env=prod`."),
        keys=("/",),
    )
    yield Action(
        id="list.mark",
        title=_("mark"),
        help=_("Marks the row; actions are then about all marked rows."),
        keys=("space",),
        when=something,
    )
    yield Action(
        id="list.mark_all",
        title=_("mark all"),
        help=_("Marks every row that is shown, or unmarks all of them."),
        keys=("ctrl+a",),
        when=something,
        shown=False,
    )
    yield Action(
        id="list.jump",
        title=_("jump to a row"),
        help=_("Puts a letter before each row; typing it opens that row."),
        keys=("f",),
        when=something,
        shown=False,
    )
    for id_, title, keys in (
        ("down", _("one row down"), ("j", "down")),
        ("up", _("one row up"), ("k", "up")),
        ("page_down", _("a page down"), ("ctrl+f", "pagedown")),
        ("page_up", _("a page up"), ("ctrl+b", "pageup")),
        ("half_down", _("half a page down"), ("ctrl+d",)),
        ("half_up", _("half a page up"), ("ctrl+u",)),
        ("first", _("first row"), ("g", "home")),
        ("last", _("last row"), ("G", "end")),
    ):
        yield Action(
            id=f"list.{id_}", title=title, help=_("Moves the cursor."), keys=keys, shown=False
        )
