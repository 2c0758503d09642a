"""Tables and lines laid out in cells: what every screen of characters shares. Pure.

A table's columns stand GAP blanks apart. Where a screen is too narrow, columns give way in
the order that `Column` says.
"""

from __future__ import annotations

from collections.abc import Sequence

from console.cells import cut, width
from console.presenters.text import Line, Span, Table
from core.domain.display import safe_text

GAP = 2
"""Blanks between columns."""
_LEAST = 10
"""Cells that a column that gives way keeps."""


def fit(line: Line, cells: int) -> Line:
    """The beginning of a line that fits into `cells`."""
    shown: list[Span] = []
    for span in line:
        text = cut(span.text, cells)
        shown.append(Span(text, span.tone))
        cells -= width(text)
        if text != span.text:
            break
    return tuple(shown)


def one_line(cell: Span) -> Span:
    return Span(safe_text(" ".join(cell.text.splitlines())), cell.tone)


def column_widths(table: Table, rows: Sequence[Sequence[Span]], room: int | None) -> list[int]:
    """Cells of each column.

    Where the screen is too narrow the elastic column gives way, then the widest of the others. One
    that wraps may give way wholly, since it then stands below its row.
    """
    widths = [max(width(row[at].text) for row in rows) for at in range(len(table.columns))]
    if room is None:
        return widths
    over = sum(widths) + GAP * (len(widths) - 1) - room
    for at, column in enumerate(table.columns):
        if column.elastic and over > 0:
            kept = max(widths[at] - over, min(widths[at], 0 if column.wraps else _LEAST))
            over -= widths[at] - kept
            widths[at] = kept
    cuttable = [at for at, column in enumerate(table.columns) if not column.whole]
    while over > 0 and cuttable:
        widest = max(cuttable, key=lambda at: widths[at])
        if widths[widest] <= _LEAST:
            break
        widths[widest] -= 1
        over -= 1
    return widths
