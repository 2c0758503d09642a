"""The words and signs of an expression, each with its place in the text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from core.domain.caret import Misread
from core.domain.expressions.values import DURATION

WORDS = frozenset({"and", "or", "not", "in", "where", "true", "false", "null"})
"""Words of the grammar; they name nothing."""

_FULL_WIDTH = str.maketrans("，、（）［］！＝＜＞＋－＊／％？：＆｜．", ",,()[]!=<>+-*/%?:&|.")
_TOKEN = re.compile(
    rf"""
      (?P<space> \s+ )
    | (?P<string> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | “(?:[^”\\]|\\.)*” | ‘(?:[^’\\]|\\.)*’ )
    | (?P<duration> {DURATION} (?!\w) )
    | (?P<number> [0-9]+ (?:\.[0-9]+)? (?:[eE][+-]?[0-9]+)? (?!\w) )
    | (?P<word> [^\W\d]\w* )
    | (?P<sign> [!！][=＝] | [=＝][=＝]? | [<＜][=＝>＞]? | [>＞][=＝]?
              | [&＆][&＆] | [|｜][|｜] | [?？][?？]
              | [-+*/%(),.\[\]?:!}}，、（）［］！＋－＊／％？：．] )
    """,
    re.VERBOSE | re.DOTALL,
)
_SAME_SIGN = {"==": "=", "<>": "!=", "&&": "and", "||": "or", "!": "not"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\"}
_STRAY = {
    '"': ("this quote is never closed", ""),
    "'": ("this quote is never closed", ""),
    "“": ("this quote is never closed", "“…”"),
    "‘": ("this quote is never closed", "‘…’"),
    "&": ("one `&` has no meaning here", "write `and`"),
    "|": ("one `|` has no meaning here", "write `or`"),
    "{": ("`{` has no meaning here", "a name is written as it is: params.env"),
    "$": ("`$` has no meaning here", "a name is written as it is: params.env"),
    "~": ("`~` has no meaning here", 'write matches(text, "web-*")'),
    "^": ("`^` has no meaning here", ""),
    ";": ("`;` has no meaning here", "an expression is one value"),
}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is `string`, `number`, `duration`, `word`, `end`, or the sign or word itself."""

    kind: str
    text: str
    """A string without quotes and escapes, a sign in its plain form; anything else as written."""
    index: int
    end: int
    """Where it ends in the text."""


class Tokens:
    """Reads one token after the other; `at` is where the next one is looked for."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text, self.at = text, at

    def next(self) -> Token:
        """The next token; `end` for ever after the last. Raises: Misread."""
        while True:
            if self.at >= len(self.text):
                return Token("end", "", len(self.text), len(self.text))
            match = _TOKEN.match(self.text, self.at)
            if not match:
                raise self._stray()
            start, self.at = self.at, match.end()
            if match.lastgroup != "space":
                return _token(str(match.lastgroup), match[0], start)

    def _stray(self) -> Misread:
        character = self.text[self.at]
        if character.isdecimal():
            hint = "a number is 12 or 0.5, a duration 90s, 5m, 2h or 1d"
            return Misread(self.at, "this is neither a number nor a duration", hint)
        what, hint = _STRAY.get(character, (f"{character!r} has no meaning here", ""))
        return Misread(self.at, what, hint)


def _token(kind: str, written: str, start: int) -> Token:
    end = start + len(written)
    if kind == "string":
        return Token(kind, _unescaped(written, start), start, end)
    if kind == "sign":
        plain = written.translate(_FULL_WIDTH)
        plain = _SAME_SIGN.get(plain, plain)
        return Token(plain, plain, start, end)
    if kind == "word":
        name = unicodedata.normalize("NFC", written)
        return Token(name if name in WORDS else kind, name, start, end)
    return Token(kind, written, start, end)


def _unescaped(quoted: str, start: int) -> str:
    def character(match: re.Match[str]) -> str:
        code = match[1]
        if code in _ESCAPES:
            return _ESCAPES[code]
        at = start + 1 + match.start()
        if len(code) == 1:
            raise Misread(at, f"\\{code} stands for nothing", "a backslash itself is written \\\\")
        point = int(code[1:], 16)
        if 0xD800 <= point <= 0xDFFF:
            raise Misread(at, f"\\{code} is no character", "write the character itself")
        return chr(point)

    return _ESCAPE.sub(character, quoted[1:-1])


def quoted(text: str) -> str:
    """`text` as a string of an expression, on one line."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    for code, character in (("n", "\n"), ("t", "\t"), ("r", "\r")):
        plain = plain.replace(character, f"\\{code}")
    return f'"{plain}"'


def is_word(text: str) -> bool:
    """Whether `text` can stand after a dot as it is."""
    found = _TOKEN.fullmatch(text)
    return bool(found and found.lastgroup == "word" and text not in WORDS) and (
        unicodedata.is_normalized("NFC", text)
    )
