"""Pieces: the single commands that a text is made of, as rules look at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from core.domain.command_rules.values import Language

MOST_PIECES = 10_000
"""Of one text; what stands behind is not judged, which is said."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command, its quotes removed and known variables put in."""

    text: str
    """What is not known stands as it is written: `$DIR/*`."""
    known: bool = True


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a command's output goes, or its input comes from."""

    operator: str
    target: Word


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One command: what stands between separators, or inside a wrapper."""

    words: tuple[Word, ...]
    at: int
    """Its first character in the text, from 0."""
    end: int
    language: Language = Language.SH
    assigned: tuple[Word, ...] = ()
    """Variables that it is given alone: `A=1` before its name."""
    redirects: tuple[Redirect, ...] = ()
    cwd: str | None = None
    """Where it runs, as far as a `cd` before it tells."""
    piped_from: Piece | None = None
    body: tuple[int, int] | None = None
    """Where its here-document stands in the text."""

    @cached_property
    def name(self) -> str:
        """The command's name without its folder."""
        return base_name(self.words[0].text) if self.words else ""

    @cached_property
    def line(self) -> str:
        """The words as one line, which patterns are looked for in."""
        return " ".join(word.text for word in self.words)

    @cached_property
    def options(self) -> frozenset[str]:
        """Letters of short options, and long options with their dashes."""
        found: set[str] = set()
        for word in self.words[1:]:
            text = word.text
            if text == "--":
                break
            if text.startswith("--"):
                found.add(text.partition("=")[0])
            elif text.startswith("-"):
                found.update(text[1:])
        return frozenset(found)

    @cached_property
    def operands(self) -> Sequence[Word]:
        """Words that are no options, the name left out."""
        found, only = [], False
        for word in self.words[1:]:
            if not only and word.text == "--":
                only = True
            elif only or not word.text.startswith("-") or word.text == "-":
                found.append(word)
        return found


def base_name(text: str) -> str:
    """The name of a program without its folder."""
    return text.rstrip("/").rpartition("/")[2] or text
