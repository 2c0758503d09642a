"""Schedules: how each is, its next slots, what became of those that were due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.answers import Fire, ForecastSlot, Schedule, Why
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.durations import clock_time, full_time, number, parse_time
from console.presenters.text import Column, Line, Span, Table, Tone, line, pairs
from console.presenters.timeline import Moment, timeline
from console.sentences import said

_NAMED = 8
"""Schedules that a question names one by one."""


def schedules_table(found: Sequence[Schedule], now: datetime) -> Table:
    """Every schedule, its next slot and what became of the last one."""
    return Table(
        columns=(
            Column(_("SCHEDULE"), whole=True),
            Column(_("STATE")),
            Column(_("STARTS")),
            Column(_("OWNER")),
            Column(_("NEXT")),
            Column(_("LAST")),
            Column(_("OUTCOME")),
            Column(_("REASON"), elastic=True),
        ),
        rows=tuple(
            (
                Span(each.name, Tone.STRONG),
                _state(each),
                Span(each.work),
                Span(each.owner),
                Span(_next(each, now)),
                Span(clock_time(each.last.last_slot, now) if each.last else ""),
                verdict(each.last.verdict) if each.last else Span(""),
                Span(_reason(each)),
            )
            for each in found
        ),
        empty=_("there is no schedule; `jobdeck help schedules` shows one"),
    )


def fires_table(fires: Sequence[Fire], now: datetime) -> Table:
    """The ledger, newest first."""
    return Table(
        columns=(
            Column(_("SLOT"), whole=True),
            Column(_("SLOTS"), right=True),
            Column(_("OUTCOME")),
            Column(_("RUN"), whole=True),
            Column(_("REASON"), elastic=True),
        ),
        rows=tuple(
            (
                Span(_slots(fire, now), Tone.STRONG),
                Span(number(fire.count)),
                verdict(fire.verdict),
                Span(fire.run_id or ""),
                Span(_why(fire)),
            )
            for fire in fires
        ),
        empty=_("no slot was due yet"),
    )


def forecast_table(slots: Sequence[ForecastSlot]) -> Table:
    """Slots that are to come, in the time of the schedule and in the reader's."""
    return Table(
        columns=(
            Column(_("SLOT"), whole=True),
            Column(_("STARTS HERE AT"), whole=True),
            Column(_("REMARK"), elastic=True),
        ),
        rows=tuple(
            (
                Span(slot.local.replace("T", " "), Tone.STRONG),
                Span(full_time(slot.due_at)),
                Span(_remark(slot), Tone.WARNING),
            )
            for slot in slots
        ),
        empty=_("no slot can be told beforehand"),
    )


def coming_lines(
    slots: Sequence[ForecastSlot], now: datetime, cells: int, *, is_paused: bool
) -> list[Line]:
    """The next slots on a line of `cells`, and what its marks mean; nothing without slots.

    While the schedule is paused all of them are skipped.
    """
    moments = [
        Moment(parse_time(slot.due_at), is_paused or bool(slot.calendar) or slot.is_passed_over)
        for slot in slots
    ]
    found = timeline(moments, now, cells)
    if not found:
        return []
    legend: list[Span] = []
    if not all(moment.is_left_out for moment in moments):
        legend += [Span("* ", Tone.BUSY), Span(_("a run starts") + "   ", Tone.QUIET)]
    if any(moment.is_left_out for moment in moments):
        legend += [Span("x ", Tone.WARNING), Span(_("skipped"), Tone.QUIET)]
    return [*found, tuple(legend)]


def facts_table(found: Schedule, now: datetime) -> Table:
    """One schedule as names and values."""
    last = found.last
    return pairs(
        (_("state"), _state(found)),
        (_("starts"), found.work),
        (_("owner"), found.owner),
        (_("paused"), Span(_paused(found), Tone.WARNING)),
        (_("next"), full_time(found.next_slot) or _next(found, now)),
        (_("last"), full_time(last.last_slot) if last else ""),
        (_("outcome"), verdict(last.verdict) if last else ""),
        (_("reason"), _why(last) if last else ""),
    )


