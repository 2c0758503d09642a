"""Files that belong to jobs."""

from __future__ import annotations

from console.answers.base import Answer


class Content(Answer, frozen=True, kw_only=True):
    """A file that belongs to jobs, and who refers to it."""

    sha256: str
    size_bytes: int
    added_at: str
    added_by: str
    used_at: str
    used_by: list[str] = []
    runs: int = 0


class ContentVerdict(Answer, frozen=True, kw_only=True):
    """Whether a content is what its SHA-256 says; `fault` "": it is."""

    sha256: str
    fault: str = ""
