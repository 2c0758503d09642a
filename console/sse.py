"""Server-sent events from text lines (WHATWG HTML, section 9.2.6); pure.

Only what the API sends is kept: `event`, `data`, `id`. Comment lines, which
servers send to keep a connection alive, end nothing and say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of a stream."""

    type: str
    data: str
    id: str
    """The last id that the stream named; sending it back resumes after this event."""


def split_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines of a stream, as they become complete.

    Only line feeds separate (a carriage return before one belongs to it): JSON may hold any
    other character that `str.splitlines` would break at.
    """
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode("utf-8", "replace")


def parse_events(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """Events in order. An event that the stream breaks off in is left out, as the rule says."""
    type_, data, last_id = "message", list[str](), ""
    for line in lines:
        if not line:
            if data:
                yield ServerEvent(type_, "\n".join(data), last_id)
            type_, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            type_ = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            last_id = value
