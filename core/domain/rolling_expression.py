"""Rolling expressions: how large each batch is.

    expression = part { blank part }
    part       = n | n% | +n | *n          n is a whole number of at least 1

Batch k follows part k, and the last part repeats until no target is left. `n`
is that many targets; `n%` that share of all targets, rounded up; `+n` the batch
before and n more; `*n` the batch before, n times. `+n`, `*n` and `100%` (all
the rest) can only be the last part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from core.domain.caret import Misread, invalid_at
from core.domain.findings import misread
from core.errors import Invalid

MAX_LENGTH = 1000
"""Characters of one expression."""

_TITLE = "cannot read this rolling expression"
_FORMS = "a part is n, n%, +n or *n, such as '10%', '1 5 20%' or '1 *2'"
_FULL_WIDTH = str.maketrans("％＋＊０１２３４５６７８９", "%+*0123456789")
_WORD = re.compile(r"\S+")
_PART = re.compile(r"(?P<sign>[+*]?)(?P<number>[0-9]{1,6})(?P<percent>%?)")


@dataclass(frozen=True, slots=True)
class Part:
    """`sign` is one of "", `%`, `+`, `*`; `number` is at least 1."""

    sign: str
    number: int

    @property
    def is_last(self) -> bool:
        """Whether nothing can follow it."""
        return self.sign in ("+", "*") or (self.sign == "%" and self.number == 100)


def parse(text: str) -> tuple[Part, ...]:
    """Read a rolling expression. Raises: Invalid, pointing at the character."""
    try:
        if len(text) > MAX_LENGTH:
            raise Misread(MAX_LENGTH, f"an expression has at most {MAX_LENGTH:,} characters")
        words = list(_WORD.finditer(text.translate(_FULL_WIDTH)))
        if not words:
            raise Misread(0, "it has no part", _FORMS)
        parts = [_part(word) for word in words]
        for part, word in zip(parts[:-1], words[:-1], strict=True):
            if part.is_last:
                why = "is all the rest" if part.sign == "%" else "repeats until the end"
                raise Misread(word.start(), f"{word[0]} {why}; nothing can follow it")
        return tuple(parts)
    except Misread as misread:
        raise invalid_at(_TITLE, text, misread) from None


def _part(word: re.Match[str]) -> Part:
    match = _PART.fullmatch(word[0])
    if match is None or (match["sign"] and match["percent"]):
        raise Misread(word.start(), f"{word[0]!r} is no part of it", _FORMS)
    part = Part(match["sign"] or match["percent"], int(match["number"]))
    if part.number < 1:
        raise Misread(word.start(), f"{word[0]} makes no batch", "the smallest number is 1")
    if part.sign == "%" and part.number > 100:
        raise Misread(word.start(), f"{word[0]} is more than all targets", "at most 100%")
    return part


def check_expression(text: str) -> str:
    """`text` when it is a rolling expression; what is wrong with it otherwise, and where."""
    try:
        parse(text)
    except Invalid as error:
        raise misread(error) from None
    return text


RollingExpression = Annotated[str, AfterValidator(check_expression)]


def wanted_sizes(parts: tuple[Part, ...], total: int) -> Iterator[int]:
    """How many targets batch 1, 2, … asks for, without end and whatever is left."""
    size = 0
    place = 0
    while True:
        part = parts[min(place, len(parts) - 1)]
        match part.sign:
            case "%":
                size = -(-total * part.number // 100)
            case "+":
                size += part.number
            case "*":
                size = max(size, 1) * part.number
            case _:
                size = part.number
        yield size
        place += 1
