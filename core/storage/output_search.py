"""Finding a text in what the targets of a run printed.

The chunks are scanned in order, one in memory at a time. A text is found
wherever it stands: across chunks, in either stream, in any letter case.
"""

from __future__ import annotations

import codecs
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, select

from core.errors import Invalid
from core.storage.chunks import Chunk, unpack
from core.storage.tables import output_chunk, target_run

_LINE_CHARACTERS = 200
_BEFORE_CHARACTERS = 60

_WHO = tuple(target_run.c[name] for name in ("id", "step", "attempt", "ordinal", "host"))
_WHAT = tuple(output_chunk.c[name] for name in ("offset", *Chunk.__struct_fields__))


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A target whose output contains the text."""

    target_run_id: int
    step: str
    attempt: int
    ordinal: int
    host: str
    stream: str
    """Where it stands first."""
    line_number: int
    """Of the line it stands in, within its stream, from 1."""
    line: str
    """The line it stands in, or the part around it; at most 200 characters."""


def search(
    connection: Connection, run_id: str, text: str, limit: int, *, after: int = 0
) -> list[Found]:
    """Up to `limit` targets of a run whose output contains `text`, in the run's order.

    Letter case is ignored; bytes that are not UTF-8 match nothing. `after` is the
    `target_run_id` of the last one of the page before.
    """
    if not text:
        raise Invalid("there is no text to look for")
    chunks = connection.execute(
        select(*_WHO, *_WHAT)
        .join_from(target_run, output_chunk, output_chunk.c.target_run_id == target_run.c.id)
        .where(target_run.c.run_id == run_id, target_run.c.id > after)
        .order_by(target_run.c.id, output_chunk.c.offset)
        .execution_options(yield_per=1)
    ).mappings()
    found = []
    for target, rows in groupby(chunks, key=lambda row: {c.name: row[c.name] for c in _WHO}):
        scans: dict[str, _Scan] = {}
        for row in rows:
            hit = _first_match(row, text, scans)
            if hit is not None:
                found.append(Found(target_run_id=target.pop("id"), **target, **hit))
                break
        if len(found) >= limit:
            break
    return found


def _first_match(row: RowMapping, text: str, scans: dict[str, _Scan]) -> dict[str, Any] | None:
    chunk = Chunk(**{name: row[name] for name in Chunk.__struct_fields__})
    for segment in unpack(chunk, row["offset"]):
        scan = scans.setdefault(segment.stream, _Scan(text))
        hit = scan.feed(segment.data)
        if hit is not None:
            return {"stream": segment.stream, "line_number": hit[0], "line": hit[1]}
    return None


class _Scan:
    """Looks for a text in one stream; keeps only what a match may have begun in."""

    def __init__(self, text: str) -> None:
        self._wanted = text.casefold()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._tail = ""
        self._lines_before = 0
        """Lines that ended before the tail."""

    def feed(self, data: bytes) -> tuple[int, str] | None:
        """Number and text of the line of the first match that ends in `data`, or None."""
        text = self._tail + self._decoder.decode(data)
        folded = text.casefold()
        place = folded.find(self._wanted)
        if place >= 0:
            # Folding may lengthen a character, but it neither makes nor takes away a line.
            above = folded.count("\n", 0, place)
            line = text.split("\n")[above]
            start = max(0, place - folded.rfind("\n", 0, place) - 1 - _BEFORE_CHARACTERS)
            shown = line[start : start + _LINE_CHARACTERS].rstrip("\r")
            return self._lines_before + above + 1, shown
        # No character folds to nothing, so a match reaches back no further than its length.
        keep = max(len(self._wanted), _BEFORE_CHARACTERS)
        self._tail = text[-keep:]
        self._lines_before += text.count("\n", 0, len(text) - len(self._tail))
        return None
