"""Entries of the journal in one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from console.answers import Event
from console.i18n import _
from console.presenters import states
from console.presenters.durations import clock_time
from console.presenters.results import short_id
from console.presenters.text import Column, Line, Span, Table, Tone, line

_RUN = "run."


def event_line(event: Event, now: datetime) -> Line:
    """Number, time, what happened to what, by whom; then what the entry says besides."""
    return line(
        Span(f"{event.seq:>7}  {clock_time(event.at, now)}  ", Tone.QUIET),
        Span(f"{event.type:<18}  ", Tone.STRONG),
        f"{_subject(event)}  {event.actor}",
        Span("".join(f"  {part}" for part in _details(event.data)), Tone.QUIET),
    )


def events_table(events: Sequence[Event], now: datetime) -> Table:
    """The same, as rows."""
    return Table(
        columns=(
            Column("#", right=True, whole=True),
            Column(_("AT"), whole=True),
            Column(_("WHAT"), whole=True),
            Column(_("SUBJECT")),
            Column(_("BY")),
            Column(_("DETAILS"), elastic=True),
        ),
        rows=tuple(
            (
                Span(str(event.seq), Tone.QUIET),
                Span(clock_time(event.at, now), Tone.QUIET),
                Span(event.type, Tone.STRONG),
                Span(_subject(event)),
                Span(event.actor),
                Span("  ".join(_details(event.data)), Tone.QUIET),
            )
            for event in events
        ),
        empty=_("nothing happened yet"),
    )


def _subject(event: Event) -> str:
    return short_id(event.subject) if event.type.startswith(_RUN) else event.subject


def _details(data: Mapping[str, Any]) -> list[str]:
    """`step=command state=running`; changes of targets as a number for each state, and rules that
    were met with the command that met them.
    """
    parts = []
    for name, value in data.items():
        if name == "targets" and isinstance(value, list):
            counts = Counter(str(change[1]) for change in value)
            parts += [f"{count} {states.word(state)}" for state, count in counts.items()]
        elif name == "hits" and isinstance(value, list):
            parts += [f"{hit['rule']} {hit['decision']}: {hit['command']}" for hit in value]
        elif value not in ("", None):
            parts.append(f"{name}={value}")
    return parts
