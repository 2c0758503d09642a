"""Folded host ranges: `web[01-03,07]` is web01, web02, web03 and web07.

Brackets hold numbers and ranges of numbers. A number written with a leading
zero keeps its width; without one it is not padded. Several brackets multiply:
`rack[1-2]-node[01-04]` is eight names. Outside brackets a comma separates.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

from core.domain.caret import Misread, invalid_at
from core.domain.names import natural_key

MAX_NAMES = 100_000
"""One text never stands for more names than this."""

MAX_DIGITS = 18
"""Longer runs of digits are not counted with; in `fold` they are plain text."""

_FOLDED_FIELDS = 4
"""`fold` looks for ranges in this many number fields, counted from the right."""

_EXAMPLE = "write a range as web[01-40]"
_LITERAL = re.compile(r"[\w.\-]*")
_ITEM = re.compile(r"\s*(?P<first>[0-9]+)\s*(?:-\s*(?P<last>[0-9]+)\s*)?")
_FIELD = re.compile(rf"(?<![0-9])([0-9]{{1,{MAX_DIGITS}}})(?![0-9])")


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers from `first` to `last`, as written; a single number is both."""

    first: str
    last: str

    @property
    def count(self) -> int:
        return int(self.last) - int(self.first) + 1

    def numbers(self) -> Iterator[str]:
        width = len(self.first) if self.first.startswith("0") else 0
        for number in range(int(self.first), int(self.last) + 1):
            yield str(number).zfill(width)

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class HostRange:
    """One folded name: plain text and brackets in turn. Its text form is `str()`."""

    pieces: tuple[str | tuple[Span, ...], ...]

    @property
    def count(self) -> int:
        """How many names it stands for, repetitions included."""
        return prod(
            1 if isinstance(piece, str) else sum(span.count for span in piece)
            for piece in self.pieces
        )

    def names(self) -> Iterator[str]:
        """Every name, in the order written."""
        choices = (
            (piece,) if isinstance(piece, str) else [n for span in piece for n in span.numbers()]
            for piece in self.pieces
        )
        return map("".join, product(*choices))

    def __str__(self) -> str:
        return "".join(
            piece if isinstance(piece, str) else f"[{','.join(map(str, piece))}]"
            for piece in self.pieces
        )


def expand(text: str) -> tuple[str, ...]:
    """All names of a folded list such as `web[01-03,07],db1`: unique, in natural order.

    Blank text has none. Raises: Invalid, pointing at the character, also for
    more than MAX_NAMES names.
    """
    if not text.strip():
        return ()
    try:
        names: set[str] = set()
        room = MAX_NAMES
        for start, end in _items(text):
            item = parse_range(text, start, end)
            room -= item.count
            if room < 0:
                raise Misread(start, f"this makes more than {MAX_NAMES:,} names")
            names.update(item.names())
    except Misread as misread:
        raise invalid_at("cannot read this host range", text, misread) from None
    return tuple(sorted(names, key=natural_key))


def fold(names: Iterable[str]) -> str:
    """The shortest usual way to write `names`: `db1,web[01-03,07]`.

    Order and repetition of the input do not matter, and
    `expand(fold(names))` gives the names back in natural order.
    """
    shapes: defaultdict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for name in sorted(set(names), key=natural_key):
        pieces = _FIELD.split(name)
        shapes[tuple(pieces[::2])].append(tuple(pieces[1::2]))
    ranges = [_box_range(texts, box) for texts, fields in shapes.items() for box in _boxes(fields)]
    first_names = ((natural_key(next(item.names())), str(item)) for item in ranges)
    return ",".join(text for _, text in sorted(first_names))


def parse_range(text: str, start: int = 0, end: int | None = None) -> HostRange:
    """Read `text[start:end]` as one folded name.

    Raises: Misread, with an index into the whole `text`.
    """
    end = len(text) if end is None else end
    pieces: list[str | tuple[Span, ...]] = []
    at = start
    while at < end:
        if text[at] == "[":
            spans, at = _bracket(text, at, end)
            pieces.append(spans)
            continue
        literal = _LITERAL.match(text, at, end)
        if not literal or not literal[0]:
            raise _stray(text, at)
        pieces.append(literal[0])
        at = literal.end()
    if not pieces:
        raise Misread(start, "a host name is missing here")
    return HostRange(tuple(pieces))


