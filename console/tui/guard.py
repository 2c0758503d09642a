"""Read-only environments: what would change them is not at hand."""

from __future__ import annotations

from collections.abc import Iterable

from console.actions import Subject
from console.answers import Document


class Guard:
    """Which environments may not be changed from here, as the engine last said."""

    def __init__(self, *, write: bool) -> None:
        """`write`: this time they may be changed."""
        self._write = write
        self._read_only: frozenset[str] = frozenset()

    def learn(self, environments: Iterable[Document]) -> None:
        self._read_only = frozenset(
            each.name for each in environments if each.spec.get("read_only")
        )

    def read_only(self, subject: Subject) -> list[str]:
        """The environments that rule out changing this subject, by name."""
        return [] if self._write else sorted(subject.environments & self._read_only)
