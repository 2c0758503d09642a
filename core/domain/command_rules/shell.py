"""A text for a POSIX shell, cut into its commands.

Not a shell: nothing is run, and what only a run could tell stays unknown. The scanner goes
through the text once. It cuts at `; & | && ||`, line ends, parentheses and braces, looks
into `$( )`, backquotes and `<( )`, passes over comments and quotes, and keeps track of
simple assignments and of `cd`. A text that no shell would take is cut all the same: what is
open at its end is closed there. What stands behind the first `MOST_PIECES` commands is left.

Known ways around it: values that only a run can tell (positional parameters, quoted loops, arithmetic,
output of commands, functions), files that are sourced, and texts that were encoded.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.domain.command_rules.pieces import MOST_PIECES, Piece, Redirect, Word
from core.domain.command_rules.shell_words import WordScanner

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?=)", re.ASCII)
_SEPARATOR = re.compile(r"&&|\|\||\|&|;;&|;&|;;|[;&|]")
_REDIRECT = re.compile(r"\d*(?:&>>|&>|<<<|<<-|<<|<>|<&|>>|>\||>&|>|<)")
_RESERVED = frozenset(
    {"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "{", "}", "!", "time"}
)
_DECLARING = frozenset({"export", "readonly", "local", "declare", "typeset"})


@dataclass(slots=True)
class _Draft:
    """A command whose end has not been reached."""

    at: int
    words: list[Word] = field(default_factory=list)
    assigned: list[Word] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    cwd: str | None = None
    end: int = 0
    piped_from: _Draft | None = None
    body: tuple[int, int] | None = None
    piece: Piece | None = None

    @property
    def is_empty(self) -> bool:
        return not self.words and not self.redirects


@dataclass(frozen=True, slots=True)
class _Delimiter:
    """A here-document that begins after this line."""

    draft: _Draft
    text: str
    strips_tabs: bool


def cut(text: str, known: Mapping[str, str], cwd: str | None = None) -> list[Piece]:
    """The commands of a text, in the order of their ends; `known` are variables with values."""
    scanner = _Scanner(text, dict(known), cwd)
    scanner.commands("", 0)
    return [_finished(draft) for draft in scanner.drafts]


def _finished(draft: _Draft) -> Piece:
    if draft.piece is None:
        chain = [draft]
        while (before := chain[-1].piped_from) is not None and before.piece is None:
            chain.append(before)
        for each in reversed(chain):
            each.piece = Piece(
                words=tuple(each.words),
                assigned=tuple(each.assigned),
                at=each.at,
                end=each.end,
                redirects=tuple(each.redirects),
                cwd=each.cwd,
                piped_from=None if each.piped_from is None else each.piped_from.piece,
                body=each.body,
            )
    assert draft.piece is not None
    return draft.piece


class _Scanner(WordScanner):
    """One text, and the commands that were found in it."""

    def __init__(self, text: str, variables: dict[str, str], cwd: str | None) -> None:
        super().__init__(text, variables)
        self.cwd = cwd
        self.drafts: list[_Draft] = []
        self._delimiters: list[_Delimiter] = []

    # ------------------------------------------------------------------ commands

    def commands(self, closer: str, depth: int) -> None:
        """Everything up to `closer`, which is not passed, or to the end."""
        draft = _Draft(self.at)
        while self.at < self.limit and len(self.drafts) <= MOST_PIECES:
            character = self.text[self.at]
            if character == closer:
                break
            if draft.is_empty:
                draft.at = self.at
            if character == "\n":
                draft = self._end(draft)
                self.at += 1
                self._read_bodies()
            elif character.isspace():
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                self.at += 2
            elif character == "#":
                end = self.text.find("\n", self.at, self.limit)
                self.at = self.limit if end < 0 else end
            elif not self.is_substitution() and (
                match := _REDIRECT.match(self.text, self.at, self.limit)
            ):
                self.at = match.end()
                self._redirect(draft, match[0].lstrip("0123456789"), depth)
                draft.end = self.at
            elif match := _SEPARATOR.match(self.text, self.at, self.limit):
                draft = self._end(draft, match[0])
                self.at = match.end()
            elif character in "()":
                draft = self._end(draft)
                self.at += 1
            else:
                self._take(draft, self.word(depth))
                draft.end = self.at
        self._end(draft)

    def _end(self, draft: _Draft, separator: str = "") -> _Draft:
        """Keep a command that ends here; the one that begins."""
        following = _Draft(self.at)
        if not draft.is_empty:
            draft.cwd = self.cwd
            self._learn(draft)
            self.drafts.append(draft)
            if separator in ("|", "|&"):
                following.piped_from = draft
        return following

    def _take(self, draft: _Draft, words: list[Word]) -> None:
        for word in words:
            if draft.words and draft.words[0].text == "function" and word.text == "{":
                draft.words.clear()
            elif draft.words or word.text not in _RESERVED:
                draft.words.append(word)

    def _learn(self, draft: _Draft) -> None:
        """Assignments and folders that later commands see; prefixes of a command are put aside."""
        words = draft.words
        count = 0
        while count < len(words) and _ASSIGNMENT.match(words[count].text):
            count += 1
        if count == len(words):
            for word in words:
                self._assign(word)
            return
        draft.assigned, draft.words = words[:count], words[count:]
        words = draft.words
        name = words[0].text
        if name in _DECLARING:
            for word in words[1:]:
                self._assign(word)
        elif name == "cd":
            self._change_folder(words[1:])
        elif name == "for" and len(words) > 3 and words[2].text == "in":
            # All of a loop's values at once: each is judged where the variable stands unquoted.
            values = " ".join(word.text for word in words[3:])
            self._assign(Word(f"{words[1].text}={values}", all(word.known for word in words[3:])))

    def _assign(self, word: Word) -> None:
        match = _ASSIGNMENT.match(word.text)
        if match is None:
            return
        name, value = match[1], word.text[match.end() :]
        if not word.known or (match[2] == "+=" and name not in self.variables):
            self.variables.pop(name, None)
        elif match[2] == "+=":
            self.variables[name] += value
        else:
            self.variables[name] = value

    def _change_folder(self, words: list[Word]) -> None:
        operands = [word for word in words if word.text not in ("-L", "-P", "--")]
        folder = operands[0] if operands else Word("~")
        if not folder.known or folder.text.startswith("-"):
            self.cwd = None
        elif folder.text.startswith(("/", "~")):
            self.cwd = folder.text
        elif self.cwd is not None:
            self.cwd = posixpath.join(self.cwd, folder.text)

    # ------------------------------------------------------------------ redirections

    def _redirect(self, draft: _Draft, operator: str, depth: int) -> None:
        while self.at < self.limit and self.text[self.at] in " \t":
            self.at += 1
        start = self.at
        target = self.word(depth)
        word = target[0] if target else Word("")
        if operator in ("<<", "<<-"):
            delimiter = re.sub(r"[\"'\\]", "", self.text[start : self.at])
            self._delimiters.append(_Delimiter(draft, delimiter, operator == "<<-"))
        else:
            draft.redirects.append(Redirect(operator, word))

    def _read_bodies(self) -> None:
        """Pass over the here-documents that were announced on the line before."""
        waiting, self._delimiters = self._delimiters, []
        for delimiter in waiting:
            start = body_end = self.at
            while self.at < self.limit:
                line_end = self.text.find("\n", self.at, self.limit)
                line_end = self.limit if line_end < 0 else line_end
                line = self.text[self.at : line_end]
                body_end, self.at = self.at, min(line_end + 1, self.limit)
                if (line.lstrip("\t") if delimiter.strips_tabs else line) == delimiter.text:
                    break
            else:
                body_end = self.at
            delimiter.draft.body = (start, body_end)

    def inside(self, closer: str, depth: int) -> None:
        """Commands of a shell of their own: where they go is forgotten after them."""
        cwd, delimiters = self.cwd, self._delimiters
        self._delimiters = []
        self.commands(closer, depth + 1)
        self.cwd, self._delimiters = cwd, delimiters
