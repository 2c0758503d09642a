"""Inventory sources: how they answered, and what a refresh changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from console.answers import Refreshed, Source
from console.i18n import _
from console.presenters import states
from console.presenters.changes import field_lines
from console.presenters.durations import clock_time, number
from console.presenters.text import Column, Line, Span, Table, Tone, line

_SIGNS = {
    "create": ("+", Tone.GOOD),
    "change": ("~", Tone.WARNING),
    "return": ("+", Tone.GOOD),
    "vanish": ("?", Tone.WARNING),
    "keep": ("=", Tone.QUIET),
}


def sources_table(sources: Sequence[Source], now: datetime) -> Table:
    """Every source, and how it answered when it was last asked."""
    return Table(
        columns=(
            Column(_("SOURCE"), whole=True),
            Column(_("STATE")),
            Column(_("ASKED")),
            Column(_("LAST GOOD")),
            Column(_("HOSTS"), right=True),
            Column(_("VANISHED"), right=True),
            Column(_("REASON"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(source.source, Tone.STRONG),
                _state(source),
                Span(clock_time(source.asked_at, now)),
                Span(clock_time(source.good_at, now)),
                Span(number(source.hosts)),
                Span(number(source.vanished) if source.vanished else ""),
                Span(source.failure),
            )
            for source in sources
        ),
        empty=_("there is no inventory source"),
    )


def refreshed_lines(found: Refreshed) -> Iterator[Line]:
    """What a refresh does to each host, with the fields that differ; then the sums."""
    source = Span(found.source, Tone.STRONG)
    if found.failure:
        failed = Span(f"{states.BAD[0]} {_('failed')}", states.BAD[1])
        yield line(source, "  ", failed, f"  {found.failure}")
        return
    for change in found.changes:
        if change.action not in _SIGNS:
            continue
        sign, tone = _SIGNS[change.action]
        words = Span(f"{sign} {_words()[change.action]}", tone)
        why = f"  {change.why}" if change.why else ""
        yield line(words, "  ", Span(change.host, Tone.STRONG), why)
        if change.action in ("change", "keep"):
            yield from field_lines(change.diff, indent="    ")
    yield line(source, "  ", _sums(found))


def _sums(found: Refreshed) -> str:
    counts = Counter(change.action for change in found.changes)
    pieces = [
        f"{number(counts[action])} {word}" for action, word in _words().items() if counts[action]
    ]
    text = _(", ").join(pieces) or _("no host")
    differs = any(counts[action] for action in ("create", "change", "return", "vanish"))
    if not differs:
        return text
    return f"{text}: {_('applied') if found.applied else _('nothing was changed; --apply does it')}"


def _words() -> dict[str, str]:
    return {
        "create": _("create"),
        "change": _("change"),
        "return": _("returned"),
        "vanish": _("vanished"),
        "keep": _("kept"),
        "unchanged": _("unchanged"),
    }


def _state(source: Source) -> Span:
    if source.failure:
        return Span(f"{states.BAD[0]} {_('failed')}", states.BAD[1])
    if source.asked_at is None:
        return Span(f"{states.WAITING[0]} {_('never asked')}", states.WAITING[1])
    return Span(f"{states.GOOD[0]} {_('answered')}", states.GOOD[1])
