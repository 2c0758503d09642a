"""Tables and lines as sentences: what presenters made for the eye, put for the ear. Pure.

A row of a table is its name and then its cells, each after its title, because whoever hears a
list cannot look up at its head. The signs of states go: their words say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.cells import wrap
from console.presenters import states
from console.presenters.text import Column, Line, Span, Table
from console.tables import one_line
from core.domain.display import safe_text

_SIGNS = {
    states.GOOD, states.PARTLY, states.BAD, states.REFUSED, states.UNKNOWN, states.BUSY,
    states.WAITING, states.NOT_DONE,
}  # fmt: skip


def spoken(span: Span) -> str:
    """A span's text; `✓ succeeded` is `succeeded`."""
    symbol, _blank, word = span.text.partition(" ")
    if word and any(symbol == sign for sign, tone in _SIGNS if tone == span.tone):
        return word
    return span.text


def sentence(pieces: Line) -> str:
    """A line without its tones and signs."""
    return "".join(map(spoken, pieces))


def row_text(columns: Iterable[Column], row: Iterable[Span]) -> str:
    """`web01: failed, exit 3, took 2.1 s`; empty cells are left out."""
    cells = [
        (column, one_line(cell))
        for column, cell in zip(columns, row, strict=True)
        if cell.text.strip()
    ]
    if not cells:
        return ""
    (_column, name), *others = cells
    said = ", ".join(_cell_text(column, cell) for column, cell in others)
    return f"{spoken(name)}: {said}" if said else spoken(name)


def _cell_text(column: Column, cell: Span) -> str:
    text, title = spoken(cell), column.title.lower()
    if text != cell.text or not title:
        return text  # a state says what it is
    return f"{title}: {text}" if column.elastic else f"{title} {text}"


def table_texts(table: Table) -> Iterator[str]:
    """Every row as a sentence; what to say where there is none."""
    for row in table.rows:
        yield row_text(table.columns, row)
    if not table.rows and table.empty:
        yield table.empty


def folded(text: str, cells: int, *, indent: int = 0) -> Iterator[str]:
    """A text in lines of at most `cells`; those after the first are indented."""
    for paragraph in safe_text(text).expandtabs().splitlines() or [""]:
        first, *rest = wrap(paragraph, max(cells - indent, 1)) if paragraph.strip() else [""]
        blanks = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        yield blanks + first
        yield from (" " * indent + line for line in rest)
