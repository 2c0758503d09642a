"""Regular expressions that end: each search has its time, whatever the pattern and the text.

The one door to the library `regex`, whose searches take a time-out; those of `re` do not.
"""

from __future__ import annotations

from functools import lru_cache

import regex

MOST_S = 0.05
"""Of one search."""


class TooSlow(Exception):
    """A search that was given up: nobody knows whether it would have found anything."""


def check(pattern: str) -> str:
    """`pattern` itself; ValueError where it is none."""
    try:
        _compiled(pattern, False)
    except regex.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def search(pattern: str, text: str, *, ignore_case: bool = False) -> tuple[int, int] | None:
    """First and last place of the first match in `text`; TooSlow after `MOST_S` seconds."""
    try:
        match = _compiled(pattern, ignore_case).search(text, timeout=MOST_S)
    except TimeoutError:
        raise TooSlow(pattern) from None
    return None if match is None else match.span()


@lru_cache(maxsize=512)
def _compiled(pattern: str, ignore_case: bool) -> regex.Pattern[str]:
    return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
