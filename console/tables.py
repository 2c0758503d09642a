"""Tables and lines laid out in cells: what every screen of characters shares. Pure.

A table's columns stand GAP blanks apart. Where a screen is too narrow, columns are left out or
give way in the order that `Column` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.cells import cut, pad, pieces, width, wrap
from console.presenters.text import Column, Line, Span, Table, Tone
from core.domain.display import safe_text

GAP = 2
"""Blanks between columns."""
_LEAST = 10
"""Cells that a column that gives way keeps."""
_READABLE = 20
"""Cells of an elastic column for which others are left out."""
_BELOW = 4
"""Blanks before what stands below its row."""
_ROOM, _MOST_LINES = 24, 2
"""A column of fewer cells than this holds no text of more lines than this."""


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


def natural_widths(rows: Sequence[Sequence[Span]]) -> list[int]:
    """Cells of each column where there is room for all of them."""
    return [max(width(cell.text) for cell in column) for column in zip(*rows, strict=True)]


def standing(table: Table, natural: Sequence[int], room: int | None) -> Table:
    """The columns that stand where there is so much room; the others are left out wholly.

    `natural`: how wide each would be.
    """
    places = list(range(len(table.columns)))
    elastic = next((at for at in places if table.columns[at].elastic), None)
    if room is None or elastic is None:
        return table
    for at in sorted(places, key=lambda at: table.columns[at].leaves):
        others = sum(natural[each] + GAP for each in places if each != elastic)
        if room - others >= min(natural[elastic], _READABLE):
            break
        if table.columns[at].leaves:
            places.remove(at)
    rows = tuple(tuple(row[at] for at in places) for row in table.rows)
    return replace(table, columns=tuple(table.columns[at] for at in places), rows=rows)


def column_widths(table: Table, rows: Sequence[Sequence[Span]], room: int | None) -> list[int]:
    """Cells of each column.

    Where the screen is too narrow the elastic column gives way, then the widest of the others. One
    that wraps may give way wholly, since it then stands below its row.
    """
    widths = natural_widths(rows)
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


def lay_out(parts: Sequence[Line | Table], cells: int) -> list[Line]:
    """Lines, and tables between them, as lines of at most `cells` cells; long ones are wrapped."""
    found: list[Line] = []
    for part in parts:
        if isinstance(part, Table):
            found += table_lines(part, cells)
        else:
            found += wrapped(part, cells)
    return found


def wrapped(text: Line, cells: int) -> list[Line]:
    """A line in as many as it needs, broken between words; each word keeps its tone."""
    safe = tuple(one_line(span) for span in text)
    if sum(width(span.text) for span in safe) <= cells:
        return [safe]
    lines: list[list[Span]] = [[]]
    room = cells
    for span in safe:
        for piece in pieces(span.text):
            size = width(piece)
            if size > room and lines[-1] and not piece.isspace():
                lines.append([])
                room = cells
            for part in _parts(piece, room, cells):
                if width(part) > room:
                    lines.append([])
                    room = cells
                if part.isspace() and not lines[-1] and len(lines) > 1:
                    continue
                lines[-1].append(Span(part, span.tone))
                room -= width(part)
    return [tuple(each) for each in lines]


def _parts(piece: str, room: int, cells: int) -> list[str]:
    """A word that no line holds, in parts that do."""
    if width(piece) <= cells:
        return [piece]
    parts: list[str] = []
    current = ""
    for letter in piece:
        if width(current + letter) > (room if not parts else cells):
            parts.append(current)
            current = ""
        current += letter
    return [each for each in (*parts, current) if each]


def table_lines(table: Table, cells: int | None) -> list[Line]:
    """A table as lines; None: they may be of any length.

    What does not fit into its column is cut, or goes on in further lines where the column wraps.
    """
    if not table.rows:
        return [(Span(table.empty, Tone.QUIET),)] if table.empty else []
    titles = tuple(Span(column.title, Tone.QUIET) for column in table.columns)
    shown = table.rows if all(not cell.text for cell in titles) else (titles, *table.rows)
    rows = tuple(tuple(one_line(cell) for cell in row) for row in shown)
    table = standing(replace(table, rows=rows), natural_widths(rows), cells)
    widths = column_widths(table, table.rows, cells)
    return [each for row in table.rows for each in _row_lines(row, widths, table.columns, cells)]


def _row_lines(
    row: Sequence[Span], widths: Sequence[int], columns: Sequence[Column], cells: int | None
) -> list[Line]:
    *firsts, last = row
    spaced: list[Span] = []
    for cell, size, column in zip(firsts, widths, columns, strict=False):
        text = pad(cut(cell.text, size), size, right=column.right)
        spaced += [Span(text, cell.tone), Span(" " * GAP)]
    parts = wrap(last.text, widths[-1]) if columns[-1].wraps else [cut(last.text, widths[-1])]
    if columns[-1].right:
        parts = [pad(part, widths[-1], right=True) for part in parts]
    indent = sum(widths[:-1]) + GAP * len(firsts)
    is_cramped = max(map(width, parts)) > widths[-1] or (
        len(parts) > _MOST_LINES and widths[-1] < _ROOM
    )
    if columns[-1].wraps and cells and is_cramped:
        # What has no room beside the other cells stands below them.
        indent, parts = _BELOW, ["", *wrap(last.text, cells - _BELOW)]
    return [
        (*spaced, Span(parts[0], last.tone)),
        *((Span(" " * indent), Span(part, last.tone)) for part in parts[1:]),
    ]
