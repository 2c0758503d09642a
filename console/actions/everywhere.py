"""Actions at hand in every view: going somewhere, finding, help, leaving."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="everywhere.command",
        title=_("type a command"),
        help=_("`:runs @prod state:failed` opens a view, with what it is to show."),
        keys=(":",),
    )
    yield Action(
        id="everywhere.palette",
        title=_("find an action"),
        help=_("Lists every action there is, with its key; typing narrows the list."),
        keys=("ctrl+p",),
    )
    yield Action(
        id="everywhere.keys",
        title=_("keys"),
        help=_("Shows the keys that work at this moment."),
        keys=("?",),
    )
    yield Action(
        id="everywhere.help",
        title=_("help"),
        help=_("Opens the help page of this view."),
        keys=("f1",),
        shown=False,
    )
    yield Action(
        id="everywhere.up",
        title=_("back"),
        help=_("Closes what is open, ends a filter, or goes to where this view was opened from."),
        keys=("escape",),
        shown=False,
    )
    yield Action(
        id="everywhere.last",
        title=_("last view"),
        help=_("Changes between this view and the one before it."),
        keys=("-",),
        shown=False,
    )
    yield Action(
        id="everywhere.back",
        title=_("back in history"),
        help=_("Goes to the view that was open before this one."),
        keys=("[",),
        shown=False,
    )
    yield Action(
        id="everywhere.forward",
        title=_("forward in history"),
        help=_("Goes to the view that was left with `back`."),
        keys=("]",),
        shown=False,
    )
    yield Action(
        id="everywhere.refresh",
        title=_("refresh"),
        help=_("Asks the engine anew for what is shown; it also comes by itself."),
        keys=("ctrl+r", "f5"),
        shown=False,
    )
    yield Action(
        id="everywhere.copy_cli",
        title=_("copy as a command"),
        help=_("Copies the command line that shows the same."),
        keys=("Y",),
        shown=False,
    )
    yield Action(
        id="everywhere.copy_curl",
        title=_("copy as curl"),
        help=_("Copies the call of the API that answers the same."),
        keys=("C",),
        shown=False,
    )
    yield Action(
        id="everywhere.copy_name",
        title=_("copy the name"),
        help=_("Copies the names of what the cursor stands on, or of what is marked."),
        keys=("y",),
        shown=False,
    )
    yield Action(
        id="everywhere.mouse",
        title=_("mouse on or off"),
        help=_("Lets the mouse point and scroll; off, the terminal selects text with it."),
        keys=("ctrl+t",),
        shown=False,
    )
    yield Action(
        id="everywhere.quit",
        title=_("quit"),
        help=_("Closes this console; runs go on."),
        keys=("ctrl+q", "q"),
        shown=False,
    )
    for number, (view, title) in enumerate(_views().items(), start=1):
        yield Action(
            id=f"everywhere.{view}",
            title=title,
            help=_("Opens the view: {name}.").format(name=title),
            keys=(str(number % 10),) if number <= 10 else (),
            shown=False,
        )


def _views() -> dict[str, str]:
    """The views that a number key opens, in the order of the keys."""
    return {
        "pulse": _("pulse"),
        "runs": _("runs"),
        "launch": _("launch"),
        "library": _("library"),
        "inventory": _("inventory"),
        "schedules": _("schedules"),
        "approvals": _("approvals"),
        "queue": _("queue"),
        "events": _("events"),
        "engine": _("engine"),
        "settings": _("settings"),
    }
