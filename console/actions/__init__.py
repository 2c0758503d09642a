"""One registry of everything a person can do, as data.

It feeds the keys, the palette, the footer, the key help and the table of keys in the documentation.

Action, Subject, Scope    base.py
what stands in it         a file each for what is at hand everywhere, in lists, in each view
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from console.actions import (
    approvals,
    channels,
    comparison,
    document,
    editing,
    engine,
    events,
    everywhere,
    inventory,
    launch,
    library,
    lists,
    output,
    pulse,
    queue,
    run,
    run_panes,
    runs,
    schedules,
    settings,
    texts,
    tour,
)
from console.actions.base import TEXTS, Action, Scope, Subject
from console.i18n import language

_SOURCES = (
    everywhere,
    lists,
    texts,
    pulse,
    runs,
    run,
    run_panes,
    comparison,
    output,
    launch,
    library,
    document,
    editing,
    inventory,
    schedules,
    approvals,
    queue,
    events,
    engine,
    channels,
    settings,
    tour,
)


def registry() -> Mapping[str, Action]:
    """Id -> action, in the order in which people are shown them, in the language of now."""
    return _registry(language())


@cache
def _registry(_language: str) -> Mapping[str, Action]:
    return {action.id: action for source in _SOURCES for action in source.actions()}


def of_scope(scope: Scope) -> tuple[Action, ...]:
    """The actions of one scope, in their order."""
    return tuple(action for action in registry().values() if action.scope is scope)


__all__ = ["TEXTS", "Action", "Scope", "Subject", "of_scope", "registry"]
