"""Actions as rows: the palette, the keys that work now, the table in the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from console.actions import Action, Scope, of_scope
from console.i18n import _
from console.keys import key_word, keys_of
from console.presenters.text import Column, Line, Span, Table, Tone, line


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
        Scope.COMPARISON: _("comparison"),
        Scope.OUTPUT: _("output"),
        Scope.SEARCH: _("search"),
        Scope.INVENTORY: _("inventory"),
        Scope.LIBRARY: _("library"),
        Scope.DOCUMENT: _("document"),
        Scope.EDIT: _("editing"),
        Scope.FORM: _("forms"),
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
            Column(_("WHERE"), elastic=True),
        ),
        rows=tuple(
            (
                Span(" ".join(offer.keys), Tone.STRONG if offer.is_now else Tone.QUIET),
                Span(offer.action.title, Tone.PLAIN if offer.is_now else Tone.QUIET),
                Span(scope_word(offer.action.scope), Tone.QUIET),
            )
            for offer in offers
        ),
        empty=_("no action fits"),
    )


def offer_lines(offer: Offer | None) -> list[Line]:
    """What an action does, and whether it can be done now."""
    if offer is None:
        return []
    lines = [line(Span(offer.action.help))]
    if not offer.is_now:
        lines.append(line(Span(_("not at hand here and now"), Tone.QUIET)))
    return lines


def keys_tables(own: Mapping[str, str]) -> Iterator[tuple[str, Table]]:
    """The keys of every action, a person's own before the defaults, by where they are at hand."""
    for scope in Scope:
        actions = of_scope(scope)
        if actions:
            yield scope_word(scope), _keys_table(actions, own)


def _keys_table(actions: Sequence[Action], own: Mapping[str, str]) -> Table:
    return Table(
        columns=(
            Column(_("KEY"), whole=True),
            Column(_("ACTION"), whole=True),
            Column(_("WHAT HAPPENS"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(" ".join(map(key_word, keys_of(action, own))), Tone.STRONG),
                Span(action.title),
                Span(action.help, Tone.QUIET),
            )
            for action in actions
        ),
    )
