"""A text as rules look at it: its commands, those inside of wrappers too, and its lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from core.domain.command_rules import shell, windows
from core.domain.command_rules.pieces import MOST_PIECES, Piece, Word
from core.domain.command_rules.values import CommandText, Language
from core.domain.command_rules.wrappers import inside
from core.domain.statements import Database, cut

_DEPTH = 8
"""Of texts inside of texts: `sh -c "sh -c '…'"`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One text, taken apart."""

    source: CommandText
    pieces: Sequence[Piece]
    is_whole: bool
    """False: what stands behind `MOST_PIECES` commands was not looked at."""


def read(
    source: CommandText, known: Mapping[str, str] | None = None, cwd: str | None = None
) -> Reading:
    """Take a text apart; `known` are the variables whose values are known."""
    pieces = _pieces(source, known or {}, cwd, _DEPTH)
    found = list(islice(pieces, MOST_PIECES))
    return Reading(source=source, pieces=found, is_whole=next(pieces, None) is None)


def _pieces(
    source: CommandText, known: Mapping[str, str], cwd: str | None, depth: int
) -> Iterator[Piece]:
    for piece in _cut(source, known, cwd):
        yield piece
        yield from _within(piece, source.text, known, depth)


def _within(piece: Piece, text: str, known: Mapping[str, str], depth: int) -> Iterator[Piece]:
    """The commands that a piece runs, at the piece's own place."""
    if depth == 0 or piece.language not in (Language.SH, Language.CMD, Language.POWERSHELL):
        return
    for inner in inside(piece, text):
        if inner.words:
            same = replace(piece, words=inner.words)
            yield same
            yield from _within(same, text, known, depth - 1)
            continue
        source = CommandText(language=inner.language, text=inner.text)
        for each in _pieces(source, known, piece.cwd, depth - 1):
            place = (
                (piece.at, piece.end)
                if inner.at is None
                else (inner.at + each.at, inner.at + each.end)
            )
            yield replace(each, at=place[0], end=place[1], body=None)


def _cut(source: CommandText, known: Mapping[str, str], cwd: str | None) -> Iterator[Piece]:
    match source.language:
        case Language.SH:
            yield from shell.cut(source.text, known, cwd)
        case Language.CMD | Language.POWERSHELL:
            yield from windows.cut(source.text, source.language)
        case Language.SQL:
            yield from _statements(source.text, source.database)
        case Language.HTTP:
            yield _whole(source.text, 0, source.language)
        case Language.OTHER:
            yield from _lines(source.text)


def _statements(text: str, database: Database) -> Iterator[Piece]:
    """SQL by its semicolons; its words are those outside of quotes and comments, in capitals.

    What stands in a block or behind a condition is a command of its own too.
    """
    at = 0
    for statement in cut(text, database, into_programs=True):
        at = max(text.find(statement.text, at), 0)
        for first in _starts(statement.words, database):
            yield Piece(
                words=tuple(Word(word) for word in statement.words[first:]),
                at=at,
                end=at + len(statement.text),
                language=Language.SQL,
            )
        at += len(statement.text)


_OPENERS = frozenset({"BEGIN", "THEN", "ELSE", "LOOP", "TRY", "CATCH"})
_VERBS = frozenset({"DELETE", "DROP", "TRUNCATE", "UPDATE"})
_BEGIN_MSSQL = frozenset(
    {
        ("DELETE", "FROM"),
        ("DROP", "DATABASE"),
        ("DROP", "SCHEMA"),
        ("DROP", "TABLE"),
        ("TRUNCATE", "TABLE"),
    }
)
"""What begins a statement of SQL Server wherever it stands: it wants no semicolons."""


def _starts(words: Sequence[str], database: Database) -> Iterator[int]:
    """Where commands begin in a statement."""
    yield 0
    for number in range(1, len(words)):
        begins = words[number] in _VERBS and words[number - 1] in _OPENERS
        if begins or (
            database is Database.MSSQL and tuple(words[number : number + 2]) in _BEGIN_MSSQL
        ):
            yield number


def _lines(text: str) -> Iterator[Piece]:
    """Every line that is no comment."""
    at = 0
    for line in text.splitlines(keepends=True):
        if line.strip() and not line.lstrip().startswith("#"):
            yield _whole(line, at, Language.OTHER)
        at += len(line)


def _whole(text: str, at: int, language: Language) -> Piece:
    words = tuple(Word(word) for word in text.split())
    blank = len(text) - len(text.lstrip())
    return Piece(words=words, at=at + blank, end=at + len(text.rstrip()), language=language)
