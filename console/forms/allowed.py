"""What may be done with a row of a form. Pure."""

from __future__ import annotations

from console.forms import values
from console.forms.draft import Draft
from console.forms.fields import Field, Shape
from console.forms.outline import Row
from console.forms.values import ABSENT


def deeds(row: Row, draft: Draft) -> frozenset[str]:
    """Names of actions of forms that make sense on this row."""
    rules = {
        "change": row.field.shape in (Shape.CHOICE, Shape.FLAG),
        "add": row.field.shape in (Shape.LIST, Shape.MAP) or row.item_of is not None,
        "remove": row.value is not ABSENT and (row.item_of is not None or not _is_name(row)),
        "revert": _is_changed(row, draft),
        "move": row.item_of is Shape.LIST,
        "text": row.field.shape in (Shape.TEXT, Shape.LINES, Shape.VALUE),
    }
    return frozenset(name for name, holds in rules.items() if holds)


def is_fixed(row: Row, draft: Draft) -> bool:
    """Whether it stays as it is: the name of a document, once there is such a document."""
    return _is_name(row) and draft.revision is not None


def _is_name(row: Row) -> bool:
    return row.path == ("name",)


def _is_changed(row: Row, draft: Draft) -> bool:
    return row.path in draft.unread or values.at(draft.base, row.path) != row.value


def beside(row: Row, draft: Draft, by: int) -> str:
    """The choice of a row so many further on, or back; they go round."""
    choices = ("false", "true") if row.field.shape is Shape.FLAG else row.field.choices
    now = draft.text(row.path) or default(row.field)
    at = choices.index(now) + by if now in choices else 0
    return choices[at % len(choices)]


def default(place: Field) -> str:
    """What holds where nothing is given, as it is typed; "" where there is no such thing."""
    if isinstance(place.default, bool):
        return "true" if place.default else "false"
    return "" if place.default is None else str(place.default)
