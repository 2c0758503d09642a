"""What targets print: compressed chunks, caps, pages and search.

A target's output is one sequence of bytes in the order of arrival, cut into
chunks of at most 64 KiB of one stream. A chunk knows its offset, so a page from
anywhere is one index look-up; `seq` rises with every commit, so a live reader
of a run has one cursor over all its targets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
import zstandard
from sqlalchemy import Connection, Row, insert, select

from core.errors import Invalid, Problem
from core.storage.tables import output_chunk, target_run
from core.storage.writer import Transaction

CHUNK_BYTES = 64 * 1024
_WORTH_COMPRESSING_BYTES = 512
_LEVEL = 3


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive bytes of one stream."""

    stream: str
    """out, err or note."""
    data: bytes
    at: str
    """When it arrived."""
    offset: int = 0
    """Place of its first byte in the target's output; set when read."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a target's output."""

    pieces: list[Piece]
    next_offset: int | None
    """Where the next page begins; None at the end of what is stored."""
    size_bytes: int
    """Bytes that are stored of this target in all."""


class LivePiece(msgspec.Struct, frozen=True, kw_only=True):
    """One chunk as a live reader of a run gets it."""

    seq: int
    host: str
    step: str
    attempt: int
    ordinal: int
    piece: Piece


class OverCap(StrEnum):
    """What happens to work that prints more than its cap."""

    TRUNCATE = "truncate"
    """It goes on; what it prints beyond is counted, not kept."""
    HALT = "halt"
    """It is ended."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How much output is kept."""

    per_run_bytes: int
    per_target_bytes: int
    over: OverCap

    @classmethod
    def parse(cls, per_run: str, per_target: str, over: str) -> Caps:
        """From texts such as `20MB`, `500kB`, `1000000`."""
        return cls(parse_size(per_run), parse_size(per_target), OverCap(over))

    def run_budget(self, used_bytes: int = 0) -> RunBudget:
        """The budget of one run that has used some of it already."""
        return RunBudget(self, used_bytes)


_SIZE = re.compile(r"(\d{1,15})\s*(|B|kB|KB|MB|GB|TB)")
_UNITS = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_size(text: str) -> int:
    """Bytes; Invalid shows the form."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        problem = Problem(where="", what=f"{text!r} is not a size", hint="such as 20MB or 500kB")
        raise Invalid("a size is a number and a unit", [problem])
    return int(match[1]) * _UNITS[match[2]]


class RunBudget:
    """What a run may still keep, shared by its targets."""

    def __init__(self, caps: Caps, used_bytes: int) -> None:
        self.caps = caps
        self.left = max(0, caps.per_run_bytes - used_bytes)

    def target(self) -> TargetBudget:
        return TargetBudget(self)


class TargetBudget:
    """What one target may still keep. Notes count like the rest."""

    def __init__(self, run: RunBudget) -> None:
        self._run = run
        self._left = run.caps.per_target_bytes
        self.kept = 0
        self.dropped = 0

    @property
    def halted(self) -> bool:
        """Whether the work must end, because it printed more than it may."""
        return self.dropped > 0 and self._run.caps.over is OverCap.HALT

    def take(self, data: bytes) -> bytes:
        """The part of `data` that is kept; the rest is counted as dropped."""
        room = min(self._left, self._run.left, len(data))
        self._left -= room
        self._run.left -= room
        self.kept += room
        self.dropped += len(data) - room
        return data if room == len(data) else data[:room]


# --- writing --------------------------------------------------------------------------------


def append(
    tx: Transaction, run_id: str, target_run_id: int, offset: int, pieces: Sequence[Piece]
) -> int:
    """Store pieces behind what is stored already, up to `offset`; the offset after them."""
    rows = []
    for piece in _joined(pieces):
        for start in range(0, len(piece.data), CHUNK_BYTES):
            data = piece.data[start : start + CHUNK_BYTES]
            codec, stored = _pack(data)
            rows.append(
                {
                    "run_id": run_id,
                    "target_run_id": target_run_id,
                    "offset": offset,
                    "size_bytes": len(data),
                    "stream": piece.stream,
                    "codec": codec,
                    "at": piece.at,
                    "data": stored,
                }
            )
            offset += len(data)
    if rows:
        tx.connection.execute(insert(output_chunk), rows)
    return offset


def _joined(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Neighbours of one stream as one piece, so that small reads make no small chunks."""
    run: list[Piece] = []
    for piece in pieces:
        if run and run[0].stream != piece.stream:
            yield _join(run)
            run = []
        run.append(piece)
    if run:
        yield _join(run)


def _join(run: Sequence[Piece]) -> Piece:
    if len(run) == 1:
        return run[0]
    return msgspec.structs.replace(run[0], data=b"".join(piece.data for piece in run))


def _pack(data: bytes) -> tuple[str, bytes]:
    if len(data) >= _WORTH_COMPRESSING_BYTES:
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(data)
        if len(packed) < len(data):
            return "zstd", packed
    return "raw", data


# --- reading --------------------------------------------------------------------------------


def _unpack(row: Row[Any]) -> bytes:
    if row.codec == "zstd":
        return zstandard.ZstdDecompressor().decompress(row.data, max_output_size=CHUNK_BYTES)
    return bytes(row.data)


_COLUMNS = (
    output_chunk.c.seq,
    output_chunk.c.offset,
    output_chunk.c.size_bytes,
    output_chunk.c.stream,
    output_chunk.c.codec,
    output_chunk.c.at,
    output_chunk.c.data,
)


