"""Bytes of output as they arrived, and the rows that they are cut into."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Who:
    """Whose output it is."""

    host: str
    ordinal: int
    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A chunk in the index: what is known of it without its bytes."""

    number: int
    """Rises in the order of arrival."""
    who: Who
    size_bytes: int
    lines: int
    """That begin in it."""
    continues: bool
    """Whether it begins within a line of the chunk before."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive bytes of one stream."""

    stream: str
    at: str
    data: bytes


@dataclass(slots=True)
class Part:
    """What of one line stands in one chunk."""

    stream: str
    at: str
    data: bytes = field(repr=False)

    @property
    def is_open(self) -> bool:
        return not self.data.endswith(b"\n")


@dataclass(frozen=True, slots=True)
class Row:
    """A line, or a part of one that is longer than a screen can be asked to hold."""

    line: int
    """Number of the line in this log, from 1."""
    is_rest: bool
    """Whether the line began in a row before."""
    who: Who
    stream: str
    at: str
    data: bytes = field(repr=False)
    """With its line end."""


def cut(pieces: Iterable[Piece]) -> list[Part]:
    """The parts of lines in a chunk: each ends with its line end, or where another stream goes on."""
    parts: list[Part] = []
    for piece in pieces:
        lines = piece.data.split(b"\n")
        ends = [line + b"\n" for line in lines[:-1]] + lines[-1:]
        for data in filter(None, ends):
            if parts and parts[-1].is_open and parts[-1].stream == piece.stream:
                parts[-1].data += data
            else:
                parts.append(Part(piece.stream, piece.at, data))
    return parts
