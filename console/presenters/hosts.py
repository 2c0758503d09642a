"""Hosts as they stand: health, maintenance, and which are left out of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from console.answers import Document, HostState
from console.i18n import _
from console.presenters import states
from console.presenters.durations import clock_time
from console.presenters.lists import documents_table
from console.presenters.results import hosts_word
from console.presenters.text import Column, Line, Span, Table, Tone, line
from core.domain.hostrange import fold


def hosts_table(
    documents: Sequence[Document],
    known: Mapping[str, HostState],
    now: datetime,
    *,
    always: bool = False,
) -> Table:
    """Hosts with how they stand, where there is anything to say of any of them, or `always`."""
    table = documents_table("host", documents, now)
    if not always and not any(
        _is_told(known[each.name]) for each in documents if each.name in known
    ):
        return table
    rows = tuple(
        (*row, _state(known.get(document.name), now))
        for document, row in zip(documents, table.rows, strict=True)
    )
    # The state is why people look, so it is never cut: it gives way by going on below its row.
    others = (replace(column, elastic=False) for column in table.columns)
    state = Column(_("STATE"), elastic=True, wraps=True)
    return replace(table, columns=(*others, state), rows=rows)


def state_lines(known: Sequence[HostState], now: datetime) -> list[Line]:
    """How hosts stand after something was done to them."""
    return [
        line(
            Span(state.host, Tone.STRONG),
            "  ",
            _state(state, now) if _is_told(state) else _("in use"),
        )
        for state in known
    ]


def left_out_lines(left_out: Mapping[str, str]) -> list[Line]:
    """Hosts that a run leaves out, those with the same reason together."""
    reasons: dict[str, list[str]] = {}
    for host, why in left_out.items():
        reasons.setdefault(why, []).append(host)
    return [
        line(
            Span(_("left out: "), Tone.WARNING),
            f"{hosts_word(len(hosts))}  ",
            Span(fold(hosts), Tone.STRONG),
            f"  {why}",
        )
        for why, hosts in reasons.items()
    ]


def _is_told(state: HostState) -> bool:
    return bool(state.maintenance or state.vanished_at or state.health)


def _state(state: HostState | None, now: datetime) -> Span:
    if state is None:
        return Span("")
    if state.maintenance is not None:
        until = clock_time(state.maintenance.until, now)
        words = _("maintenance until {time}").format(time=until) if until else _("maintenance")
        return Span(f"{states.WAITING[0]} {words}", Tone.WARNING)
    if state.vanished_at is not None:
        words = _("vanished {time}").format(time=clock_time(state.vanished_at, now))
        return Span(f"{states.UNKNOWN[0]} {words}", Tone.WARNING)
    if state.health is None:
        return Span("")
    if state.health.state == "up":
        return Span(f"{states.GOOD[0]} {_('up')}", states.GOOD[1])
    words = _("down since {time}").format(time=clock_time(state.health.since, now))
    return Span(f"{states.BAD[0]} {words}", states.BAD[1])
