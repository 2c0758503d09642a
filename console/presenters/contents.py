"""Contents as tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.answers import Content
from console.i18n import _
from console.presenters.durations import clock_time, number, size
from console.presenters.text import Column, Span, Table, Tone, pairs

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
