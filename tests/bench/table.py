"""One table for all figures, as it stands in the README."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: Jobdeck's, and the yardstick's where there is one."""

    title: str
    ours: float
    unit: str
    yardstick: float | None = None
    goal: str = ""


_HEADINGS = ("Measured", "Jobdeck", "yardstick", "ratio", "goal")


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table of Markdown that can be read as plain text, too."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    rule = [
        f"{'-' * (width - 1)}:" if column else "-" * width for column, width in enumerate(widths)
    ]
    return "\n".join(
        "| " + " | ".join(_aligned(line, widths)) + " |" for line in (cells[0], rule, *cells[1:])
    )


def _cells(row: Row) -> tuple[str, ...]:
    against = "" if row.yardstick is None else _number(row.yardstick, row.unit)
    ratio = "" if not row.yardstick else f"{row.ours / row.yardstick:.2f}"
    return (row.title, _number(row.ours, row.unit), against, ratio, row.goal)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]


def _number(value: float, unit: str) -> str:
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f} {unit}"
