"""Notes of people."""

from __future__ import annotations

from console.answers.base import Answer


class Note(Answer, frozen=True, kw_only=True):
    """A note on a run."""

    at: str
    actor: str
    text: str
