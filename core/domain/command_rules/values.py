"""What rules for dangerous commands speak of: texts, levels, hits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.domain.statements import Database

MAX_EXCERPT_CHARACTERS = 200
"""Of a command that is shown with a hit."""


class Level(StrEnum):
    """What a hit asks for, mildest first."""

    SCAN = "scan"
    """It is told and recorded, and nobody is held up."""
    CONFIRM = "confirm"
    """Whoever starts it must acknowledge the rule by name."""
    REVIEW = "review"
    """Another person must have approved it."""
    BLOCK = "block"
    """It is refused."""

    @property
    def weight(self) -> int:
        """Rises with severity."""
        return _ORDER.index(self)


_ORDER = tuple(Level)


class Language(StrEnum):
    """How a text is read."""

    SH = "sh"
    """A POSIX shell and its kin: bash, dash, ksh, zsh, ash."""
    CMD = "cmd"
    POWERSHELL = "powershell"
    SQL = "sql"
    HTTP = "http"
    """A method and a URL."""
    OTHER = "other"
    """Python, Perl and whatever else has `#` comments: judged line by line."""


_LANGUAGES: Mapping[str, Language] = {
    **dict.fromkeys(
        ("sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "zsh", "rbash"), Language.SH
    ),
    "cmd": Language.CMD,
    **dict.fromkeys(("powershell", "pwsh"), Language.POWERSHELL),
}


def language_of(interpreter: str | None) -> Language:
    """The language that an interpreter reads, by its name or path; None is /bin/sh."""
    if interpreter is None:
        return Language.SH
    name = re.split(r"[/\\]", interpreter)[-1].lower().removesuffix(".exe")
    return _LANGUAGES.get(name, Language.OTHER)


class Operation(StrEnum):
    """What is done to a path by a step that handles files."""

    READ = "read"
    WRITE = "write"
    """A file is made, replaced or given another mode or owner."""
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandText:
    """A text that somebody wants to have run."""

    language: Language
    text: str
    where: str = ""
    """Its field in what it is part of, such as `command` or `statements[2]`."""
    database: Database = Database.POSTGRESQL
    """Whose quotes and comments SQL has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathUse:
    """A path on a target that somebody wants to have touched."""

    path: str
    operation: Operation
    where: str = ""


Judged = CommandText | PathUse
"""What rules judge: the language of a command, or the operation on a path, tells them apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One rule that one command meets."""

    rule: str
    level: Level
    message: str
    where: str
    """As of the text."""
    line: int
    """From 1, in the text."""
    column: int
    """From 1, in characters."""
    command: str
    """The piece as it is written, cut where it is long."""
    meaning: str = ""
    """The piece as it was read, where wrappers and variables hide it; else empty."""


class Decision(StrEnum):
    """What came of a hit."""

    NOTED = "noted"
    """Told and recorded; it went on."""
    ACKNOWLEDGED = "acknowledged"
    """Whoever started it knew, and said so."""
    ASKED = "asked"
    """Others were asked to approve it before the run begins."""
    REFUSED = "refused"


def place_of(text: str, at: int) -> tuple[int, int]:
    """Line and column, from 1, of the character at `at`."""
    at = min(at, len(text))
    before = text.rfind("\n", 0, at)
    return text.count("\n", 0, at) + 1, at - before


def shortened(text: str) -> str:
    """One line of at most `MAX_EXCERPT_CHARACTERS`."""
    line = " ".join(text.split())
    if len(line) <= MAX_EXCERPT_CHARACTERS:
        return line
    return f"{line[: MAX_EXCERPT_CHARACTERS - 1]}…"
