"""Which key does what: the defaults of the registry, and a person's own map over them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from textual.binding import Binding

from console.actions import Action, Scope, of_scope, registry

PERFORM = "perform"
"""The one Textual action; its parameter is the id of ours."""


def bindings(*scopes: Scope) -> list[Binding]:
    """The keys of these scopes for a widget: each key is found again by its action's id."""
    return [_binding(action) for scope in scopes for action in of_scope(scope) if action.keys]


def _binding(action: Action) -> Binding:
    key = ",".join("comma" if key == "," else key for key in action.keys)
    return Binding(key, f"{PERFORM}({action.id!r})", action.title, id=action.id)


def conflicts(own: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with a person's key map: (action id, why as a word).

    `unknown` for an id that no action has, `taken` for a key that another action of its scope,
    or one that is at hand everywhere, has too.
    """
    keys = {action.id: _keys(action, own) for action in registry().values()}
    for id_ in own:
        if id_ not in keys:
            yield id_, "unknown"
    for scope in Scope:
        at_hand = [a for a in registry().values() if a.scope in (scope, Scope.EVERYWHERE)]
        count = Counter(key for action in at_hand for key in keys[action.id])
        for action in at_hand:
            if action.id in own and any(count[key] > 1 for key in keys[action.id]):
                yield action.id, "taken"


def _keys(action: Action, own: Mapping[str, str]) -> Iterable[str]:
    return own[action.id].split(",") if action.id in own else action.keys
