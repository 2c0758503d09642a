"""Texts for cmd.exe and PowerShell, cut into their commands; simpler than `shell`.

Variables are not followed. Quotes, comments and separators are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.domain.command_rules.pieces import Piece, Word
from core.domain.command_rules.values import Language

_TOKENS = {
    Language.CMD: re.compile(
        r"(?P<comment>(?<![^\s&|(])(?:rem(?=\s|$)|::)[^\n]*)|(?P<cut>[&|()\n]+)"
        r"|(?P<word>(?:\"[^\"\n]*\"?|\^.|[^\s&|()\"^])+)",
        re.IGNORECASE,
    ),
    Language.POWERSHELL: re.compile(
        r"(?P<comment><\#.*?(?:\#>|\Z)|(?<!\S)\#[^\n]*)|(?P<cut>&&|\|\||[;|(){}\n]+|(?<!\S)&)"
        r"|(?P<word>(?:\"(?:`.|[^\"`])*\"?|'(?:''|[^'])*'?|`.|[^\s;|(){}\"'`])+)",
        re.IGNORECASE | re.DOTALL,
    ),
}
_QUOTES = {Language.CMD: re.compile(r'"|\^(?=.)'), Language.POWERSHELL: re.compile("[\"'`]")}


def cut(text: str, language: Language) -> Iterator[Piece]:
    """The commands of a text, in their order."""
    words: list[re.Match[str]] = []
    before: Piece | None = None
    for match in _TOKENS[language].finditer(text):
        if match["word"]:
            words.append(match)
        elif match["cut"]:
            piece = _piece(words, language, before)
            if piece is not None:
                yield piece
            before = piece if match["cut"] == "|" else None
            words = []
    if (piece := _piece(words, language, before)) is not None:
        yield piece


def _piece(words: list[re.Match[str]], language: Language, before: Piece | None) -> Piece | None:
    if not words:
        return None
    plain = [_QUOTES[language].sub("", match[0]) for match in words]
    return Piece(
        words=tuple(Word(text, not re.search(r"[$%]\w", text)) for text in plain),
        at=words[0].start(),
        end=words[-1].end(),
        language=language,
        piped_from=before,
    )
