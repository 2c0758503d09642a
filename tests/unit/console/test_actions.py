"""The registry of actions: no two in each other's way, and every one complete."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from console.actions import TEXTS, Scope, of_scope, registry
from console.presenters.actions import scope_word

VIEWS = [scope for scope in Scope if scope not in (Scope.EVERYWHERE, Scope.LIST, Scope.TEXT)]


@pytest.mark.parametrize("scope", VIEWS)
def test_no_key_means_two_things_in_a_view(scope: Scope) -> None:
    """A view's own keys, those of lists or of texts, and those that are at hand everywhere."""
    for shared in (Scope.LIST, Scope.TEXT) if scope not in TEXTS else (Scope.TEXT,):
        owners = defaultdict(list)
        for action in (*of_scope(scope), *of_scope(shared), *of_scope(Scope.EVERYWHERE)):
            for key in action.keys:
                owners[key].append(action.id)

        assert {key: ids for key, ids in owners.items() if len(ids) > 1} == {}


def test_the_panes_of_a_run_leave_its_own_keys_alone() -> None:
    """Both are at hand at the same time."""
    own = {key for action in of_scope(Scope.RUN) for key in action.keys}

    for pane in (Scope.HOSTS, Scope.GROUPS):
        assert [a.id for a in of_scope(pane) if not own.isdisjoint(a.keys)] == []


def test_an_id_is_a_scope_and_a_name() -> None:
    for id_, action in registry().items():
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", id_)
        assert action.scope in Scope


def test_titles_are_short_and_help_is_a_sentence() -> None:
    for action in registry().values():
        assert len(action.title) <= 32, action.id
        assert action.help.endswith((".", "。")), action.id


def test_every_scope_has_a_word() -> None:
    assert all(scope_word(scope) for scope in Scope)
