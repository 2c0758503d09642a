"""Hosts from a table: a header row names the columns, each further row is a host.

    name,address,port,user,groups,labels
    web1,10.0.0.1,22,deploy,web;front,env=prod;role=web

Lists are separated by `;` or blanks, labels and variables are `key=value`
separated by `;`. Empty rows, and rows that begin with `#`, do not count.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping

from core.domain.importing import fields
from core.domain.importing.plan import ImportedHost, ImportPlan, Notices, plan, refuse
from core.domain.yamlsafe import Plain
from core.errors import Invalid, Problem

_TITLE = "this CSV file cannot be imported"
_ALIASES = {
    "transport": "authentication",
    "group": "groups",
    "label": "labels",
    "identity_file": "identity_files",
    "variable": "variables",
}


def read(text: str) -> ImportPlan:
    """Hosts of a CSV table. Raises: Invalid with every problem and its line."""
    problems: list[Problem] = []
    notices = Notices()
    hosts: dict[str, ImportedHost] = {}
    rows = _rows(text)
    header_line, header = next(rows, (1, []))
    columns = _columns(header, header_line)
    for line, row in rows:
        host = _host(columns, row, line, problems, notices)
        if host is not None:
            fields.add(host, hosts, problems)
    refuse(_TITLE, problems)
    return plan(hosts.values(), notices)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with content, each with the line it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row) and not row[0].lstrip().startswith("#"):
                yield line, [cell.strip() for cell in row]
            line = reader.line_num + 1
    except csv.Error as error:
        problem = Problem(where=f"line {line}", what=f"the row cannot be read: {error}")
        raise Invalid(_TITLE, [problem], hint="check its quotes") from None


def _columns(header: list[str], line: int) -> list[str]:
    columns = [_ALIASES.get(name.lower(), name.lower()) for name in header]
    problems = [
        fields.unknown_field(name, line, "column") for name in columns if name not in fields.FIELDS
    ]
    problems += [
        Problem(where=f"line {line}", what=f"column {name!r} stands there twice")
        for name in sorted({name for name in columns if columns.count(name) > 1})
    ]
    if "name" not in columns and not problems:
        hint = "the first row names the columns, such as name,address,port,user,labels"
        problems.append(Problem(where=f"line {line}", what="there is no column 'name'", hint=hint))
    refuse(_TITLE, problems)
    return columns


def _host(
    columns: list[str], row: list[str], line: int, problems: list[Problem], notices: Notices
) -> ImportedHost | None:
    if len(row) > len(columns):
        what = f"the row has {len(row)} cells for {len(columns)} columns"
        problems.append(Problem(where=f"line {line}", what=what, hint='quote cells with a ","'))
        return None
    given: dict[str, Plain] = {}
    for column, cell in zip(columns, row, strict=False):
        try:
            given[column] = _CELLS.get(column, str)(cell) if cell else None
        except ValueError as error:
            problems.append(Problem(where=f"line {line}, {column}", what=str(error)))
    return fields.host(given, lambda _: line, problems, notices)


def _list(cell: str) -> Plain:
    return list(filter(None, re.split(r"[;,\s]+", cell)))


def _paths(cell: str) -> Plain:
    return [path.strip() for path in cell.split(";") if path.strip()]


def _pairs(cell: str) -> Plain:
    pairs: dict[str, Plain] = {}
    for entry in filter(None, map(str.strip, cell.split(";"))):
        key, equals, value = entry.partition("=")
        if not equals:
            raise ValueError("entries are written key=value and separated by `;`")
        pairs[key.strip()] = value.strip()
    return pairs


_CELLS: Mapping[str, Callable[[str], Plain]] = {
    "groups": _list,
    "jump": _list,
    "identity_files": _paths,
    "labels": _pairs,
    "variables": _pairs,
}
