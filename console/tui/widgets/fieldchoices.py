"""What a field of a form may be, as what can be chosen."""

from __future__ import annotations

from console.forms.fields import Field, branch
from console.i18n import _
from console.sentences import meant
from console.tui.widgets.choosing import Option


def of_values(place: Field) -> list[Option]:
    """The values of a field that has a few."""
    return [
        Option(each, each, _("default") if each == place.default else "") for each in place.choices
    ]


def of_groups(place: Field) -> list[Option]:
    """The groups of which a field is one, each with what it is."""
    groups = ((name, branch(place, {place.tag: name})) for name in place.choices)
    return [Option(name, name, meant(group.help) if group else "") for name, group in groups]
