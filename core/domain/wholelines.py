"""Output of several streams for one reader: a line stands whole, where it ended. Pure."""

from __future__ import annotations

_MOST_BYTES = 1 << 20
"""Of a line that does not end: then it comes in parts."""


class WholeLines:
    """Takes pieces of streams as they arrived; none breaks into another's line."""

    def __init__(self) -> None:
        self._begun: dict[str, bytes] = {}

    def feed(self, stream: str, data: bytes) -> bytes:
        """The lines that `data` completes."""
        lines, newline, begun = (self._begun.pop(stream, b"") + data).rpartition(b"\n")
        if len(begun) > _MOST_BYTES:
            return lines + newline + begun
        if begun:
            self._begun[stream] = begun
        return lines + newline

    def rest(self) -> bytes:
        """What came after the last line end of each stream, a line each."""
        rest, self._begun = b"\n".join(self._begun.values()), {}
        return rest
