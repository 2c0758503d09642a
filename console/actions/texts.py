"""Actions of anything that is read line by line."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action
from console.i18n import _


def actions() -> Iterator[Action]:
    for name, title, keys in (
        ("down", _("one line down"), ("j", "down")),
        ("up", _("one line up"), ("k", "up")),
        ("page_down", _("a page down"), ("ctrl+f", "pagedown")),
        ("page_up", _("a page up"), ("ctrl+b", "pageup")),
        ("half_down", _("half a page down"), ("ctrl+d",)),
        ("half_up", _("half a page up"), ("ctrl+u",)),
        ("first", _("to the beginning"), ("g", "home")),
        ("last", _("to the end"), ("G", "end")),
    ):
        yield Action(
            id=f"text.{name}", title=title, help=_("Moves the text."), keys=keys, shown=False
        )
