"""What is said and heard, a line at a time.

Nothing here moves a cursor, rings or colours: a line, once written, stays. A terminal's own line
editing is all there is, so a serial line and a screen reader work as they do at a shell.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable
from typing import TextIO

from console.i18n import _
from console.plain import reading
from console.plain.words import Word
from console.presenters.text import Line, Table

Part = str | Line | Table


class Back(Exception):
    """Whoever is asked wants to go back instead."""


class Quit(Exception):
    """Whoever is asked wants to leave, or there is no more input."""


class Voice:
    """One person, at one line in and one stream out."""

    def __init__(self, heard: TextIO, stream: TextIO, cells: Callable[[], int]) -> None:
        """`cells`: the width of the line at this moment."""
        self._heard = heard
        self._stream = stream
        self._cells = cells

    def say(self, *parts: Part) -> None:
        """Each part on lines of its own."""
        for part in parts:
            if isinstance(part, Table):
                self._lines(reading.table_texts(part))
            else:
                self._lines([part if isinstance(part, str) else reading.sentence(part)])
        self._stream.flush()

    def item(self, number: int, text: str) -> None:
        """One entry of a numbered list."""
        head = f"{number}. "
        self._lines([head + text], indent=len(head))

    def ask(self, question: str) -> str:
        """One line of answer, without blanks around it. Raises Quit at the end of input."""
        self._stream.write(f"{question} ")
        self._stream.flush()
        try:
            answer = self._heard.readline()
        except KeyboardInterrupt:
            self._stream.write("\n")
            raise
        if not answer:
            self._stream.write("\n")
            raise Quit
        return answer.strip()

    def value(self, question: str, default: str = "") -> str:
        """What somebody types, or `default` for an empty line. `back` and `quit` are raised."""
        shown = f"{question} [{default}]" if default else question
        answer = self._unless_leaving(self.ask(f"{shown}:"))
        return answer or default

    def required(self, question: str) -> str:
        """As `value`, until it is not empty."""
        while not (answer := self.value(question)):
            self.say(_("it is needed; `back` leaves"))
        return answer

    def secret(self, name: str) -> str:
        """A value that is not shown while it is typed."""
        question = _("{name} (not shown): ").format(name=name)
        if self._heard.isatty():
            return getpass.getpass(question, stream=self._stream)
        return self.ask(question.rstrip())

    def confirms(self, question: str) -> bool:
        """Whether the answer is yes; anything else is no."""
        answer = self._unless_leaving(self.ask(f"{question} {_('(yes or no)')}")).lower()
        return answer in ("y", "yes", _("yes"))

    def _unless_leaving(self, answer: str) -> str:
        if Word.BACK.is_meant(answer):
            raise Back
        if Word.QUIT.is_meant(answer):
            raise Quit
        return answer

    def _lines(self, texts: Iterable[str], *, indent: int = 0) -> None:
        for text in texts:
            for row in reading.folded(text, self._cells(), indent=indent):
                self._stream.write(row.rstrip() + "\n")
