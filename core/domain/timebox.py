"""Regular expressions that end: each search has its time, whatever the pattern and the texts.

The one door to the library `regex`, whose searches take a time-out; those of `re` do not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

import regex

MOST_S = 0.25
"""Of looking through all texts."""
_BETWEEN = "\n\0\n"
"""Neither blanks nor `.` reach over it from one text into the next."""


class TooSlow(Exception):
    """A search that was given up: nobody knows whether it would have found anything more."""


def check(pattern: str) -> str:
    """`pattern` itself; ValueError where it is none."""
    try:
        _compiled(pattern, False)
    except regex.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def search(
    pattern: str, texts: Sequence[str], *, ignore_case: bool = False
) -> Iterator[tuple[int, int]]:
    """The first match in each text: its number, and the place in it. TooSlow after `MOST_S`.

    `^` and `$` stand for the ends of a line.
    """
    starts = list(accumulate((len(text) + len(_BETWEEN) for text in texts), initial=0))
    last = -1
    try:
        whole = _BETWEEN.join(texts)
        for match in _compiled(pattern, ignore_case).finditer(whole, timeout=MOST_S):
            number = bisect_right(starts, match.start()) - 1
            place = match.start() - starts[number]
            if number > last and place <= len(texts[number]):
                last = number
                yield number, place
    except TimeoutError:
        raise TooSlow(pattern) from None


def whole(
    patterns: Iterable[str], texts: Sequence[str], *, ignore_case: bool = False
) -> frozenset[int]:
    """The numbers of the texts that one of the patterns fits from beginning to end.

    TooSlow as soon as one pattern takes more than `MOST_S` for all of them together.
    """
    left = set(texts)
    for pattern in patterns:
        alone = _compiled(pattern, ignore_case)
        each_s = MOST_S / max(len(left), 1)
        try:
            left -= {text for text in left if alone.fullmatch(text, timeout=each_s)}
        except TimeoutError:
            raise TooSlow(pattern) from None
    return frozenset(number for number, text in enumerate(texts) if text not in left)


def first(pattern: str, text: str, within_s: float = MOST_S) -> regex.Match[str] | None:
    """Where the pattern fits first; `^` and `$` stand for the ends of the text.

    TooSlow after `within_s`. Other threads go on meanwhile.
    """
    try:
        return _plain(pattern).search(text, timeout=within_s, concurrent=True)
    except TimeoutError:
        raise TooSlow(pattern) from None


def fits(pattern: str, text: str) -> bool:
    """Whether the pattern fits the text from beginning to end. TooSlow after `MOST_S`."""
    try:
        return _plain(pattern).fullmatch(text, timeout=MOST_S) is not None
    except TimeoutError:
        raise TooSlow(pattern) from None


@lru_cache(maxsize=512)
def _compiled(pattern: str, ignore_case: bool) -> regex.Pattern[str]:
    return regex.compile(pattern, regex.MULTILINE | (regex.IGNORECASE if ignore_case else 0))


@lru_cache(maxsize=512)
def _plain(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)
