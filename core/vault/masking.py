"""Secrets become *** before output is stored, sent on or shown.

Covered, wherever the output is cut into pieces: a secret's exact bytes and all its
forms in `secret_forms.FORMS` (base64 at every alignment and in either alphabet, hex,
UTF-16, percent encoding, JSON, markup, the insides of quotes), each line of a secret
of several lines, and any stretch of PIECE_BYTES of a longer one; all of it also where
escape sequences (colours, titles) stand inside. Hits that overlap or touch become one ***.

Not covered, so this is a safety net and no promise:

- secrets shorter than MIN_SECRET_BYTES, and such lines of longer ones (`unmaskable`);
- secrets that are not in use and shorter than LEAST_OF_OTHERS;
- a part of a secret (a prefix that was cut off, one character per line);
- other bytes inside a secret, or base64 of a longer text that is broken into lines
  inside the secret;
- more than MOST_HELD_BYTES of escape sequences inside one;
- other case, other encodings (base32, rot13), several encodings one upon another,
  and anything computed: hashes, ciphers, compression;
- at the edges of base64, the one character on either side that the secret shares
  with its neighbours: up to 4 bits each;
- a secret that contains `*` may be completed by a *** beside it.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from ahocorasick_rs import BytesAhoCorasick, Implementation

from core.vault.plain_view import MOST_SEQUENCE_BYTES, PlainView
from core.vault.secret_forms import forms_of

MASK = b"***"
MIN_SECRET_BYTES = 4
"""Shorter values are everywhere in ordinary output; masking them would destroy it."""
LEAST_OF_OTHERS = 12
"""Characters of a secret, and bytes of a form, that is masked where it is not in use. Shorter ones
stand in ordinary output, and whoever may print there could try guesses until one is masked."""
PIECE_BYTES = 64
"""Longer forms are looked for in pieces of this length, so a stream holds back less than this."""

MOST_HELD_BYTES = 1 << 16
"""A host that prints nothing but colours inside what may be a secret is not waited for longer."""

_ESC = b"\x1b"
_TAIL_BYTES = 4096
"""An end of output that has nearly always enough in it beside escape sequences."""
_DFA_PAYS_AFTER = 200
"""Bytes of output a byte of patterns: from then on the quicker search has paid for its making."""
_MOST_DFA_BYTES = 64 << 10
"""Of patterns: the quicker search of more takes too long to make, and too much memory."""


class Masker:
    """Knows the patterns of a set of secrets; shared by any number of streams."""

    def __init__(
        self, secrets: Iterable[bytes | str] = (), others: Iterable[bytes | str] = ()
    ) -> None:
        """`secrets` are those in use; `others` are looked for too, as far as they are long enough."""
        known = {_to_bytes(secret) for secret in secrets} - {b""}
        self.unmaskable = sum(len(secret) < MIN_SECRET_BYTES for secret in known)
        """How many of the secrets in use are too short to be masked."""
        self.patterns = sorted(
            {
                *_patterns(known, MIN_SECRET_BYTES),
                *_patterns(map(_to_bytes, others), LEAST_OF_OTHERS),
            }
        )
        self._search = _Search(self.patterns)
        self._starts = {pattern[:length] for pattern in self.patterns for length in (1, 2)}
        self._reach = max(map(len, self.patterns), default=1) - 1

    def __bool__(self) -> bool:
        """Whether there is anything to mask."""
        return bool(self.patterns)

    def mask(self, data: bytes) -> bytes:
        """All of `data` at once."""
        stream = MaskStream(self)
        return stream.feed(data) + stream.flush()

    def mask_text(self, text: str) -> str:
        """A message or another text that is no stream."""
        masked = self.mask(text.encode("utf-8", "surrogatepass"))
        return masked.decode("utf-8", "surrogatepass")

    def hits(self, data: bytes) -> list[tuple[int, int]]:
        """Start and end of every pattern in `data`, sorted; they may overlap."""
        found = list(self._search.hits(data))
        if _ESC in data:
            plain = PlainView(data)
            found += [
                (plain.place(start), plain.place(end - 1) + 1)
                for start, end in self._search.hits(plain.data)
            ]
        return sorted(found)

    def open_end(self, data: bytes) -> int:
        """Length of the longest end of `data` with which a pattern begins but is not complete."""
        length = self._open_end(data)
        for most in (_TAIL_BYTES, MOST_HELD_BYTES):
            tail = data[-most:]
            if _ESC not in tail:
                break
            plain = PlainView(tail)
            if open_ := self._open_end(plain.data):
                length = max(length, len(tail) - plain.place(len(plain.data) - open_))
            if len(plain.data) > self._reach + MOST_SEQUENCE_BYTES or len(tail) == len(data):
                break  # no pattern begins further back, and what was cut off at the front is none
        return length

    def _open_end(self, data: bytes) -> int:
        for start in range(max(0, len(data) - self._reach), len(data)):
            if data[start : start + 2] in self._starts and self._may_continue(data[start:]):
                return len(data) - start
        return 0

    def _may_continue(self, end: bytes) -> bool:
        # What begins with `end` and is longer stands right after it in sorted order.
        place = bisect_right(self.patterns, end)
        return place < len(self.patterns) and self.patterns[place].startswith(end)


class _Search:
    """Finds patterns in one pass: by an automaton that is made at once, and, once much output
    has come, by one that takes longer to make and is three times as quick.
    """

    def __init__(self, patterns: Sequence[bytes]) -> None:
        self._patterns = patterns
        self._automaton = BytesAhoCorasick(patterns)
        size = sum(map(len, patterns))
        self._slow_bytes = size * _DFA_PAYS_AFTER if size <= _MOST_DFA_BYTES else sys.maxsize
        """Output to go until the quicker one is made."""

    def hits(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Start and end of every pattern in `data`."""
        if self._slow_bytes > 0:
            self._slow_bytes -= len(data)
            if self._slow_bytes <= 0:
                self._automaton = BytesAhoCorasick(
                    self._patterns, implementation=Implementation.DFA
                )
        found = self._automaton.find_matches_as_indexes(data, overlapping=True)
        return ((start, end) for _, start, end in found)


