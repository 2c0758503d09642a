"""What hosts, groups and every other document may be called, and how names are ordered.

The rule leaves no name that a target expression would read as something
else: no quotes, commas, brackets or operators, and none of the words of its grammar.
"""

from __future__ import annotations

import re
import unicodedata

NAME_PATTERN = r"^[^\W_][\w.\-]{0,127}$"
"""Letters and digits of any script, `.`, `_`, `-`; first a letter or digit; 1 to 128 characters."""

LABEL_KEY_PATTERN = r"^\w[\w./\-]{0,62}$"
"""As a name, with `/` too (`app.example.com/tier`); at most 63 characters."""

RESERVED_WORDS = frozenset({"all", "and", "or", "not", "in", "notin", "has"})
"""The words of the target grammar, in lower case; no letter case of them is a name."""

_NAME = re.compile(NAME_PATTERN)
_LABEL_KEY = re.compile(LABEL_KEY_PATTERN)
_DIGITS = re.compile(r"[0-9]+")


def name_problem(name: str) -> str | None:
    """What is wrong with `name` as a sentence, or None when it may be used."""
    if name.casefold() in RESERVED_WORDS:
        return f"{name!r} is a word of the target grammar and cannot be a name"
    if _fits(name, _NAME):
        return None
    return (
        f"{_shortened(name)!r} cannot be a name: letters, digits, `.`, `_` and `-`, "
        "beginning with a letter or digit, 128 characters at most"
    )


def label_key_problem(key: str) -> str | None:
    """What is wrong with `key` as the key of a label, or None when it may be used."""
    if _fits(key, _LABEL_KEY):
        return None
    return (
        f"{_shortened(key)!r} cannot be the key of a label: letters, digits, `.`, `_`, `-` "
        "and `/`, 63 characters at most"
    )


def check_name(name: str) -> str:
    """`name` itself; ValueError says what is wrong with it."""
    problem = name_problem(name)
    if problem is not None:
        raise ValueError(problem)
    return name


def natural_key(name: str) -> tuple[str, str]:
    """Sort key in which digits count as numbers: web2 before web10; a total order.

    Each run of digits is replaced by its length and its digits without
    leading zeros, which compare as the number does, however long it is.
    """
    return _DIGITS.sub(_number_key, name), name


def _number_key(match: re.Match[str]) -> str:
    digits = match[0].lstrip("0")
    return f"0{chr(len(digits))}{digits}"


def _fits(text: str, pattern: re.Pattern[str]) -> bool:
    # Composed and decomposed letters look alike and must not make two names.
    return bool(pattern.fullmatch(text)) and unicodedata.is_normalized("NFC", text)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "..."