def read(
    connection: Connection,
    target_run_id: int,
    offset: int = 0,
    limit_bytes: int = CHUNK_BYTES,
    streams: Sequence[str] = (),
) -> Page:
    """At most `limit_bytes` from `offset` on; a negative offset counts from the end.

    Only the chunks that hold the page are read. With `streams`, offsets stay
    those of the whole output, and a page may hold fewer bytes than its limit.
    """
    size = stored_size(connection, target_run_id)
    start = max(0, size + offset) if offset < 0 else min(offset, size)
    end = min(size, start + limit_bytes)
    first = (
        select(output_chunk.c.offset)
        .where(output_chunk.c.target_run_id == target_run_id, output_chunk.c.offset <= start)
        .order_by(output_chunk.c.offset.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(*_COLUMNS)
        .where(
            output_chunk.c.target_run_id == target_run_id,
            output_chunk.c.offset >= first,
            output_chunk.c.offset < end,
        )
        .order_by(output_chunk.c.offset)
    )
    if streams:
        query = query.where(output_chunk.c.stream.in_(streams))
    pieces = []
    for row in connection.execute(query):
        low, high = max(start, row.offset), min(end, row.offset + row.size_bytes)
        if low < high:
            data = _unpack(row)[low - row.offset : high - row.offset]
            pieces.append(Piece(stream=row.stream, data=data, at=row.at, offset=low))
    return Page(pieces=pieces, next_offset=end if end < size else None, size_bytes=size)


def stored_size(connection: Connection, target_run_id: int) -> int:
    """Bytes of a target's output that are stored so far."""
    row = connection.execute(
        select(output_chunk.c.offset, output_chunk.c.size_bytes)
        .where(output_chunk.c.target_run_id == target_run_id)
        .order_by(output_chunk.c.offset.desc())
        .limit(1)
    ).first()
    return 0 if row is None else int(row.offset + row.size_bytes)


def read_all(
    connection: Connection, target_run_id: int, streams: Sequence[str] = ()
) -> Iterator[Piece]:
    """Everything that is stored, a chunk at a time."""
    offset: int | None = 0
    while offset is not None:
        page = read(connection, target_run_id, offset, 16 * CHUNK_BYTES, streams)
        yield from page.pieces
        offset = page.next_offset


def read_live(
    connection: Connection, run_id: str, after_seq: int, limit: int = 200
) -> list[LivePiece]:
    """Chunks of a run that were committed after `after_seq`, in the order of their commits."""
    rows = connection.execute(
        select(
            *_COLUMNS,
            target_run.c.host,
            target_run.c.step,
            target_run.c.attempt,
            target_run.c.ordinal,
        )
        .join(target_run, target_run.c.id == output_chunk.c.target_run_id)
        .where(output_chunk.c.run_id == run_id, output_chunk.c.seq > after_seq)
        .order_by(output_chunk.c.seq)
        .limit(limit)
    )
    return [
        LivePiece(
            seq=row.seq,
            host=row.host,
            step=row.step,
            attempt=row.attempt,
            ordinal=row.ordinal,
            piece=Piece(stream=row.stream, data=_unpack(row), at=row.at, offset=row.offset),
        )
        for row in rows
    ]


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a target's output that holds the searched text."""

    host: str
    step: str
    attempt: int
    ordinal: int
    line: int
    """Counted from 1 over the target's whole output."""
    text: str


_SHOWN_CHARACTERS = 300


def search(
    connection: Connection, run_id: str, text: str, *, limit: int, per_target: int = 5
) -> list[Hit]:
    """Lines of a run's output that hold `text`, whatever its case; bounded memory."""
    wanted = text.casefold()
    targets = connection.execute(
        select(
            target_run.c.id,
            target_run.c.host,
            target_run.c.step,
            target_run.c.attempt,
            target_run.c.ordinal,
        )
        .where(target_run.c.run_id == run_id, target_run.c.size_bytes > 0)
        .order_by(target_run.c.id)
    ).all()
    hits: list[Hit] = []
    for target in targets:
        found = 0
        for number, line in _lines(read_all(connection, target.id, ("out", "err"))):
            if wanted in line.casefold():
                hits.append(
                    Hit(
                        host=target.host,
                        step=target.step,
                        attempt=target.attempt,
                        ordinal=target.ordinal,
                        line=number,
                        text=_around(line, wanted),
                    )
                )
                found += 1
                if len(hits) >= limit:
                    return hits
                if found >= per_target:
                    break
    return hits


def _lines(pieces: Iterator[Piece]) -> Iterator[tuple[int, str]]:
    """Numbered lines; one longer than a chunk comes in parts that overlap by their last 1,000."""
    number, held = 1, b""
    for piece in pieces:
        *whole, held = (held + piece.data).split(b"\n")
        for line in whole:
            yield number, line.decode("utf-8", "replace")
            number += 1
        if len(held) > CHUNK_BYTES:
            yield number, held.decode("utf-8", "replace")
            held = held[-1000:]
    if held:
        yield number, held.decode("utf-8", "replace")


def _around(line: str, wanted: str) -> str:
    """The part of a long line that holds the hit."""
    if len(line) <= _SHOWN_CHARACTERS:
        return line
    place = max(0, line.casefold().find(wanted) - _SHOWN_CHARACTERS // 2)
    return line[place : place + _SHOWN_CHARACTERS]