class MaskStream:
    """Masks one stream; the result does not depend on where the stream was cut.

    Nor on who goes on with it: a new stream that is given `covered`, and the bytes that this
    one holds back followed by the rest, releases what this one would have released.
    """

    def __init__(self, masker: Masker, covered: int = -1) -> None:
        self._masker = masker
        self._held = b""
        """The end of the stream so far, which may be the beginning of a secret."""
        self.covered = covered
        """Bytes of what is held under the *** released last; -1: that was followed by other output."""

    @property
    def held_bytes(self) -> int:
        """How many of the bytes that were fed are not released yet."""
        return len(self._held)

    def feed(self, data: bytes) -> bytes:
        """What can be released after this piece; the rest is held back."""
        if not self._masker:
            return data
        output = self._held + data
        return self._release(output, len(output) - self._masker.open_end(output))

    def flush(self) -> bytes:
        """What is held back, when nothing follows."""
        return self._release(self._held, len(self._held))

    def _release(self, output: bytes, end: int) -> bytes:
        """`output` up to `end`, masked; a pattern that reaches beyond covers what it reaches."""
        released = []
        covered = self.covered
        for start, stop in self._masker.hits(output):
            if start >= end:
                break
            if start > covered:
                released += [output[max(covered, 0) : start], MASK]
            covered = max(covered, stop)
        if covered < end:
            released.append(output[max(covered, 0) : end])
        self._held = output[end:]
        self.covered = covered - end if covered >= end else -1
        return b"".join(released)


def _to_bytes(secret: bytes | str) -> bytes:
    return secret.encode("utf-8", "surrogateescape") if isinstance(secret, str) else secret


def _patterns(secrets: Iterable[bytes], least: int) -> Iterator[bytes]:
    """What is looked for of secrets, and of their forms, that have `least` bytes."""
    for secret in secrets:
        if len(secret) >= least:
            for form in forms_of(secret):
                if len(form) >= least:
                    yield from _pieces(form)


def _pieces(form: bytes) -> Iterator[bytes]:
    """`form`, or pieces that together cover all of it.

    None begins with a line feed, where that can be helped: the end of every line that a host
    prints would be held back, and stand behind what its other stream prints next.
    """
    last = max(0, len(form) - PIECE_BYTES)
    for start in (*range(0, last, PIECE_BYTES), last):
        begin = start
        while begin and form[begin : begin + 1] == b"\n":
            begin -= 1
        yield form[begin : start + PIECE_BYTES]
