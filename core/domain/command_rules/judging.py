"""Judging: texts and paths against rules. Every rule that is met is told, the gravest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from core.domain import timebox
from core.domain.command_rules.paths import covers
from core.domain.command_rules.pieces import MOST_PIECES, Piece
from core.domain.command_rules.reading import Reading, read
from core.domain.command_rules.rule import Rule
from core.domain.command_rules.values import (
    CommandText,
    Hit,
    Judged,
    Language,
    Level,
    PathUse,
    place_of,
    shortened,
)

_QUOTES = re.compile(r"[\"'\\;]")
_NO_FILE = re.compile(r"/dev/null|&?[0-9]+-?|&?-")
_MOST_HITS = 50
"""Of one rule in one text: more would say nothing more."""
_TOO_LONG = Rule(
    name="too-long",
    level=Level.SCAN,
    message=f"has more than {MOST_PIECES:,} commands; those behind were not judged",
)
_COMMENTS: Mapping[Language, tuple[str, ...]] = {
    Language.SH: ("#",),
    Language.POWERSHELL: ("#",),
    Language.OTHER: ("#",),
    Language.CMD: ("rem ", "REM ", "::"),
    Language.SQL: ("--",),
}
"""What a line begins with that is a comment."""


def judge(
    judged: Judged,
    rules: Iterable[Rule],
    known: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> list[Hit]:
    """Every rule that a text or a path meets.

    `known`: variables whose values are known; `cwd`: the folder that the text begins in.
    A rule whose pattern takes too long counts as met: nobody can say that it is not.
    """
    if isinstance(judged, PathUse):
        hits = _of_path(judged, rules)
    else:
        hits = _of_text(judged, rules, known, cwd)
    return sorted(hits, key=lambda hit: (-hit.level.weight, hit.line, hit.column, hit.rule))


def _of_path(use: PathUse, rules: Iterable[Rule]) -> list[Hit]:
    return [
        _hit(rule, use.where, 1, 1, f"{use.operation} {use.path}")
        for rule in rules
        if use.operation in rule.operations and covers(rule.paths, use.path)
    ]


def _of_text(
    source: CommandText,
    rules: Iterable[Rule],
    known: Mapping[str, str] | None,
    cwd: str | None,
) -> list[Hit]:
    reading = read(source, known, cwd)
    hits: list[Hit] = [] if reading.is_whole else [_hit(_TOO_LONG, source.where, 1, 1, source.text)]
    for rule in rules:
        if source.language in rule.languages and not rule.paths:
            try:
                hits += _of_rule(rule, reading)
            except timebox.TooSlow:
                slow = f"{rule.message} (not sure: its pattern takes too long for this text)"
                hits.append(_hit(rule, source.where, 1, 1, source.text, slow))
    return hits


def _of_rule(rule: Rule, reading: Reading) -> list[Hit]:
    """One hit a line, at most."""
    found: dict[int, Hit] = {}
    if rule.allow and not reading.is_whole:
        found[1] = _hit(rule, reading.source.where, 1, 1, reading.source.text)
    for hit in _candidates(rule, reading):
        found.setdefault(hit.line, hit)
        if len(found) == _MOST_HITS:
            break
    return list(found.values())


def _candidates(rule: Rule, reading: Reading) -> Iterator[Hit]:
    pieces = [piece for piece in reading.pieces if piece.words]
    if rule.finds is not None:
        yield from (_of_piece(rule, piece, reading.source) for piece in pieces if rule.finds(piece))
        return
    if rule.allow:
        # Wrappers are commands too: `sudo df` needs both `sudo df` and `df`.
        pieces = [piece for piece in reading.pieces if piece.words or piece.redirects]
        texts = list(map(_whole, pieces))
        allowed = timebox.whole(rule.allow, texts, ignore_case=rule.ignore_case)
        for number, piece in enumerate(pieces):
            if number not in allowed:
                yield _of_piece(rule, piece, reading.source)
        return
    lines = list(_lines(reading.source))
    texts = [piece.line for piece in pieces] + [line for _, line in lines]
    for number, place in timebox.search(rule.pattern, texts, ignore_case=rule.ignore_case):
        if number < len(pieces):
            yield _of_piece(rule, pieces[number], reading.source)
        else:
            line_number, line = lines[number - len(pieces)]
            yield _hit(rule, reading.source.where, line_number, place + 1, line)


def _whole(piece: Piece) -> str:
    """The command with the variables that it is given, and the files that it writes or reads;
    descriptors and /dev/null are none.
    """
    given = [word.text for word in piece.assigned]
    files = [
        f"{each.operator} {each.target.text}"
        for each in piece.redirects
        if not _NO_FILE.fullmatch(each.target.text)
    ]
    return " ".join(text for text in (*given, piece.line, *files) if text)


def _of_piece(rule: Rule, piece: Piece, source: CommandText) -> Hit:
    written = source.text[piece.at : piece.end]
    line, column = place_of(source.text, piece.at)
    meaning = "" if _bare(piece.line) in _bare(written) else piece.line
    return _hit(rule, source.where, line, column, written, meaning=meaning)


def _bare(text: str) -> str:
    """A command without what changes nothing for people: quotes, capitals, blanks."""
    return " ".join(_QUOTES.sub("", text).casefold().split())


def _lines(source: CommandText) -> Iterator[tuple[int, str]]:
    """Lines that are no comments, as they are written: patterns may reach over several commands."""
    comments = _COMMENTS.get(source.language, ())
    for number, line in enumerate(source.text.split("\n"), 1):
        if not line.lstrip().startswith(comments):
            yield number, line


def _hit(
    rule: Rule,
    where: str,
    line: int,
    column: int,
    command: str,
    message: str = "",
    *,
    meaning: str = "",
) -> Hit:
    return Hit(
        rule=rule.name,
        level=rule.level,
        message=message or rule.message,
        where=where,
        line=line,
        column=column,
        command=shortened(command),
        meaning=shortened(meaning),
    )
