"""Errors in one-line languages, with the text and a caret under the character that is wrong.

Parsers raise `Misread`, which knows only a position; the door that was given
the text turns it into `Invalid` once, with the excerpt people see.
"""

from __future__ import annotations

import unicodedata

from core.errors import Invalid, Problem

EXCERPT = 40
"""Characters shown on each side of the error; the rest becomes an ellipsis."""


class Misread(Exception):
    """Text that breaks its grammar at `index` (from 0). Never leaves the rules of its language."""

    def __init__(self, index: int, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.index, self.what, self.hint = index, what, hint


def invalid_at(title: str, text: str, misread: Misread) -> Invalid:
    """The error people see: title, excerpt and caret; one problem at `column N` (from 1)."""
    where = f"column {misread.index + 1}"
    problem = Problem(where=where, what=misread.what, hint=misread.hint)
    shown = f"\n{excerpt(text, misread.index)}" if text.strip() else ""
    return Invalid(title + shown, [problem])


def excerpt(text: str, index: int) -> str:
    """Two lines: the text around `index`, and a caret under that character."""
    start, end = max(0, index - EXCERPT), index + EXCERPT
    before = ("..." if start else "") + _printable(text[start:index])
    after = _printable(text[index:end]) + ("..." if end < len(text) else "")
    return f"  {before}{after}\n  {' ' * _cells(before)}^"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _cells(text: str) -> int:
    """Width on a terminal, where Chinese, Japanese and Korean characters take two cells."""
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )
