"""The keys of the registry, and a person's own, as Textual's bindings."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding

from console.actions import Action, Scope, of_scope

PERFORM = "perform"
"""The one Textual action; its parameter is the id of ours."""


def bindings(*scopes: Scope) -> list[Binding]:
    """The keys of these scopes for a widget: each key is found again by its action's id."""
    return [_binding(action) for scope in scopes for action in of_scope(scope) if action.keys]


def _binding(action: Action) -> Binding:
    key = ",".join("comma" if key == "," else key for key in action.keys)
    return Binding(key, f"{PERFORM}({action.id!r})", action.title, id=action.id)


def key_map(own: Mapping[str, str]) -> dict[str, str]:
    """A person's own keys by Textual's names, which its bindings have and its key maps need."""
    return {id_: ",".join(_names(keys)) for id_, keys in own.items()}


def _names(keys: str) -> list[str]:
    return [each.key for each in Binding.make_bindings([(keys, PERFORM, "")])]
