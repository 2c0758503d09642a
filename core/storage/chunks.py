"""Output in chunks: from pieces as they arrived to compressed rows, and back. Pure.

A chunk holds up to 64 KiB of one target's output, all streams in the order of
arrival; its layout says which bytes are whose, and how many lines end in them. So a
short output is one row, however often it changed between stdout and stderr, and a
reader finds a line's place from the layouts alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive bytes of one stream, as a layout describes them."""

    stream: str
    size_bytes: int
    delay_ms: int
    """After the chunk's `at`."""
    line_ends: int | None = None
    """None in chunks of versions that did not count."""
    is_open: bool = False
    """Whether its last byte is no line end; unknown where `line_ends` is."""


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


_PARTS = msgspec.json.Decoder(list[Part])


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
    for part in parts_of(chunk.layout):
        late = timedelta(milliseconds=part.delay_ms)
        yield Segment(
            offset=offset + place,
            stream=part.stream,
            data=data[place : place + part.size_bytes],
            at=timestamp(start + late) if late else chunk.at,
        )
        place += part.size_bytes


def parts_of(layout: str) -> list[Part]:
    """What a chunk's layout says."""
    return _PARTS.decode(layout)


def part_of(stream: str, data: bytes, delay_ms: int = 0) -> Part:
    """The part that these bytes are, counted."""
    return Part(stream, len(data), delay_ms, data.count(b"\n"), not data.endswith(b"\n"))


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
            layout=msgspec.json.encode(list(self._parts_of(raw))).decode(),
            codec=codec,
            at=self._at,
            data=data,
        )

    def _parts_of(self, raw: bytes) -> Iterator[Part]:
        place = 0
        for stream, size, delay_ms in self._layout:
            yield part_of(stream, raw[place : place + size], delay_ms)
            place += size


def _compressed(raw: bytes) -> tuple[str, bytes]:
    if len(raw) >= _COMPRESS_FROM:
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(raw)
        if len(packed) < len(raw):
            return "zstd", packed
    return "raw", raw


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at)