def consequence_lines(deed: str, chosen: Sequence[Schedule]) -> list[Line]:
    """What pausing (`pause`) or starting by hand (`fire`) some schedules does, in words."""
    found = [
        line(Span(each.name, Tone.STRONG), f"  {each.work}", Span(_planned(each), Tone.QUIET))
        for each in chosen[:_NAMED]
    ]
    if more := len(chosen) - len(found):
        text = ngettext("and {count} more", "and {count} more", more)
        found.append(line(Span(text.format(count=number(more)), Tone.QUIET)))
    words = {
        "pause": _("Slots are skipped until it is resumed. Runs that go on do so."),
        "fire": _("A run starts now. Slots to come stay as they are; guard rails and rules hold."),
    }
    return [*found, line(""), line(words[deed])]


def _planned(schedule: Schedule) -> str:
    if not schedule.next_slot:
        return ""
    return "  " + _("next at {time}").format(time=full_time(schedule.next_slot))


def why_line(found: Why) -> Line:
    """The answer to "why did it not run?"."""
    slot = Span(full_time(found.slot), Tone.STRONG)
    if found.fire is None:
        return line(slot, "  ", said(found.answer))
    what = f"  {found.fire.run_id or ''} {_why(found.fire)}".rstrip()
    return line(slot, "  ", verdict(found.fire.verdict), what)


def verdict(name: str) -> Span:
    """What became of a slot, as a sign and a word."""
    words = {
        "due": (states.WAITING, _("waits")),
        "started": (states.GOOD, _("run started")),
        "missed": (states.BAD, _("missed")),
        "skipped": (states.UNKNOWN, _("skipped")),
        "refused": (states.BAD, _("refused")),
    }
    (symbol, tone), word = words.get(name, (states.UNKNOWN, name))
    return Span(f"{symbol} {word}", tone)


def _next(schedule: Schedule, now: datetime) -> str:
    """The next slot, what will make the schedule due where nobody can tell when, or that none comes."""
    if schedule.next_slot is not None or not schedule.enabled:
        return clock_time(schedule.next_slot, now)
    words = {
        "at_start": _("engine start"),
        "after": _("end of a run"),
        "journal": _("journal entry"),
        "webhook": _("webhook"),
        "file": _("file"),
        "condition": _("condition"),
    }
    return words.get(schedule.trigger, _("no more"))


def _state(schedule: Schedule) -> Span:
    if not schedule.enabled:
        return Span(_("off"), Tone.QUIET)
    if schedule.paused_by:
        return Span(_("paused"), Tone.WARNING)
    return Span(_("on"), Tone.GOOD)


def _reason(schedule: Schedule) -> str:
    if schedule.paused_by:
        return _paused(schedule)
    return _why(schedule.last) if schedule.last else ""


def _paused(schedule: Schedule) -> str:
    """`paused by ada: the tape is full`; "" where it is not."""
    if not schedule.paused_by:
        return ""
    text = _("paused by {name}").format(name=schedule.paused_by)
    return f"{text}: {schedule.pause_reason}" if schedule.pause_reason else text


def _why(fire: Fire) -> str:
    """The event that it is the slot of, and the reason why nothing was started."""
    return ": ".join(filter(None, (said(fire.cause or ""), said(fire.reason))))


def _slots(fire: Fire, now: datetime) -> str:
    first = clock_time(fire.slot, now)
    if fire.count == 1:
        return first
    return _("{first} to {last}").format(first=first, last=clock_time(fire.last_slot, now))


def _remark(slot: ForecastSlot) -> str:
    if slot.calendar:
        return _("skipped: a day off in {calendar}").format(calendar=slot.calendar)
    return _("skipped: not every slot is started (every_nth)") if slot.is_passed_over else ""
