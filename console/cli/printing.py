"""The two streams: stdout is data, stderr is talk.

Everything shown on a screen passes `Screen`, which makes hostile text harmless
(`core.domain.display`), decides whether tones become colours, and keeps columns
straight. Colour never says what the words do not.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from console.cli.settings import settings
from console.presenters.text import Line, Span, Table, Tone
from console.tables import fit, table_lines
from core.domain.display import safe_text

_SGR: Mapping[Tone, str] = {
    Tone.GOOD: "32",
    Tone.BAD: "31",
    Tone.WARNING: "33",
    Tone.BUSY: "36",
    Tone.QUIET: "2",
    Tone.STRONG: "1",
}
"""Tones as the sixteen colours every terminal lets its owner choose."""

_JSON_CONTROLS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What JSON leaves as it is though a terminal may obey it."""


class Screen:
    """One output stream, as a terminal or as a file."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_terminal = stream.isatty()
        self._colours = _wants_colours(self.is_terminal, os.environ)

    @property
    def cells(self) -> int | None:
        """Width of the terminal at this moment; None where lines may be of any length."""
        return shutil.get_terminal_size().columns if self.is_terminal else None

    def print(self, *pieces: str | Span) -> None:
        """One line."""
        self._stream.write(self.render(pieces) + "\n")

    def lines(self, parts: Iterable[Line | Table]) -> None:
        """Lines, and tables between them."""
        for part in parts:
            if isinstance(part, Table):
                self.table(part)
            else:
                self.print(*part)

    def entry(self, line: Line) -> None:
        """One line of a list: on a terminal what does not fit is cut, elsewhere nothing is."""
        self.print(*(fit(line, self.cells) if self.cells else line))

    def write(self, text: str) -> None:
        """Text that is already safe, without a line end."""
        self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def render(self, pieces: Iterable[str | Span]) -> str:
        """A line as it goes to the stream: harmless, and coloured where that is wanted."""
        shown = []
        for piece in pieces:
            span = piece if isinstance(piece, Span) else Span(piece)
            text = safe_text(span.text)
            code = _SGR.get(span.tone) if self._colours else None
            shown.append(f"\x1b[{code}m{text}\x1b[0m" if code and text else text)
        return "".join(shown)

    def table(self, table: Table) -> None:
        """Columns two blanks apart, under their titles if any; a terminal's width is kept."""
        for each in table_lines(table, self.cells):
            self._stream.write(self.render(each).rstrip() + "\n")

    def json(self, value: Any, *, indent: int | None = 2) -> None:
        """One JSON document; control characters are escaped, all other text is as it is."""
        text = json.dumps(value, ensure_ascii=False, indent=indent)
        self._stream.write(_JSON_CONTROLS.sub(_escaped, text) + "\n")


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _wants_colours(is_terminal: bool, environ: Mapping[str, str]) -> bool:
    """NO_COLOR (no-color.org) and TERM=dumb are obeyed unless a flag says otherwise."""
    if settings.color != "auto":
        return settings.color == "always"
    return is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def out() -> Screen:
    """stdout: what was asked for."""
    return Screen(sys.stdout)


def err() -> Screen:
    """stderr: progress, questions, warnings, errors."""
    return Screen(sys.stderr)
