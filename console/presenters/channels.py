"""Channels: how each is, and what went through the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.answers import Channel, Notice
from console.i18n import _
from console.presenters import states
from console.presenters.durations import clock_time, number
from console.presenters.text import Column, Span, Table, Tone


def channels_table(found: Sequence[Channel], now: datetime) -> Table:
    """Every channel, what waits there and how the last message went."""
    return Table(
        columns=(
            Column(_("CHANNEL"), whole=True),
            Column(_("STATE")),
            Column(_("WAY")),
            Column(_("WAITING"), right=True),
            Column(_("LAST SENT")),
            Column(_("TOLD OF"), elastic=True),
        ),
        rows=tuple(
            (
                Span(each.name, Tone.STRONG),
                _state(each),
                Span(each.way),
                Span(number(each.waiting + each.sending)),
                Span(clock_time(each.last_sent_at, now)),
                Span(each.error, Tone.WARNING) if each.error else Span(", ".join(each.wants)),
            )
            for each in found
        ),
        empty=_("there is no channel; `jobdeck help notices` shows one"),
    )


def outbox_table(found: Sequence[Notice], now: datetime) -> Table:
    """Notices, newest first."""
    return Table(
        columns=(
            Column(_("AT"), whole=True),
            Column(_("STATE")),
            Column(_("CHANNEL"), whole=True),
            Column(_("WHAT"), elastic=True),
        ),
        rows=tuple(
            (
                Span(clock_time(each.at, now)),
                notice_state(each.state),
                Span(each.channel, Tone.STRONG),
                Span(each.subject + (f"  ({each.error})" if each.error else "")),
            )
            for each in found
        ),
        empty=_("nothing was sent yet, and nothing waits"),
    )


def notice_state(state: str) -> Span:
    """As a sign and a word."""
    words = {
        "waiting": (states.WAITING, _("waits")),
        "sending": (states.BUSY, _("is being sent")),
        "sent": (states.GOOD, _("sent")),
        "given_up": (states.BAD, _("given up")),
    }
    (symbol, tone), word = words.get(state, (states.UNKNOWN, state))
    return Span(f"{symbol} {word}", tone)


def _state(channel: Channel) -> Span:
    if not channel.enabled:
        return Span(_("off"), Tone.QUIET)
    if channel.error:
        return Span(_("failing"), Tone.BAD)
    return Span(_("on"), Tone.GOOD)
