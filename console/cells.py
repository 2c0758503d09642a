"""Text measured in terminal cells: widths, cutting and wrapping that are right for Chinese.

The one module that asks Rich how wide a character is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size, split_graphemes

CUT = "..."
"""Marks text that was cut. ASCII, because an ellipsis is two cells wide on some terminals."""

_WIDE = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6"
_CLOSING = "\u3001\u3002\uff0c\uff1a\uff1b\uff01\uff1f\uff09\u300b\u300d\u201d"
_PIECE = re.compile(rf"\s+|[{_WIDE}][{_CLOSING}]*|[^\s{_WIDE}]+[{_CLOSING}]*")
"""Where a line may break: at blanks, and after any wide character that no mark follows."""


_LISTED = re.compile(r"[^,]*,|[^,]+")
_PARTS = re.compile(r"\s{2,}")


def width(text: str) -> int:
    """Cells that `text` takes in one line."""
    return cell_len(text)


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """`text` filled with blanks to `cells`; longer text stays as it is."""
    blanks = " " * (cells - cell_len(text))
    return blanks + text if right else text + blanks


def cut(text: str, cells: int) -> str:
    """`text` in at most `cells` cells, ending in CUT where something was left out."""
    if cell_len(text) <= cells:
        return text
    if cells <= len(CUT):
        return set_cell_size(text, max(cells, 0)).rstrip()
    return set_cell_size(text, cells - len(CUT)).rstrip() + CUT


def wrap(text: str, cells: int) -> list[str]:
    """One paragraph in lines of at most `cells`; a longer word goes on after a comma, or uncut.

    What stands two blanks apart belongs together: such a part is broken only if no line holds it.
    """
    lines = [""]
    for part in _PARTS.split(text.strip()):
        longer = f"{lines[-1]}  {part}" if lines[-1] else part
        if cell_len(longer) <= cells:
            lines[-1] = longer
        elif cell_len(part) <= cells:
            lines.append(part)
        else:
            lines[-1:] = _wrap_words(longer, cells)
    return lines


def pieces(text: str) -> list[str]:
    """Text cut wherever a line may break; blanks are pieces of their own."""
    return _PIECE.findall(text)


def _wrap_words(text: str, cells: int) -> list[str]:
    lines, current = list[str](), ""
    words = (
        part
        for word in _PIECE.findall(text.strip())
        for part in (_LISTED.findall(word) if cell_len(word) > cells else [word])
    )
    for piece in words:
        if piece.isspace():
            current += " " if current else ""
        elif cell_len(current) + cell_len(piece) <= cells:
            current += piece
        else:
            lines += [current.rstrip()] if current.strip() else []
            current = piece
    return [*lines, current.rstrip()] if current.strip() else lines or [""]


def paragraphs(text: str, cells: int) -> Iterator[str]:
    """Lines of several paragraphs; a blank line separates, an indented line stays as it is."""
    pending: list[str] = []
    for line in [*text.strip("\n").splitlines(), ""]:
        if line.strip() and not line.startswith(" "):
            pending.append(line.strip())
            continue
        if pending:
            yield from wrap(" ".join(pending), cells)
            pending = []
        yield line.rstrip()


def clusters(text: str) -> Iterator[tuple[str, int]]:
    """Characters with what stands on them, and the cells that each takes."""
    spans, _cells = split_graphemes(text)
    for start, end, cells in spans:
        yield text[start:end], cells
