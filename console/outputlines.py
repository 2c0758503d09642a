"""What hosts printed, from pieces of bytes to lines that are safe to show: for every console."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from console.answers import Piece
from console.client import Client
from core.domain.display import safe_text

_MOST_LINE_BYTES = 1 << 20
"""A line that grows beyond this is shown in parts."""


def piece_bytes(piece: Piece) -> bytes:
    """The bytes that a piece of output stands for."""
    if piece.text is not None:
        return piece.text.encode("utf-8", "surrogateescape")
    return base64.b64decode(piece.base64 or "")


def output_lines(client: Client, run_id: str, query: Mapping[str, Any]) -> Iterator[str]:
    """One target's output in lines, made safe for a screen."""
    begun: dict[str, Lines] = {}
    for piece in client.output(run_id, query):
        yield from begun.setdefault(piece.stream, Lines()).feed(piece_bytes(piece))
    for lines in begun.values():
        yield from lines.rest()


class Lines:
    """Bytes to lines that are safe to show; an overlong line comes in parts."""

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, data: bytes) -> Iterator[str]:
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            yield safe_text(line.removesuffix(b"\r"))
        if len(self._begun) > _MOST_LINE_BYTES:
            yield from self.rest()

    def rest(self) -> Iterator[str]:
        """What came after the last line end."""
        if self._begun:
            yield safe_text(self._begun)
            self._begun = b""
