"""What can be done at this moment, by which keys: for the footer, the palette and `?`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.actions import Action, Scope, registry
from console.keys import key_word, name_of_key
from console.presenters.actions import Offer

if TYPE_CHECKING:
    from console.tui.app import JobdeckApp

_FAR = (Scope.LIST, Scope.TEXT, Scope.EVERYWHERE)
"""Scopes of many views, the nearest first."""


def now(deck: JobdeckApp) -> list[Offer]:
    """What can be done now, the view's own first."""
    known, found = registry(), dict[str, list[str]]()
    for key, active in deck.screen.active_bindings.items():
        if active.binding.id in known:
            found.setdefault(str(active.binding.id), []).append(key_word(name_of_key(key)))
    order = list(known)
    return sorted(
        (Offer(known[id_], tuple(keys), True) for id_, keys in found.items()),
        key=lambda offer: (_distance(offer.action), order.index(offer.action.id)),
    )


def _distance(action: Action) -> int:
    return _FAR.index(action.scope) + 1 if action.scope in _FAR else 0


def every(deck: JobdeckApp) -> list[Offer]:
    """Every action there is, and whether it can be done now."""
    at_hand = {offer.action.id: offer for offer in now(deck)}
    return [
        at_hand.get(action.id) or Offer(action, deck.keys_of(action), _can(deck, action))
        for action in registry().values()
    ]


def _can(deck: JobdeckApp, action: Action) -> bool:
    if action.scope is Scope.EVERYWHERE:
        return True
    return action.scope is deck.view.SCOPE and deck.view.offers(action)
