"""Actions as rows: the palette, the keys that work now, the table in the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.actions import Action, Scope
from console.i18n import _
from console.presenters.text import Column, Span, Table, Tone


@dataclass(frozen=True, slots=True)
class Offer:
    """An action as it stands at this moment."""

    action: Action
    keys: tuple[str, ...]
    """As people read them."""
    is_now: bool
    """Whether it can be done here and now."""


def scope_word(scope: Scope) -> str:
    """Where an action is at hand, as people read it."""
    words = {
        Scope.EVERYWHERE: _("everywhere"),
        Scope.LIST: _("lists"),
        Scope.TEXT: _("text"),
        Scope.PULSE: _("pulse"),
        Scope.RUNS: _("runs"),
        Scope.RUN: _("run"),
        Scope.HOSTS: _("hosts"),
        Scope.GROUPS: _("groups"),
        Scope.OUTPUT: _("output"),
        Scope.INVENTORY: _("inventory"),
        Scope.LIBRARY: _("library"),
        Scope.DOCUMENT: _("document"),
        Scope.LAUNCH: _("launch"),
        Scope.SCHEDULES: _("schedules"),
        Scope.SCHEDULE: _("schedule"),
        Scope.APPROVALS: _("approvals"),
        Scope.APPROVAL: _("approval"),
        Scope.QUEUE: _("queue"),
        Scope.EVENTS: _("events"),
        Scope.ENGINE: _("engine"),
        Scope.CHANNELS: _("channels"),
        Scope.SETTINGS: _("settings"),
        Scope.HELP: _("help"),
        Scope.TOUR: _("tour"),
    }
    return words[scope]


def offers_table(offers: Sequence[Offer]) -> Table:
    """Actions with their keys; those that cannot be done now are quiet."""
    return Table(
        columns=(
            Column(_("KEY"), whole=True),
            Column(_("ACTION"), whole=True),
            Column(_("WHERE")),
            Column(_("WHAT HAPPENS"), elastic=True),
        ),
        rows=tuple(
            (
                Span(" ".join(offer.keys), Tone.STRONG if offer.is_now else Tone.QUIET),
                Span(offer.action.title, Tone.PLAIN if offer.is_now else Tone.QUIET),
                Span(scope_word(offer.action.scope), Tone.QUIET),
                Span(offer.action.help, Tone.QUIET),
            )
            for offer in offers
        ),
        empty=_("no action fits"),
    )
