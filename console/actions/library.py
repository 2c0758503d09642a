"""Actions of the library: what is saved to be run, and what goes with it."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions import documents
from console.actions.base import Action, Scope


def actions() -> Iterator[Action]:
    yield from documents.actions(Scope.LIBRARY)
    yield documents.new_action(Scope.LIBRARY)
    yield from documents.section_actions(Scope.LIBRARY)
