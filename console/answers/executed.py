"""What was really executed on the hosts of a run."""

from __future__ import annotations

from typing import Any

from console.answers.base import Answer


class Way(Answer, frozen=True, kw_only=True):
    """Hosts that were reached alike, and who worked there."""

    protocol: str
    account: str = ""
    user: str = ""
    """Who logged in; "" is the engine's own user."""
    become: str = ""
    """Who the work ran as then: `root (sudo)`; "" is who logged in."""
    shell: str = ""
    count: int = 0
    hosts: str = ""
    """Folded."""


class ScriptText(Answer, frozen=True, kw_only=True):
    """A script document's revision, as it was copied into the run."""

    name: str
    revision: int
    language: str
    text: str


class Executed(Answer, frozen=True, kw_only=True):
    """What one attempt of a step was given to do; secrets by their names only."""

    step: str
    attempt: int
    kind: str
    started_at: str | None = None
    settings: dict[str, Any] = {}
    script: ScriptText | None = None
    ways: list[Way] = []
    env: dict[str, str] = {}
    """Variables with the same value on all of these hosts."""
    differing: list[str] = []
    """Names of those whose values differ from host to host."""
    secrets: list[str] = []
