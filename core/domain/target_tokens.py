"""The words and signs of a target expression, each with its place in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.domain.caret import Misread
from core.domain.names import RESERVED_WORDS

_FULL_WIDTH = str.maketrans("，、（）！＝｜＆＠＜＞", ",,()!=|&@<>")
_TOKEN = re.compile(
    r"""
      (?P<space> \s+ )
    | (?P<quoted> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )
    | (?P<minus> -(?!\S) )
    | (?P<word> (?: [\w.\-/:+%*?] | \[[^\[\]]*\] )+ )
    | (?P<sign> != | ==? | <=? | >=? | && | \|\| | [!(),&|@] )
    """,
    re.VERBOSE | re.DOTALL,
)
_SAME_SIGN = {"==": "=", "&&": "and", "&": "and", "||": "or", "|": "or"}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is `word`, `quoted`, `minus`, `end`, or the sign or reserved word itself."""

    kind: str
    text: str
    index: int


def plain_signs(text: str) -> str:
    """`text` with full-width signs, as Chinese and Japanese keyboards type them, made plain.

    The length stays the same, so an index is good for both texts.
    """
    return text.translate(_FULL_WIDTH)


def tokens(plain: str, text: str) -> list[Token]:
    """The tokens of `plain`; what stands in quotes is taken from `text`."""
    found: list[Token] = []
    at = 0
    while at < len(plain):
        match = _TOKEN.match(plain, at)
        if not match:
            raise _stray(text, at)
        kind, written = str(match.lastgroup), match[0]
        if kind == "quoted":
            written = re.sub(r"\\(.)", r"\1", text[at + 1 : match.end() - 1], flags=re.DOTALL)
        elif kind == "sign":
            kind = _SAME_SIGN.get(written, written)
        elif kind == "word" and written in RESERVED_WORDS:
            kind = written
        if kind != "space":
            found.append(Token(kind, written, at))
        at = match.end()
    found.append(Token("end", "", len(text)))
    return found


def _stray(text: str, at: int) -> Misread:
    match text[at]:
        case '"' | "'":
            return Misread(at, "this quote is never closed")
        case "[":
            return Misread(at, "this `[` is never closed", "write a range as web[01-40]")
        case "]":
            return Misread(at, "this `]` closes nothing", "write a range as web[01-40]")
        case character:
            return Misread(at, f"{character!r} has no meaning here", "quote label values")
