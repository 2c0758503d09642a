"""Help pages: which there are, and how they look in cells.

They are written in a small part of Markdown.

Headings, paragraphs, lists, fenced code, tables of two and more columns, `code`
and **strong** text. Anything else is shown as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import assets
from console.cells import wrap
from console.i18n import ENGLISH, language
from console.presenters.text import Column, Line, Span, Table, Tone, line

_ITEM = re.compile(r"(\s*(?:[-*]|\d+\.)\s+)(.*)")
_MARKED = re.compile(r"(`[^`]+`|\*\*.+?\*\*)")
_CELL_END = re.compile(r"(?<!\\)\|")
_CODE_INDENT = "  "
_BLOCKS = ("#", "|", "```")
"""How rows begin that belong to no paragraph."""


def topics() -> dict[str, Path]:
    """Topic -> its page in the language of the environment, in English where there is no other."""
    folder = Path(assets.__file__).parent / "help"
    found = {}
    for tongue in (ENGLISH, language()):
        for page in sorted(folder.glob(f"*.{tongue}.md")):
            found[page.name.partition(".")[0]] = page
    return found


def page_title(page: Path) -> str:
    """A page's first line."""
    with page.open(encoding="utf-8") as text:
        return text.readline().lstrip("# ").strip()


def render(text: str, cells: int) -> Iterator[Line | Table]:
    """The page in lines of at most `cells`, and tables for the screen to lay out."""
    paragraph: list[str] = []
    rows: list[str] = []
    in_code = False
    for row in [*text.splitlines(), ""]:
        is_text = not in_code and bool(row.strip()) and not row.startswith(_BLOCKS)
        if rows and not row.startswith("|"):
            yield _table(rows)
            rows = []
        if paragraph and (not is_text or _ITEM.fullmatch(row)):
            yield from _paragraph(paragraph, cells)
            paragraph = []
        if row.startswith("```"):
            in_code = not in_code
        elif in_code:
            yield line(_CODE_INDENT, Span(row, Tone.BUSY))
        elif row.startswith("#"):
            yield line(Span(row.lstrip("# "), Tone.STRONG))
        elif row.startswith("|"):
            rows.append(row)
        elif row.strip():
            paragraph.append(row)
        else:
            yield line("")


def _paragraph(rows: list[str], cells: int) -> Iterator[Line]:
    """Wrapped text; an item of a list keeps its mark and stands indented behind it."""
    item = _ITEM.fullmatch(rows[0])
    mark = item[1] if item else ""
    texts = [item[2] if item else rows[0], *rows[1:]]
    for row in wrap(_joined(texts), cells - len(mark)):
        yield (Span(mark), *_spans(row))
        mark = " " * len(mark)


def _joined(rows: list[str]) -> str:
    """Rows as one text; between two wide characters a line break is no blank."""
    text = rows[0].strip()
    for row in rows[1:]:
        following = row.strip()
        is_chinese = ord(text[-1]) > 0x2E80 and ord(following[0]) > 0x2E80
        text += ("" if is_chinese else " ") + following
    return text


def _spans(text: str) -> Iterator[Span]:
    for part in _MARKED.split(text):
        if part.startswith("**") and len(part) > 4:
            yield Span(part[2:-2], Tone.STRONG)
        elif part:
            yield Span(part, Tone.BUSY if part.startswith("`") else Tone.PLAIN)


def _table(rows: list[str]) -> Table:
    """A Markdown table; its second row only separates."""
    titles, _separator, *body = [
        [cell.strip().replace("\\|", "|") for cell in _CELL_END.split(row.strip("| "))]
        for row in rows
    ]
    *firsts, last = (Column(title) for title in titles)
    columns = (*firsts, Column(last.title, elastic=True, wraps=True))
    return Table(columns, tuple(tuple(map(Span, cells)) for cells in body))