def _stray(text: str, at: int) -> Misread:
    if text[at] == "]":
        return Misread(at, "this `]` closes nothing", _EXAMPLE)
    return Misread(at, f"{text[at]!r} cannot be part of a host name")


def _items(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each comma-separated item, blanks around it left out."""
    start = depth = 0
    for at, character in enumerate(text + ","):
        if character == "," and (depth <= 0 or at == len(text)):
            item = text[start:at]
            lead = len(item) - len(item.lstrip())
            yield start + lead, max(start + lead, start + len(item.rstrip()))
            start = at + 1
        depth += (character == "[") - (character == "]")


def _bracket(text: str, at: int, end: int) -> tuple[tuple[Span, ...], int]:
    """The spans of the bracket that opens at `at`, and the index behind its end."""
    spans: list[Span] = []
    opening, at = at, at + 1
    while True:
        item = _ITEM.match(text, at, end)
        if not item:
            if not text[at:end].strip():
                raise Misread(opening, "this `[` is never closed", _EXAMPLE)
            at += len(text[at:end]) - len(text[at:end].lstrip())
            raise Misread(at, "a number or a range such as 01-40 is missing here")
        spans.append(_span(item))
        at = item.end()
        if at >= end:
            raise Misread(opening, "this `[` is never closed", _EXAMPLE)
        if text[at] == "]":
            return tuple(spans), at + 1
        if text[at] == "-":
            raise Misread(at, "a range has one `-` with a number on each side", _EXAMPLE)
        if text[at] != ",":
            raise Misread(at, f"{text[at]!r} does not belong in a range", _EXAMPLE)
        at += 1


def _span(item: re.Match[str]) -> Span:
    first, last = item["first"], item["last"] or item["first"]
    for group, digits in (("first", first), ("last", last)):
        if len(digits) > MAX_DIGITS:
            raise Misread(item.start(group), f"numbers have {MAX_DIGITS} digits at most")
    padded = any(len(digits) > 1 and digits[0] == "0" for digits in (first, last))
    if padded and len(first) != len(last):
        width = max(len(first), len(last))
        raise Misread(
            item.start("last"),
            "both ends of a zero-padded range need the same width",
            f"write {first.zfill(width)}-{last.zfill(width)}",
        )
    if int(first) > int(last):
        raise Misread(item.start("first"), "this range runs backwards", f"write {last}-{first}")
    return Span(first, last)


Box = tuple[tuple[str, ...], ...]
"""One set of numbers for each field; it stands for every combination."""


def _boxes(fields: list[tuple[str, ...]]) -> list[Box]:
    """Cover the rows of numbers by boxes that do not overlap.

    Field by field from the right, rows that differ only there are merged. The
    result is not always the smallest cover, but depends on nothing but the rows.
    """
    boxes: list[Box] = [tuple((number,) for number in row) for row in fields]
    if len(boxes) == 1:
        return boxes
    varying = [at for at in range(len(fields[0])) if len({row[at] for row in fields}) > 1]
    for at in reversed(varying[-_FOLDED_FIELDS:]):
        merged: defaultdict[Box, list[str]] = defaultdict(list)
        for box in boxes:
            merged[box[:at] + box[at + 1 :]].extend(box[at])
        boxes = [
            (*rest[:at], tuple(sorted(numbers)), *rest[at:]) for rest, numbers in merged.items()
        ]
    return boxes


def _box_range(texts: tuple[str, ...], box: Box) -> HostRange:
    pieces: list[str | tuple[Span, ...]] = [texts[0]]
    for numbers, text in zip(box, texts[1:], strict=True):
        pieces += [numbers[0] if len(numbers) == 1 else _spans(numbers), text]
    return HostRange(tuple(piece for piece in pieces if piece))


def _spans(numbers: tuple[str, ...]) -> tuple[Span, ...]:
    """Numbers as ranges. Those as wide as a zero-padded one among them count as padded."""
    widths = {len(number) for number in numbers if len(number) > 1 and number[0] == "0"}
    spans: list[Span] = []
    for number in sorted(numbers, key=lambda n: (len(n) in widths and len(n), int(n))):
        if spans and _follows(spans[-1].last, number, widths):
            spans[-1] = Span(spans[-1].first, number)
        else:
            spans.append(Span(number, number))
    return tuple(spans)


def _follows(last: str, number: str, widths: set[int]) -> bool:
    same_padding = len(last) == len(number) or not {len(last), len(number)} & widths
    return same_padding and int(number) == int(last) + 1
