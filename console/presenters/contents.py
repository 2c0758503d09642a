"""Contents as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from console.answers import Content
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.durations import clock_time, number, size
from console.presenters.text import Column, Line, Span, Table, Tone, line, pairs

_SHOWN = 12
"""Digits of a SHA-256 that tell it from others."""


def contents_table(found: Sequence[Content], now: datetime) -> Table:
    """Every content and who refers to it."""
    return Table(
        columns=(
            Column("SHA-256", whole=True),
            Column(_("SIZE"), right=True),
            Column(_("SINCE")),
            Column(_("RUNS"), right=True),
            Column(_("USED BY"), elastic=True),
        ),
        rows=tuple(
            (
                Span(content.sha256[:_SHOWN], Tone.STRONG),
                Span(size(content.size_bytes)),
                Span(clock_time(content.added_at, now)),
                Span(number(content.runs)),
                Span(", ".join(content.used_by)),
            )
            for content in found
        ),
        empty=_("no file belongs to a job"),
    )


def fault_lines(content: Content, fault: str) -> Iterator[Line]:
    """A content that is not what it was, and who needs it."""
    used_by = ", ".join(content.used_by)
    yield line(
        Span(f"{states.BAD[0]} ", states.BAD[1]),
        Span(content.sha256[:_SHOWN], Tone.STRONG),
        f"  {used_by}" if used_by else "",
    )
    yield line("    ", fault)


def sum_line(count: int, faults: int) -> Line:
    """How many were looked at, and how many of them are wrong."""
    if not count:
        return line(Span(_("no file belongs to a job"), Tone.QUIET))
    looked = ngettext("{count} content", "{count} contents", count).format(count=number(count))
    if not faults:
        return line(Span(f"{states.GOOD[0]} ", states.GOOD[1]), looked)
    wrong = ngettext("{count} is damaged", "{count} are damaged", faults)
    return line(looked, ", ", Span(wrong.format(count=number(faults)), Tone.BAD))


def content_table(content: Content, now: datetime) -> Table:
    """All that is known of one."""
    return pairs(
        ("SHA-256", content.sha256),
        (_("size"), size(content.size_bytes)),
        (_("since"), clock_time(content.added_at, now)),
        (_("by"), content.added_by),
        (_("last used"), clock_time(content.used_at, now)),
        (_("used by"), ", ".join(content.used_by)),
        (_("runs"), number(content.runs)),
    )
