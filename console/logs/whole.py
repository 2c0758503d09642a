"""All of an output as lines, a few chunks in memory at a time: for files and pagers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.logs.chunks import Part, Piece, Row, Who, cut
from console.logs.shown import plain

_MOST_BYTES = 1 << 20
"""Of one line; a longer one comes in parts."""


def whole_lines(chunks: Iterable[tuple[Who, Iterable[Piece]]], *, names: bool) -> Iterator[bytes]:
    """Harmless lines in UTF-8; `names`: each begins with its host."""
    held: tuple[Who, Part] | None = None
    for who, pieces in chunks:
        for part in cut(pieces):
            if held is not None:
                before, begun = held
                goes_on = begun.is_open and before == who and begun.stream == part.stream
                if goes_on and len(begun.data) < _MOST_BYTES:
                    begun.data += part.data
                    continue
                yield _line(before, begun, names=names)
            held = who, part
    if held is not None:
        yield _line(*held, names=names)


def _line(who: Who, part: Part, *, names: bool) -> bytes:
    text = plain(Row(0, False, who, part.stream, part.at, part.data))
    sign = {"err": "! ", "note": "# "}.get(part.stream, "  ")
    before = f"{who.host}  {sign}" if names else ""
    return f"{before}{text}\n".encode()
