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
    MSSQL = "mssql"
    """Microsoft SQL Server, Azure SQL."""
    ORACLE = "oracle"


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
    Database.MSSQL: (r"--[^\n]*", r"\[(?:[^\]]|\]\])*\]?", *_COMMON),
    Database.ORACLE: (
        r"--[^\n]*",
        r"\b[nN]?[qQ]'\[.*?(?:\]'|\Z)",
        r"\b[nN]?[qQ]'\{.*?(?:\}'|\Z)",
        r"\b[nN]?[qQ]'\(.*?(?:\)'|\Z)",
        r"\b[nN]?[qQ]'<.*?(?:>'|\Z)",
        r"\b[nN]?[qQ]'(?P<delimiter>\S).*?(?:(?P=delimiter)'|\Z)",
        *_COMMON,
    ),
}
"""What is passed over as it stands; an end that is missing is the end of the text."""
_LINES = {
    Database.MSSQL: r"^[ \t]*[gG][oO](?:[ \t]+\d+)?[ \t]*;?[ \t\r]*$",
    Database.ORACLE: r"^[ \t]*/[ \t\r]*$",
}
"""A whole line that ends a statement: a habit of the database's own tools."""
_NEVER = r"(?!)"
_NEST = frozenset({Database.POSTGRESQL, Database.MSSQL})
"""Where a comment may hold another."""
_BLOCK_COMMENT = re.compile(r"/\*|\*/")
_READS = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
_CHANGES = frozenset(
    {"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "INTO", "CALL", "EXEC", "EXECUTE"}
)
_TRANSACTIONS = frozenset({"BEGIN", "START", "COMMIT", "END", "ABORT", "ROLLBACK", "XA"})
_DEFINITIONS = frozenset({"CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "GRANT", "REVOKE"})
_END_TRANSACTIONS = {
    Database.POSTGRESQL: _TRANSACTIONS,
    Database.MYSQL: _TRANSACTIONS | _DEFINITIONS | {"LOCK", "UNLOCK"},
    Database.SQLITE: _TRANSACTIONS,
    Database.MSSQL: frozenset({"COMMIT", "ROLLBACK"}),
    Database.ORACLE: _DEFINITIONS
    | {"COMMIT", "ROLLBACK", "COMMENT", "ANALYZE", "AUDIT", "NOAUDIT", "PURGE", "FLASHBACK"},
}
"""First words of statements that begin or end a transaction, whether they say so or not."""
_LEAVE_TRANSACTIONS = {
    Database.MYSQL: {("CREATE", "TEMPORARY"), ("DROP", "TEMPORARY")},
    Database.ORACLE: {("ALTER", "SESSION")},
}
"""First two words of those among them that do not."""
_BEGIN_MSSQL_TRANSACTIONS = frozenset({"TRAN", "TRANSACTION", "DISTRIBUTED"})
"""Behind BEGIN, which otherwise opens a block."""
_BLOCKS = frozenset({"DECLARE", "BEGIN"})
_PROGRAMS = frozenset({"FUNCTION", "PROCEDURE", "PACKAGE", "TRIGGER", "TYPE"})
_BEFORE_PROGRAMS = frozenset({"OR", "REPLACE", "EDITIONABLE", "NONEDITIONABLE"})
_FIRST_PARTS = 8
"""More than come before the word that tells what is created."""


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
        begin, first = self.words[:2], self.words[0]
        if begin == ("ROLLBACK", "TO") or begin in _LEAVE_TRANSACTIONS.get(database, ()):
            return None
        ends = first in _END_TRANSACTIONS[database] or (
            database is Database.MSSQL
            and first == "BEGIN"
            and not _BEGIN_MSSQL_TRANSACTIONS.isdisjoint(begin)
        )
        return first if ends else None


def cut(text: str, database: Database, *, into_programs: bool = False) -> Sequence[Statement]:
    """The statements of a text, cut at semicolons outside of quotes and comments.

    PL/SQL goes on to a line that holds nothing but `/`; `into_programs`: its statements are cut too.
    """
    found: list[Statement] = []
    inside: list[re.Match[str]] = []
    start = 0

    def take(end: int) -> None:
        piece = text[start:end]
        if any(part["word"] for part in inside):
            blank = len(piece) - len(piece.lstrip())
            found.append(_statement(piece.strip(), inside, start + blank, database))

    for part in _parts(text, database):
        if part["line"] or (
            part[0] == ";" and (into_programs or not _is_program(inside, database))
        ):
            take(part.start())
            inside, start = [], part.end()
        else:
            inside.append(part)
    take(len(text))
    return found


def whole(text: str, database: Database) -> Statement:
    """A text as one statement, whatever semicolons it holds."""
    kept = text.strip()
    parts = list(_parts(kept, database))
    if parts and parts[-1]["line"]:
        kept = kept[: parts.pop().start()].rstrip()
    if not _is_program(parts, database):
        kept = kept.removesuffix(";")
    return _statement(kept, parts, 0, database)


def line_of_tools(text: str, database: Database) -> int | None:
    """The number of the first line that speaks to the tools of SQL Server: GO."""
    if database is not Database.MSSQL:
        return None
    lines = (part.start() for part in _parts(text, database) if part["line"])
    first = next(lines, None)
    return None if first is None else text.count("\n", 0, first) + 1


def _is_program(parts: Sequence[re.Match[str]], database: Database) -> bool:
    """Whether a statement that begins so is PL/SQL, and its semicolons are its own."""
    if database is not Database.ORACLE:
        return False
    first, *others = _words(parts[:_FIRST_PARTS]) or ("",)
    named = next((word for word in others if word not in _BEFORE_PROGRAMS), None)
    return first in _BLOCKS or (first == "CREATE" and named in _PROGRAMS)


def _words(parts: Sequence[re.Match[str]]) -> tuple[str, ...]:
    return tuple(part["word"].upper() for part in parts if part["word"])


def _statement(
    text: str, parts: Sequence[re.Match[str]], offset: int, database: Database
) -> Statement:
    words = _words(parts)
    places = tuple(Place(part["place"], part.start() - offset) for part in parts if part["place"])
    if database is Database.ORACLE and words[:1] == ("CREATE",):
        places = ()  # it takes no values; `:new` is a row of a trigger
    return Statement(text=text, places=places, words=words)


def _parts(text: str, database: Database) -> Iterator[re.Match[str]]:
    """Words, places, semicolons and lines of tools, outside of quotes and comments."""
    pattern, at = _pattern(database), 0
    while match := pattern.search(text, at):
        at = match.end()
        if match["comment"]:
            at = _comment_end(text, at, nests=database in _NEST)
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
        rf"(?P<comment>/\*)|(?P<quoted>{quoted})|(?P<line>{_LINES.get(database, _NEVER)})"
        rf"|(?<![:\w]):(?P<place>{_NAME})|::|;|(?P<word>\w+)",
        re.DOTALL | re.MULTILINE,
    )


def _double(text: str, character: str) -> str:
    return text.replace(character, character * 2) if character else text
