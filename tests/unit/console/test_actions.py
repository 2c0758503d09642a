"""The registry of actions: no two in each other's way, and every one complete."""

from __future__ import annotations

import re

from console.actions import Scope, registry
from console.presenters.actions import scope_word


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
