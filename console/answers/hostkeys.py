"""Which keys of hosts are trusted."""

from __future__ import annotations

from console.answers.base import Answer


class HostKey(Answer, frozen=True, kw_only=True):
    """A host's key and what was decided about it."""

    id: str
    key_type: str
    fingerprint: str
    status: str
    host: str | None = None
    pattern: str | None = None
    authority: bool = False
    source: str = ""
    first_seen_at: str = ""
    decided_at: str | None = None
    decided_by: str | None = None


class SkippedLine(Answer, frozen=True, kw_only=True):
    """A line of a known_hosts file that was not taken, and why."""

    line: int
    why: str


class KeyImport(Answer, frozen=True, kw_only=True):
    """What an import of a known_hosts file adds."""

    added: list[HostKey] = []
    skipped: list[SkippedLine] = []
