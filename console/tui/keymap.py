"""Which key does what: the defaults of the registry, and a person's own map over them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from textual.binding import Binding

from console.actions import TEXTS, Action, Scope, of_scope, registry

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

    `unknown` for an id that no action has, `taken` for a key that another action, which may be at
    hand at the same time, has too.
    """
    known = registry()
    for id_ in own:
        if id_ not in known:
            yield id_, "unknown"
        elif any(taken_by(known[id_], key, own) for key in keys_of(known[id_], own)):
            yield id_, "taken"


def taken_by(action: Action, key: str, own: Mapping[str, str]) -> Action | None:
    """Another action that has this key and may be at hand at the same time as `action`."""
    for other in registry().values():
        if other is not action and _meet(action.scope, other.scope) and key in keys_of(other, own):
            return other
    return None


_SHARED = (Scope.LIST, Scope.TEXT)


def _meet(one: Scope, other: Scope) -> bool:
    """Whether actions of these scopes may be at hand in one view."""
    if one is other or Scope.EVERYWHERE in (one, other):
        return True
    if Scope.LIST in (one, other) and not TEXTS.isdisjoint((one, other)):
        return False
    return (one in _SHARED) != (other in _SHARED)


def keys_of(action: Action, own: Mapping[str, str]) -> Sequence[str]:
    """The keys of an action: a person's own, else those of the registry."""
    return own[action.id].split(",") if action.id in own else action.keys


_SIGNS = {
    "colon": ":",
    "slash": "/",
    "question_mark": "?",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "equals_sign": "=",
    "exclamation_mark": "!",
    "full_stop": ".",
    "number_sign": "#",
}


def name_of_key(key: str) -> str:
    """Textual's name of a key as the character that is printed on it."""
    return _SIGNS.get(key, key)
