"""Keys of views: no two actions in each other's way, and each action carried out somewhere."""

from __future__ import annotations

import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module

import pytest

import console.tui.views
from console.actions import Scope, of_scope
from console.tui.views.base import View


def views(kind: type[View] = View) -> Iterator[type[View]]:
    """Every view that has a scope."""
    for module in pkgutil.iter_modules(console.tui.views.__path__):
        import_module(f"console.tui.views.{module.name}")
    for each in kind.__subclasses__():
        if hasattr(each, "SCOPE") and each.__module__.startswith("console."):
            yield each
        yield from views(each)


VIEWS = sorted(set(views()), key=lambda view: view.__name__)


@pytest.mark.parametrize("view", VIEWS)
def test_no_key_means_two_things_in_a_view(view: type[View]) -> None:
    """Lists and texts are moved in by the same keys: which of them, the focus says."""
    owners = defaultdict(set)
    for scope in {view.SCOPE, *view.ALSO, Scope.EVERYWHERE}:
        for action in of_scope(scope):
            for key in action.keys:
                owners[key].add(action.name if scope in (Scope.LIST, Scope.TEXT) else action.id)

    assert {key: ids for key, ids in owners.items() if len(ids) > 1} == {}


def test_every_scope_is_at_hand_in_some_view() -> None:
    at_hand = {scope for view in VIEWS for scope in (view.SCOPE, *view.ALSO)}

    assert at_hand | {Scope.EVERYWHERE} == set(Scope)
