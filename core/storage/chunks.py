"""Output in chunks: from pieces as they arrived to compressed rows, and back. Pure.

A chunk holds up to 64 KiB of one target's output, all streams in the order of
arrival; its layout says which bytes are whose. So a short output is one row,
however often it changed between stdout and stderr.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
import zstandard

from core.storage.writer import timestamp

CHUNK_BYTES = 64 * 1024
"""Most bytes of output in one chunk: what a reader must unpack to see any of them."""

_COMPRESS_FROM = 512
"""Below this many bytes a frame's overhead eats most of what compression saves."""
_LEVEL = 3
_MAX_SEGMENTS = 4096
_SAME_SEGMENT_MS = 1000
"""Bytes of one stream that arrive within a second of each other share one time."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of one stream, as they arrived."""

    stream: str
    data: bytes
    at: str
    """Time of arrival, as `writer.timestamp` writes it."""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """One row's worth of output."""

    size_bytes: int
    """Before compression."""
    layout: str
    codec: str
    at: str
    data: bytes


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of one stream at their place in the target's output."""

    offset: int
    """Of the first byte, counted over all streams of the target."""
    stream: str
    data: bytes
    at: str


def pack(pieces: Iterable[Piece]) -> Iterator[Chunk]:
    """Cut and compress pieces that follow each other; empty ones leave no trace."""
    box = _Box()
    for piece in pieces:
        data = memoryview(piece.data)
        while data:
            if box.full:
                yield box.close()
                box = _Box()
            data = data[box.add(piece.stream, data, piece.at) :]
    if box.size:
        yield box.close()


def unpack(chunk: Chunk, offset: int) -> Iterator[Segment]:
    """The segments of a chunk whose first byte stands at `offset`."""
    data = chunk.data
    if chunk.codec == "zstd":
        data = zstandard.ZstdDecompressor().decompress(data, max_output_size=chunk.size_bytes)
    start = _moment(chunk.at)
    place = 0
    for stream, size, delay_ms in json.loads(chunk.layout):
        yield Segment(
            offset=offset + place,
            stream=stream,
            data=data[place : place + size],
            at=timestamp(start + timedelta(milliseconds=delay_ms)) if delay_ms else chunk.at,
        )
        place += size


class _Box:
    """A chunk that is being filled."""

    def __init__(self) -> None:
        self._parts: list[memoryview] = []
        self._layout: list[tuple[str, int, int]] = []
        self._at = ""
        self.size = 0

    @property
    def full(self) -> bool:
        return self.size >= CHUNK_BYTES or len(self._layout) >= _MAX_SEGMENTS

    def add(self, stream: str, data: memoryview, at: str) -> int:
        """Take what fits of `data`; how many bytes that was."""
        taken = data[: CHUNK_BYTES - self.size]
        self._at = self._at or at
        delay_ms = 0
        if at > self._at:
            delay_ms = (_moment(at) - _moment(self._at)) // timedelta(milliseconds=1)
        last = self._layout[-1] if self._layout else None
        if last and last[0] == stream and delay_ms - last[2] < _SAME_SEGMENT_MS:
            self._layout[-1] = (stream, last[1] + len(taken), last[2])
        else:
            self._layout.append((stream, len(taken), delay_ms))
        self._parts.append(taken)
        self.size += len(taken)
        return len(taken)

    def close(self) -> Chunk:
        raw = b"".join(self._parts)
        codec, data = _compressed(raw)
        return Chunk(
            size_bytes=len(raw),
            layout=_layout_text(self._layout),
            codec=codec,
            at=self._at,
            data=data,
        )


def _compressed(raw: bytes) -> tuple[str, bytes]:
    if len(raw) >= _COMPRESS_FROM:
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(raw)
        if len(packed) < len(raw):
            return "zstd", packed
    return "raw", raw


def _layout_text(layout: Sequence[tuple[str, int, int]]) -> str:
    return json.dumps(layout, separators=(",", ":"))


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at)
