"""Finding a text in one chunk, whatever came before it. Pure.

A text may begin in one chunk and end in another, and the pieces of another
stream may lie between. So beside a chunk stands what each stream had come to
before it: how many lines, and its last bytes. With these a chunk can be
searched, and indexed, without the ones before it.

Letter case is ignored by full case folding, character by character; bytes
that are not UTF-8 are replacement characters.
"""

from __future__ import annotations

import codecs
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from core.errors import Invalid
from core.storage.chunks import Segment

TAIL_BYTES = 256
"""How much of a stream's end is kept beside a chunk: at least `TAIL_CHARACTERS` whole ones."""
TAIL_CHARACTERS = TAIL_BYTES // 4 - 1

_LINE_CHARACTERS = 200
_BEFORE_CHARACTERS = 60
_CONTINUATION = bytes(range(0x80, 0xC0))


class StreamPlace(msgspec.Struct, frozen=True, array_like=True):
    """What one stream has come to at some chunk."""

    lines: int = 0
    """Lines that have ended."""
    tail: bytes = b""
    """Its last bytes, from a character's beginning on."""


Places = Mapping[str, StreamPlace]
"""Stream -> its place; a stream that printed nothing yet is not in it."""


class Hit(msgspec.Struct, frozen=True):
    """Where a text was found."""

    stream: str
    line_number: int
    """Of the line it begins in, within its stream, from 1."""
    line: str
    """That line, or the part around the text; at most 200 characters."""


class Wanted:
    """A text to look for."""

    def __init__(self, text: str) -> None:
        if not text:
            raise Invalid("there is no text to look for")
        self.folded = text.casefold()
        # A folded character stems from one of at most four bytes; no character folds to nothing.
        self.tail_bytes = 4 * len(self.folded)
        """How much of a stream before a chunk can belong to a match that ends in the chunk."""

    def may_end_in(self, text: str) -> bool:
        """Whether folded text contains the end of the wanted one, as far as a tail reaches."""
        return self.folded[-TAIL_CHARACTERS:] in text


def after(places: Places, segments: Iterable[Segment]) -> Places:
    """What the streams have come to when these segments follow."""
    return {**places, **{s: _moved(places.get(s), data) for s, data in by_stream(segments).items()}}


def by_stream(segments: Iterable[Segment]) -> dict[str, bytes]:
    """Stream -> all its bytes."""
    parts: dict[str, list[bytes]] = {}
    for segment in segments:
        parts.setdefault(segment.stream, []).append(segment.data)
    return {stream: b"".join(datas) for stream, datas in parts.items()}


def folded_text(data: bytes) -> str:
    """What is compared: without the letter case, and without a character that is not whole yet."""
    return decoded(data).casefold()


def decoded(data: bytes) -> str:
    """Text of bytes that may go on."""
    return codecs.utf_8_decode(data, "replace", False)[0]


def tail_of(data: bytes, size: int = TAIL_BYTES) -> bytes:
    """The end of `data`, from a character's beginning on."""
    if len(data) <= size:
        return data
    tail = data[-size:]
    # More than three in a row are no character's, so they are looked at one by one.
    return tail[:3].lstrip(_CONTINUATION) + tail[3:]


def first_hit(wanted: Wanted, places: Places, segments: Sequence[Segment]) -> Hit | None:
    """The match that ends first in these segments; `places` are those before them.

    The tails in `places` hold at least `wanted.tail_bytes`, or all that there was.
    """
    texts = by_stream(segments)
    starts = {
        stream: start
        for stream, data in texts.items()
        if (start := _start(wanted, _place(places, stream), data)) >= 0
    }
    if not starts:
        return None
    stream = min(starts, key=lambda name: _ends_in(wanted, places, segments, name))
    return _hit(_place(places, stream), texts[stream], stream, starts[stream])


def _place(places: Places, stream: str) -> StreamPlace:
    return places.get(stream, StreamPlace())


def _start(wanted: Wanted, place: StreamPlace, data: bytes) -> int:
    """Where, in the folded text of tail and data, the first match begins that ends in data; or -1.

    One that ends in the tail belongs to a chunk before.
    """
    ended = len(folded_text(place.tail))
    return folded_text(place.tail + data).find(
        wanted.folded, max(0, ended - len(wanted.folded) + 1)
    )


def _moved(place: StreamPlace | None, data: bytes) -> StreamPlace:
    place = place or StreamPlace()
    end = data if len(data) > TAIL_BYTES + 3 else place.tail + data
    return StreamPlace(place.lines + data.count(b"\n"), tail_of(end))


def _ends_in(wanted: Wanted, places: Places, segments: Sequence[Segment], stream: str) -> int:
    """Number of the segment in which the first match of a stream ends."""
    numbers = [n for n, segment in enumerate(segments) if segment.stream == stream]
    if len(numbers) == len(segments):
        return numbers[0]
    place = _place(places, stream)

    def reached(count: int) -> bool:
        return _start(wanted, place, b"".join(segments[n].data for n in numbers[:count])) >= 0

    return numbers[bisect_left(range(1, len(numbers) + 1), True, key=reached)]


def _hit(place: StreamPlace, data: bytes, stream: str, start: int) -> Hit:
    text = decoded(place.tail + data)
    folded = text.casefold()
    # Folding may lengthen a character, but it neither makes nor takes away a line.
    above = folded.count("\n", 0, start)
    line = text.split("\n")[above]
    column = max(0, start - folded.rfind("\n", 0, start) - 1 - _BEFORE_CHARACTERS)
    return Hit(
        stream=stream,
        line_number=place.lines - place.tail.count(b"\n") + above + 1,
        line=line[column : column + _LINE_CHARACTERS].rstrip("\r"),
    )
