"""A body that comes packed: whatever it holds, little of it is in memory at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

ACCEPTED = "gzip, deflate"
"""What a request says in Accept-Encoding, unless its step says something else."""

_PIECE_BYTES = 1 << 16
"""Unpacked at once: a server makes a thousand bytes out of one."""
_ZLIB, _RAW, _GZIP = zlib.MAX_WBITS, -zlib.MAX_WBITS, zlib.MAX_WBITS | 16
_FORMATS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}


class Unreadable(Exception):
    """The body is not packed as it says, or packed in no way that is taken."""


class Unpacker:
    """Takes a body piece by piece, and gives what is packed in it."""

    def __init__(self, content_encoding: str) -> None:
        """Unreadable where the body is packed again and again, as nobody does who means well.

        A coding that is not known is left to the reader.
        """
        named = map(str.strip, content_encoding.lower().split(","))
        codings = [each for each in named if each not in ("", "identity")]
        if len(codings) > 1:
            raise Unreadable(f"the body is packed {len(codings)} times, one in the other")
        self._format = _FORMATS.get("".join(codings))
        self._inflater = None if self._format is None else zlib.decompressobj(self._format)
        self._has_begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the next piece holds, in small ones. Unreadable where it is not what was said."""
        if self._inflater is None:
            yield data
            return
        is_full = True
        while is_full:
            piece = self._inflated(data)
            data = self._inflater.unconsumed_tail
            is_full = len(piece) == _PIECE_BYTES
            yield piece

    def _inflated(self, data: bytes) -> bytes:
        assert self._inflater is not None
        is_first, self._has_begun = not self._has_begun, True
        try:
            return self._inflater.decompress(data, _PIECE_BYTES)
        except zlib.error as error:
            if not (is_first and self._format == _ZLIB):
                raise Unreadable(f"the body is not packed as it says: {error}") from error
        # Some servers leave the frame of `deflate` (RFC 9110, 8.4.1.2) away.
        self._format = _RAW
        self._inflater = zlib.decompressobj(_RAW)
        return self._inflated(data)
