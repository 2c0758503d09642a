"""What a terminal shows, and the fewest bytes that make it show something else.

Textual paints whole widgets anew. Over a slow line that is what one waits for, so this compares,
cell by cell, with what the terminal shows already and sends only runs of cells that differ.

Two rules for editors. What is believed of the terminal is what was sent to it, never what was
meant: whoever else writes to it has to `forget`. And a character whose width terminals disagree
about leaves the cursor somewhere unknown: behind it the column is said again, and its row is
painted whole whenever anything in it changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby

from rich.cells import split_graphemes
from rich.color import ColorSystem
from textual.strip import Strip

from console.tui.pen import PLAIN, Pen, change, pen_of

_NEAR = 4
"""Cells that are written again rather than jumped over: a jump takes as many bytes."""

_FEW = 4
"""Blanks at the end of a row that are erased rather than written."""
_MANY = 12
"""Blanks before something else; erasing them and jumping over them takes nearly as many bytes."""

_SURE = re.compile(
    "[\x20-\x7e\u2500-\u259f\u2713\u2717\u25b8\u25e6"
    "\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60]"
)
"""Single characters that are as wide as we think in every terminal."""

_BLANK = " "
_REST = ""
"""Text of the second cell of a wide character."""

Piece = tuple[int, int, Strip]
"""Row, column and what is painted there."""


def erases_in_colour(environ: Mapping[str, str]) -> bool:
    """Whether the terminal gives erased cells the ground of the pen (terminfo's `bce`).

    Of those in use only GNU screen does not, and tmux does where it bears the same name.
    """
    return not environ.get("TERM", "").startswith("screen") or "TMUX" in environ


@dataclass(slots=True)
class _Row:
    """The cells of one row."""

    texts: list[str]
    pens: list[Pen]
    sure: bool = True
    """Whether every cell is certainly where we think it is."""
    known: bool = True
    """Whether the terminal is known to show this."""


@dataclass(slots=True)
class Shown:
    """One terminal's screen."""

    erases_in_colour: bool = True
    """Whether the terminal gives erased cells the ground of the pen; else they get its own."""
    _rows: list[_Row] = field(default_factory=list)
    _size: tuple[int, int] = (0, 0)

    def forget(self) -> None:
        """Something else has written to the terminal, or it has changed its size."""
        self._size = (0, 0)

    def change(
        self, pieces: Iterable[Piece], size: tuple[int, int], system: ColorSystem | None
    ) -> str:
        """What to send so that the screen, of (columns, rows), shows these pieces too."""
        if size != self._size:
            columns, rows = self._size = size
            self._rows = [_unknown(columns) for _ in range(rows)]
        sent: list[str] = []
        held = PLAIN
        for y, of_row in groupby(pieces, key=lambda piece: piece[0]):
            if y >= len(self._rows):
                break
            row = self._rows[y]
            wanted = _painted(row, of_row, system)
            held = self._write(sent, y, row, wanted, held)
            self._rows[y] = wanted
        if sent and held != PLAIN:
            sent.append(change(held, PLAIN))
        return "".join(sent)

    def _write(self, sent: list[str], y: int, row: _Row, wanted: _Row, held: Pen) -> Pen:
        """Add what makes one row show what is wanted; the pen that is held afterwards."""
        for start, end in _runs(row, wanted):
            sent.append(f"\x1b[{y + 1};{start + 1}H" if start else f"\x1b[{y + 1}H")
            x = start
            while x < end:
                text, pen = wanted.texts[x], wanted.pens[x]
                blanks = self._erasable(wanted, x)
                if text == _BLANK:
                    pen = pen.carrying(held)
                if text and pen != held:
                    sent.append(change(held, pen))
                    held = pen
                if blanks:
                    x += blanks
                    sent.append(_erase(blanks, at_end=x == len(wanted.texts), more=x < end))
                    continue
                sent.append(text)
                if not _is_sure(text):
                    sent.append(f"\x1b[{_next(wanted, x) + 1}G")
                x += 1
        wanted.known = True
        return held

    def _erasable(self, row: _Row, x: int) -> int:
        """How many blanks of one pen begin at `x`, where erasing them is shorter; else 0."""
        pen, size = row.pens[x], len(row.texts)
        if (pen.ground and not self.erases_in_colour) or pen.shows_on_blanks:
            return 0
        end = x
        while end < size and row.texts[end] == _BLANK and row.pens[end] == pen:
            end += 1
        least = _FEW if end == size else _MANY
        return end - x if end - x >= least else 0


def _unknown(columns: int) -> _Row:
    return _Row([_BLANK] * columns, [PLAIN] * columns, known=False)


def _painted(row: _Row, pieces: Iterable[Piece], system: ColorSystem | None) -> _Row:
    """The row with pieces painted over it; what reaches beyond its end is left out."""
    texts, pens = row.texts.copy(), row.pens.copy()
    size, halved = len(texts), False
    for _y, start, strip in pieces:
        x = start
        halved |= _halve(texts, pens, x, -1)
        for segment in strip:
            if segment.control:
                continue
            pen = pen_of(segment.style, system)
            blank = pen.for_blanks
            for text in _cells(segment.text)[: size - x]:
                texts[x] = text
                pens[x] = blank if text == _BLANK else pen
                x += 1
        halved |= _halve(texts, pens, x, 1)
    return _Row(texts, pens, all(map(_is_sure, texts)), known=row.known and not halved)


def _halve(texts: list[str], pens: list[Pen], x: int, step: int) -> bool:
    """Blank what is left, from `x` on in one direction, of a wide character that loses a half.

    Whether there is any: terminals differ in how they show it.
    """
    left = []
    while 0 <= x < len(texts) and texts[x] == _REST:
        left.append(x)
        x += step
    if left and step < 0:
        left.append(x)  # the half that has the text
    for at in left:
        texts[at], pens[at] = _BLANK, pens[at].for_blanks
    return bool(left)


@lru_cache(maxsize=2048)
def _cells(text: str) -> tuple[str, ...]:
    """A text cell by cell; what has no width of its own belongs to the cell before it."""
    if text.isascii():
        return tuple(text)
    cells: list[str] = []
    for start, end, width in split_graphemes(text)[0]:
        if width:
            cells += [text[start:end], *[_REST] * (width - 1)]
        elif cells:
            at = max(at for at, cell in enumerate(cells) if cell)
            cells[at] += text[start:end]
    return tuple(cells)


@lru_cache(maxsize=4096)
def _is_sure(text: str) -> bool:
    return not text or _SURE.fullmatch(text) is not None


def _erase(blanks: int, *, at_end: bool, more: bool) -> str:
    """Blank cells from the cursor on; it stands behind them where `more` follows in the row."""
    if at_end:
        return "\x1b[K"
    return f"\x1b[{blanks}X" + (f"\x1b[{blanks}C" if more else "")


def _next(row: _Row, x: int) -> int:
    """The column after the character at `x`."""
    x += 1
    while x < len(row.texts) and row.texts[x] == _REST:
        x += 1
    return x


def _runs(row: _Row, wanted: _Row) -> Iterator[tuple[int, int]]:
    """Where the rows differ, as half-open runs; small gaps are no gaps."""
    size = len(wanted.texts)
    if row.known and row.texts == wanted.texts and row.pens == wanted.pens:
        return
    if not (row.known and row.sure and wanted.sure):
        yield 0, size
        return
    start = end = -1
    for x in range(size):
        if row.texts[x] == wanted.texts[x] and row.pens[x] == wanted.pens[x]:
            continue
        if start < 0:
            start = x
        elif x - end > _NEAR:
            yield _head(wanted.texts, start), end
            start = x
        end = _next(wanted, x)
    if start >= 0:
        yield _head(wanted.texts, start), end


def _head(texts: list[str], x: int) -> int:
    """The column of the character that the cell belongs to."""
    while x and texts[x] == _REST:
        x -= 1
    return x
