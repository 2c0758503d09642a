"""SQL texts taken apart: into statements, and each into its text and its places for values. Pure.

A place is `:name`, outside of quotes and comments. A value never becomes part of the text:
the places are written as the database's driver wants them, and the values travel beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property


class Database(StrEnum):
    """Kinds of databases: each reads quotes and comments in its own way."""

    POSTGRESQL = "postgresql"
    MYSQL = "mysql"
    """MariaDB too."""
    SQLITE = "sqlite"


_NAME = r"[^\W\d]\w*"
_COMMON = (r"''", r"'(?:[^']|'')*'?", r'"(?:[^"]|"")*"?')
_QUOTED = {
    Database.POSTGRESQL: (
        r"--[^\n]*",
        r"\b[eE]'(?:\\.|[^'\\]|'')*'?",
        rf"(?<![\w$])\$(?P<tag>(?:{_NAME})?)\$.*?(?:\$(?P=tag)\$|\Z)",
        *_COMMON,
    ),
    Database.MYSQL: (
        r"--(?=\s|\Z)[^\n]*",
        r"\#[^\n]*",
        r"'(?:\\.|[^'\\]|'')*'?",
        r'"(?:\\.|[^"\\]|"")*"?',
        r"`[^`]*`?",
    ),
    Database.SQLITE: (r"--[^\n]*", r"`[^`]*`?", r"\[[^\]]*\]?", *_COMMON),
}
"""What is passed over as it stands; an end that is missing is the end of the text."""
_BLOCK_COMMENT = re.compile(r"/\*|\*/")
_READS = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "INTO", "CALL"})
_TRANSACTIONS = frozenset({"BEGIN", "START", "COMMIT", "END", "ABORT", "ROLLBACK", "XA"})
_ENDS_MYSQL_TRANSACTIONS = frozenset(
    {"CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "GRANT", "REVOKE", "LOCK", "UNLOCK"}
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place for a value."""

    name: str
    at: int
    """Its first character, the colon, counted from 0 in the text that was given."""


@dataclass(frozen=True)
class Statement:
    """One statement: its text around its places."""

    text: str
    """Without the semicolon at its end."""
    places: tuple[Place, ...]
    """`at` counts in `text`."""
    words: tuple[str, ...]
    """Outside of quotes and comments, in capitals."""

    @cached_property
    def only_reads(self) -> bool:
        """It brings rows and names nothing that changes any; a function that it calls may."""
        return bool(self.words) and self.words[0] in _READS and not self.changes

    @cached_property
    def changes(self) -> bool:
        """It names what changes rows, so the number that the database reports is theirs."""
        return not _CHANGES.isdisjoint(self.words)

    def written(self, place: str, *, doubled: str = "") -> str:
        """The text, each place written as `place.format(name)`; `doubled` is a character that
        the driver wants twice where it stands for itself.
        """
        pieces, end = [], 0
        for each in self.places:
            pieces += [_double(self.text[end : each.at], doubled), place.format(each.name)]
            end = each.at + 1 + len(each.name)
        return "".join([*pieces, _double(self.text[end:], doubled)])

    def ends_transaction(self, database: Database) -> str | None:
        """The word that would begin or end a transaction."""
        if not self.words:
            return None
        first = self.words[0]
        if first in _TRANSACTIONS and self.words[:2] != ("ROLLBACK", "TO"):
            return first
        if database is Database.MYSQL and first in _ENDS_MYSQL_TRANSACTIONS:
            return None if self.words[1:2] == ("TEMPORARY",) else first
        return None


def cut(text: str, database: Database) -> Sequence[Statement]:
    """The statements of a text, cut at semicolons outside of quotes and comments."""
    found: list[Statement] = []
    inside: list[re.Match[str]] = []
    start = 0

    def take(end: int) -> None:
        piece = text[start:end]
        if any(part["word"] for part in inside):
            blank = len(piece) - len(piece.lstrip())
            found.append(_statement(piece.strip(), inside, start + blank))

    for part in _parts(text, database):
        if part[0] == ";":
            take(part.start())
            inside, start = [], part.end()
        else:
            inside.append(part)
    take(len(text))
    return found


def whole(text: str, database: Database) -> Statement:
    """A text as one statement, whatever semicolons it holds."""
    kept = text.strip().removesuffix(";")
    return _statement(kept, list(_parts(kept, database)), 0)


def _statement(text: str, parts: Sequence[re.Match[str]], offset: int) -> Statement:
    return Statement(
        text=text,
        places=tuple(
            Place(part["place"], part.start() - offset) for part in parts if part["place"]
        ),
        words=tuple(part["word"].upper() for part in parts if part["word"]),
    )


def _parts(text: str, database: Database) -> Iterator[re.Match[str]]:
    """Words, places and semicolons outside of quotes and comments."""
    pattern, at = _pattern(database), 0
    while match := pattern.search(text, at):
        at = match.end()
        if match["comment"]:
            at = _comment_end(text, at, nests=database is Database.POSTGRESQL)
        elif not match["quoted"]:
            yield match


def _comment_end(text: str, at: int, *, nests: bool) -> int:
    depth = 1
    while match := _BLOCK_COMMENT.search(text, at):
        at = match.end()
        if match[0] == "*/":
            depth -= 1
        elif nests:
            depth += 1
        if depth == 0:
            return at
    return len(text)


@cache
def _pattern(database: Database) -> re.Pattern[str]:
    quoted = "|".join(_QUOTED[database])
    return re.compile(
        rf"(?P<comment>/\*)|(?P<quoted>{quoted})|(?<![:\w]):(?P<place>{_NAME})|::|;"
        rf"|(?P<word>\w+)",
        re.DOTALL,
    )


def _double(text: str, character: str) -> str:
    return text.replace(character, character * 2) if character else text
