"""What becomes of a file, by what lies at its place; and how a text would change. Pure."""

from __future__ import annotations

from enum import StrEnum

from core.domain.files.resuming import Found
from core.domain.textdiff import LineKind, line_diff

MAX_DIFF_BYTES = 256 << 10
"""Of a file whose change is shown; of a larger one only that it changes."""

_SIGNS = {LineKind.HUNK: "", LineKind.SAME: " ", LineKind.REMOVED: "-", LineKind.ADDED: "+"}


class Exists(StrEnum):
    """What happens where a file of the name is there already, with other content."""

    OVERWRITE = "overwrite"
    SKIP = "skip"
    FAIL = "fail"


class Fate(StrEnum):
    """What is to become of a file."""

    CREATE = "create"
    REPLACE = "replace"
    UNCHANGED = "unchanged"
    SKIP = "skip"
    REFUSE = "refuse"

    @property
    def done(self) -> str:
        """What has become of it, in a word."""
        return _DONE.get(self, self.value)


_DONE = {Fate.CREATE: "created", Fate.REPLACE: "replaced", Fate.SKIP: "skipped"}


def fate_of(found: Found, digest: str, exists: str) -> Fate:
    """What becomes of a file with this SHA-256, where that was found; `exists` as the step says."""
    if found.digest == digest:
        return Fate.UNCHANGED
    if not found.exists:
        return Fate.CREATE
    return {Exists.OVERWRITE: Fate.REPLACE, Exists.SKIP: Fate.SKIP}.get(Exists(exists), Fate.REFUSE)


def change_in_words(old: bytes, new: bytes) -> str:
    """A unified diff, each line ended; "" unless both are texts."""
    if b"\0" in old or b"\0" in new:
        return ""
    lines = line_diff(old, new).lines
    return "".join(f"{_SIGNS[line.kind]}{line.text}\n" for line in lines)
