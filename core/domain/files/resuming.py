"""From which byte on a file is sent, and what its unfinished copy is called.

An unfinished copy lies beside the file, under a name that only the same content in the same
run and step asks for: a repeat finds what came before, and nothing else ever adds to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

TEMP_PREFIX, TEMP_SUFFIX = ".jobdeck-", ".part"
_KEY_CHARACTERS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What lies at the place that a file goes to."""

    exists: bool
    digest: str | None = None
    """SHA-256 of the file there, in hexadecimal; None where its size tells that it differs."""
    part_bytes: int = 0
    part_digest: str | None = None
    """Of the unfinished copy; None where there is none."""


def temp_name(key: str, name: str, digest: str) -> str:
    """What the unfinished copy of a file is called; `key` says which run, step and host."""
    text = f"{key}\0{name}\0{digest}".encode("utf-8", "surrogateescape")
    return f"{TEMP_PREFIX}{hashlib.sha256(text).hexdigest()[:_KEY_CHARACTERS]}{TEMP_SUFFIX}"


def resume_at(found: Found, size: int, digest_of_first: Callable[[int], str]) -> int:
    """The first byte that is missing; 0 unless what came before is the beginning of the file.

    `digest_of_first` gives the SHA-256 of that many bytes of the source.
    """
    if found.part_digest is None or not 0 < found.part_bytes <= size:
        return 0
    return found.part_bytes if digest_of_first(found.part_bytes) == found.part_digest else 0
