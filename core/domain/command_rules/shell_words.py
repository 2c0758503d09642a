"""Words of a text for a POSIX shell: quotes removed, known values put in, substitutions looked into.

What stands inside of a substitution are commands again; `shell` reads those.
"""

from __future__ import annotations

import re

from core.domain.command_rules.pieces import Word

_PLAIN = re.compile(r"[^\s\\'\"`$;&|<>()]+")
_PLAIN_IN_QUOTES = re.compile(r'[^"\\$`]+')
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_EXPANSION = re.compile(r"([A-Za-z_]\w*)(?:(:?[-=])(.*))?", re.ASCII | re.DOTALL)
_MOST_VALUE_CHARACTERS = 1 << 18
"""Of values that are put in, all together: variables made of variables grow without end."""
_DEPTH = 40
"""Of commands inside of commands; what is nested deeper is not looked into."""


class WordScanner:
    """One text, and how far it was read."""

    def __init__(self, text: str, variables: dict[str, str]) -> None:
        self.text = text
        self.at = 0
        self.limit = len(text)
        self.variables = variables
        self._room = _MOST_VALUE_CHARACTERS

    def inside(self, closer: str, depth: int) -> None:
        """Read the commands of a substitution up to `closer`, which is not passed."""
        raise NotImplementedError

    def is_substitution(self) -> bool:
        """Whether `<(` or `>(` begins here."""
        return self.text.startswith(("<(", ">("), self.at)

    # ------------------------------------------------------------------ words

    def word(self, depth: int) -> list[Word]:
        """The word that begins here: several where an unquoted variable holds blanks, none
        where nothing could be read.
        """
        start = self.at
        text, known, quoted = "", True, False
        words: list[Word] = []
        while self.at < self.limit:
            character = self.text[self.at]
            if match := _PLAIN.match(self.text, self.at, self.limit):
                text += match[0]
                self.at = match.end()
            elif character == "\\":
                if not self.text.startswith("\\\n", self.at):
                    text += self.text[self.at + 1 : self.at + 2]
                self.at = min(self.at + 2, self.limit)
            elif character == "'":
                text += self._single()
                quoted = True
            elif character == '"':
                part = self._double(depth)
                text, known, quoted = text + part.text, known and part.known, True
            elif character == "$":
                part = self._dollar(depth, in_quotes=False)
                known &= part.known
                if part.known and not quoted:
                    *whole, text = re.split(r"\s+", text + part.text)
                    words += [Word(each, known) for each in whole if each]
                else:
                    text += part.text
            elif character == "`":
                part = self._backquotes(depth)
                text, known = text + part.text, False
            elif self.is_substitution():
                part = self._substitution(2, depth)
                text, known = text + part.text, False
            else:
                break
        if self.at == start:
            self.at += 1  # a character that begins nothing
            return []
        return [*words, Word(text, known)] if text or quoted else words

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1, self.limit)
        end = self.limit if end < 0 else end
        inside = self.text[self.at + 1 : end]
        self.at = min(end + 1, self.limit)
        return inside

    def _double(self, depth: int) -> Word:
        self.at += 1
        parts, known = [], True
        while self.at < self.limit and (character := self.text[self.at]) != '"':
            if character == "\\":
                following = self.text[self.at + 1 : self.at + 2]
                if following != "\n":
                    parts.append(following if following in '$`"\\' else "\\" + following)
                self.at += 2
            elif character in "$`":
                in_dollar = character == "$"
                part = self._dollar(depth, in_quotes=True) if in_dollar else self._backquotes(depth)
                parts.append(part.text)
                known &= part.known
            else:
                match = _PLAIN_IN_QUOTES.match(self.text, self.at, self.limit)
                assert match is not None
                parts.append(match[0])
                self.at = match.end()
        self.at = min(self.at + 1, self.limit)
        return Word("".join(parts), known)

    # ------------------------------------------------------------------ expansions

    def _dollar(self, depth: int, *, in_quotes: bool) -> Word:
        start, following = self.at, self.text[self.at + 1 : self.at + 2]
        if self.text.startswith("$((", self.at):
            return self._arithmetic()
        if following == "(":
            return self._substitution(2, depth)
        if following == "{":
            return self._braces(depth)
        if following == "'" and not in_quotes:
            self.at += 1
            inside = self._single()
            return Word(inside, "\\" not in inside)
        if following == '"' and not in_quotes:
            self.at += 1
            return self._double(depth)
        if match := _NAME.match(self.text, self.at + 1, self.limit):
            self.at = match.end()
            return self._value(match[0], self.text[start : self.at])
        self.at += 1
        if following and following in "0123456789@*#?$!-":
            self.at += 1
            return Word(self.text[start : self.at], known=False)
        return Word("$")

    def _value(self, name: str, written: str) -> Word:
        value = self.variables.get(name)
        if value is None or len(value) > self._room:
            return Word(written, known=False)
        self._room -= len(value)
        return Word(value)

    def _braces(self, depth: int) -> Word:
        start = self.at
        self.at += 2
        open_braces = 1
        while self.at < self.limit and open_braces:
            character = self.text[self.at]
            if self.text.startswith("$(", self.at) and not self.text.startswith("$((", self.at):
                self._substitution(2, depth)
                continue
            open_braces += (character == "{") - (character == "}")
            self.at += 2 if character == "\\" else 1
        self.at = min(self.at, self.limit)
        written = self.text[start : self.at]
        match = _EXPANSION.fullmatch(written[2:-1])
        if match is None:
            return Word(written, known=False)
        name, operator, default = match.groups()
        value = self._value(name, written)
        is_missing = not value.known or (value.text == "" and (operator or "").startswith(":"))
        if operator is None or not is_missing:
            return value
        is_plain = not set(default) & set("$`'\"\\")
        return Word(default) if is_plain else Word(written, known=False)

    def _arithmetic(self) -> Word:
        start, open_parentheses = self.at, 0
        self.at += 1
        while self.at < self.limit:
            character = self.text[self.at]
            open_parentheses += (character == "(") - (character == ")")
            self.at += 1
            if not open_parentheses:
                break
        return Word(self.text[start : self.at], known=False)

    def _substitution(self, opening: int, depth: int) -> Word:
        """`$(…)`, `<(…)`, `>(…)`: the commands inside count; what they print is not known."""
        start = self.at
        self.at += opening
        if depth >= _DEPTH:
            return Word(self.text[start : self.at], known=False)
        self.inside(")", depth)
        self.at = min(self.at + 1, self.limit)
        return Word(self.text[start : self.at], known=False)

    def _backquotes(self, depth: int) -> Word:
        start = self.at
        self.at += 1
        end = self.at
        while end < self.limit and self.text[end] != "`":
            end += 2 if self.text[end] == "\\" else 1
        limit, self.limit = self.limit, min(end, self.limit)
        if depth < _DEPTH:
            self.inside("", depth)
        self.limit = limit
        self.at = min(end + 1, limit)
        return Word(self.text[start : self.at], known=False)
