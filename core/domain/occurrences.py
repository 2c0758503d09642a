"""Where a text occurs in output, letter case ignored. Pure; engine and consoles find the same places.

Every place counts, also where two overlap: so how many there are in a part of an
output depends only on that part and on the few bytes before it.
"""

from __future__ import annotations

import codecs
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate


def found_in(text: str, folded: str) -> list[tuple[int, int]]:
    """First character and the one after the last, of each occurrence of a case-folded text."""
    searched = text.casefold()
    starts = list(_starts(searched, folded))
    # Folding makes no character shorter, so the same length means that none got longer.
    if len(searched) == len(text):
        return [(start, start + len(folded)) for start in starts]
    begins = list(accumulate((len(letter.casefold()) for letter in text), initial=0))
    return [
        (bisect_right(begins, start) - 1, bisect_right(begins, start + len(folded) - 1))
        for start in starts
    ]


def count_ending_in(data: bytes, before: bytes, folded: str) -> int:
    """How many occurrences end in `data`.

    `before` are the bytes before it: at least `reach_bytes`, or all that there are.
    """
    searched = shown_text(before + data).casefold()
    earlier = len(shown_text(before).casefold())
    if not _overlaps(folded):
        return searched.count(folded) - searched.count(folded, 0, earlier)
    return sum(start + len(folded) > earlier for start in _starts(searched, folded))


def reach_bytes(folded: str) -> int:
    """How many bytes before a place can belong to an occurrence that ends after it."""
    return 4 * len(folded)


def shown_text(data: bytes) -> str:
    """Text of bytes that may go on: a byte that is no UTF-8 is a character that nobody can look for.

    A character that is not whole yet is left out.
    """
    return codecs.utf_8_decode(data, "surrogateescape", False)[0]


def _starts(searched: str, folded: str) -> Iterator[int]:
    start = searched.find(folded)
    while start >= 0:
        yield start
        start = searched.find(folded, start + 1)


def _overlaps(folded: str) -> bool:
    """Whether the text can occur again before it has ended."""
    return any(folded.startswith(folded[shift:]) for shift in range(1, len(folded)))
