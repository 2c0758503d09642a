"""Rows as text: aligned columns, JSON, CSV. Each piece is made from a few rows, never from all."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from math import isfinite
from typing import Any

from core.domain.captures import OutputValue

Row = Sequence[Any]
Render = Callable[[Sequence[str], Iterable[Sequence[Row]]], Iterator[str]]

_WIDEST = 60
"""Characters of a column that others are aligned by; longer values push what follows aside."""


def as_table(columns: Sequence[str], batches: Iterable[Sequence[Row]]) -> Iterator[str]:
    """Columns under their names, as wide as the first rows need."""
    widths: list[int] = []
    for batch in batches:
        cells = [[_cell(value) for value in row] for row in batch]
        if not widths:
            widths = _widths(columns, cells)
            yield _head(columns, widths)
        yield "".join(_line(row, widths) for row in cells)
    if not widths:
        yield _head(columns, _widths(columns, []))


def as_json(columns: Sequence[str], batches: Iterable[Sequence[Row]]) -> Iterator[str]:
    """One list; a row is an object on its line. Of columns with the same name the last counts."""
    opening = "[\n"
    for batch in batches:
        objects = (dict(zip(columns, map(plain, row), strict=True)) for row in batch)
        yield opening + ",\n".join(json.dumps(each, ensure_ascii=False) for each in objects)
        opening = ",\n"
    yield "[]\n" if opening == "[\n" else "\n]\n"


def as_csv(columns: Sequence[str], batches: Iterable[Sequence[Row]]) -> Iterator[str]:
    """RFC 4180, with the names in the first line; NULL is an empty field."""
    yield _csv([columns])
    for batch in batches:
        yield _csv([["" if value is None else _text(value) for value in row] for row in batch])


RENDERERS: Mapping[str, Render] = {"table": as_table, "json": as_json, "csv": as_csv}
"""`core.domain.steps.sql.ResultFormat` -> how rows become text."""


def plain(value: Any) -> OutputValue:
    """A database's value as JSON has it: exact numbers, times and bytes are texts."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode("ascii")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case dict():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple() | set():
            return [plain(each) for each in value]
    return str(value)


def _text(value: Any) -> str:
    found = plain(value)
    if isinstance(found, str):
        return found
    return json.dumps(found, ensure_ascii=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return _text(value).replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _widths(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    return [
        min(_WIDEST, max([len(name), *(len(row[place]) for row in cells)]))
        for place, name in enumerate(columns)
    ]


def _head(columns: Sequence[str], widths: Sequence[int]) -> str:
    return _line(columns, widths) + "-+-".join("-" * width for width in widths) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return " | ".join(padded).rstrip() + "\n"


def _csv(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
