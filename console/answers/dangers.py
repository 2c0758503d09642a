"""What rules for dangerous commands have found."""

from __future__ import annotations

from console.answers.base import Answer


class Danger(Answer, frozen=True, kw_only=True):
    """A rule for dangerous commands that something meets."""

    rule: str
    level: str
    message: str = ""
    where: str = ""
    line: int = 1
    column: int = 1
    command: str = ""
    meaning: str = ""
    step: str = ""
    hosts: str = ""
    decision: str = ""
    """What came of it, on a run's record: noted, acknowledged or refused."""
    at: str = ""
    actor: str = ""
