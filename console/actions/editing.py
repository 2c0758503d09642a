"""Actions while something is filled in: in any form, and in that of a document."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, allows
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="edit.save",
        title=_("save"),
        help=_("Makes the document what the form says, where the engine takes it."),
        keys=("ctrl+s",),
        changes=True,
    )
    yield Action(
        id="edit.differences",
        title=_("what changed"),
        help=_("Shows in what the form differs from what is saved."),
        keys=("=",),
        when=allows("differences"),
    )
    yield Action(
        id="edit.whole",
        title=_("edit as YAML"),
        help=_("Opens the whole document as YAML in your editor (VISUAL, EDITOR, else vi)."),
        keys=("ctrl+e",),
        shown=False,
        cli="jobdeck edit {kind} {name}",
    )
    yield Action(
        id="edit.discard",
        title=_("discard the draft"),
        help=_("Shows again what is saved; what you typed is gone. Asks first."),
        keys=("X",),
        when=allows("discard"),
        shown=False,
    )
    yield from _of_forms()


def _of_forms() -> Iterator[Action]:
    yield Action(
        id="form.change",
        title=_("next choice"),
        help=_("Changes a field to the next of its choices."),
        keys=("right",),
        when=allows("change"),
        shown=False,
    )
    yield Action(
        id="form.change_back",
        title=_("choice before"),
        help=_("Changes a field to the choice before."),
        keys=("left",),
        when=allows("change"),
        shown=False,
    )
    yield Action(
        id="form.add",
        title=_("add"),
        help=_("Adds an item to the list, or a key to the map, that the cursor stands on."),
        keys=("a", "insert"),
        when=allows("add"),
    )
    yield Action(
        id="form.remove",
        title=_("remove"),
        help=_("Takes the item away, or makes the field what it is without a value."),
        keys=("d", "delete"),
        when=allows("remove"),
    )
    yield Action(
        id="form.revert",
        title=_("reset"),
        help=_("Gives the field the value that is saved."),
        keys=("u",),
        when=allows("revert"),
    )
    yield Action(
        id="form.down",
        title=_("move down"),
        help=_("Changes places with the next item."),
        keys=("J",),
        when=allows("move"),
        shown=False,
    )
    yield Action(
        id="form.up",
        title=_("move up"),
        help=_("Changes places with the item before."),
        keys=("K",),
        when=allows("move"),
        shown=False,
    )
    yield Action(
        id="form.everything",
        title=_("all fields"),
        help=_("Shows also the fields that few documents need, or leaves them out again."),
        keys=("t",),
    )
    yield Action(
        id="form.editor",
        title=_("text in an editor"),
        help=_("Opens the field's text in your editor (VISUAL, EDITOR, else vi)."),
        keys=("E",),
        when=allows("text"),
        shown=False,
    )
