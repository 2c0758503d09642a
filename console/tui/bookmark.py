"""Where one was when the line broke: the place that the next console opens.

It is written as one goes and removed when one leaves, so it is only found after a console that was
cut off or killed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_MOST_BYTES = 4096


class Bookmark:
    """One file; that it cannot be written is no reason to trouble anybody."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def put(self, command: str) -> None:
        """Remember a place, as the command bar types it."""
        with suppress(OSError):
            draft = self._file.with_suffix(f".{os.getpid()}")
            draft.write_text(command, encoding="utf-8")
            draft.replace(self._file)

    def take_out(self) -> None:
        with suppress(OSError):
            self._file.unlink()

    def found(self) -> str:
        """The place that was remembered; "" where there is none."""
        with suppress(OSError, UnicodeDecodeError), self._file.open(encoding="utf-8") as file:
            return " ".join(file.read(_MOST_BYTES).split())
        return ""
