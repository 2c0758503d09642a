"""The queue: who waits and why, in words; whether the engine lets runs begin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from console.answers import Admission, Hold, Place, Queue, QueueStatus, WaitReason, WhyWaits
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.durations import clock_time, duration, full_time, number, span_of
from console.presenters.results import short_id
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.sentences import said
from core.domain.priorities import Priority
from core.domain.run import TERMINAL_RUN_STATES


def queue_table(queue: Queue, now: datetime) -> Table:
    """Who waits, the first one first, and the first thing in the way of each."""
    return Table(
        columns=(
            Column("#", right=True),
            Column(_("RUN"), whole=True),
            Column(_("PRIORITY")),
            Column(_("WAITS"), right=True),
            Column(_("BY")),
            Column(_("TITLE")),
            Column(_("WHY"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(number(place.position)),
                Span(short_id(place.run_id), Tone.STRONG),
                Span(_class(place)),
                Span(duration(span_of(place.since, None, now))),
                Span(place.owner),
                Span(place.title),
                Span(_first_reason(place)),
            )
            for place in queue.places
        ),
        empty=_("no run waits"),
    )


def queue_lines(queue: Queue) -> list[Line]:
    """What stands under the table: that it is frozen, and how many more wait."""
    found = []
    if text := admission_text(queue.admission):
        found.append(line(Span(text, Tone.WARNING)))
    if hidden := queue.waiting - len(queue.places):
        more = ngettext("{count} more run waits", "{count} more runs wait", hidden)
        found.append(line(Span(more.format(count=number(hidden)), Tone.QUIET)))
    return found


def why_lines(why: WhyWaits, now: datetime) -> list[Line]:
    """Everything in a run's way, or why it does not wait."""
    id_ = Span(short_id(why.run_id), Tone.STRONG)
    if why.place is None:
        lines = [line(id_, "  ", _not_waiting(why))]
        if why.yields_to:
            text = _("gives way to run {run} at the end of its step or batch")
            lines.append(line("  ", text.format(run=short_id(why.yields_to))))
        return lines + [line("  ", hold_text(hold)) for hold in why.holds]
    place = why.place
    head = _("place {position}, {priority}, waits for {duration}").format(
        position=number(place.position),
        priority=_class(place),
        duration=duration(span_of(place.since, None, now)),
    )
    lines = [line(id_, "  ", head)]
    lines += [line("  ", text) for text in _suspended(place)]
    lines += [line("  ", text) for text in reason_texts(place)]
    if place.unknown_loads:
        text = _("how busy {hosts} are is not known, and keeps it from nothing")
        lines.append(line("  ", Span(text.format(hosts=place.unknown_loads), Tone.QUIET)))
    aged = _("from {time} on, no other run overtakes it").format(
        time=clock_time(place.aged_at, now)
    )
    return [*lines, line("  ", Span(aged, Tone.QUIET))]


def _suspended(place: Place) -> list[str]:
    """That it has begun, and for whom it waits now."""
    if not place.gave_way_to:
        return []
    text = _("suspended for run {run}; it goes on in its turn")
    return [text.format(run=short_id(place.gave_way_to))]


def reason_texts(place: Place) -> list[str]:
    """One sentence for each thing in the way."""
    texts = [reason_text(reason) for reason in place.reasons]
    return texts or [_("nothing is in its way: it begins at the next decision")]


def reason_text(reason: WaitReason) -> str:
    """One sentence; in English where this console does not know the kind."""
    words = (_OLDER if reason.older else _HELD).get(reason.kind)
    if words is None:
        return reason.text
    shown = [short_id(run) for run in reason.runs]
    return words().format(
        names=reason.names,
        runs=", ".join(shown) + (", …" if reason.count > len(shown) else ""),
        count=number(reason.count),
        limit=number(reason.limit or 0),
        older=short_id(reason.older),
        detail=said(reason.detail),
    )


Words = Mapping[str, Callable[[], str]]

_HELD: Words = {
    "engine": lambda: _("the engine has {count} of at most {limit} runs: {runs}"),
    "environment": lambda: _("environment {names} has {count} of at most {limit} runs: {runs}"),
    "host": lambda: _("host {names} has {count} of at most {limit} runs: {runs}"),
    "account": lambda: _("account {names} has {count} of at most {limit} runs: {runs}"),
    "job": lambda: _("job {names} has {count} of at most {limit} runs: {runs}"),
    "flow": lambda: _("flow {names} has {count} of at most {limit} runs: {runs}"),
    "lock": lambda: _("waits for run {runs}, which has lock {names}"),
    "host-lock": lambda: _("waits for run {runs} on host {names}"),
    "yield": lambda: _("asked to give way to it, at the end of a step or batch: {runs}"),
    "load": lambda: _("host {names} is busy: {detail}"),
    "freeze": lambda: _("nothing begins: the engine is frozen by {detail}"),
}
_OLDER: Words = {
    "engine": lambda: _("what the engine has left is kept for run {older}, which waits longer"),
    "environment": lambda: _(
        "what environment {names} has left is kept for run {older}, which waits longer"
    ),
    "host": lambda: _("what host {names} has left is kept for run {older}, which waits longer"),
    "account": lambda: _(
        "what account {names} has left is kept for run {older}, which waits longer"
    ),
    "job": lambda: _("what job {names} has left is kept for run {older}, which waits longer"),
    "flow": lambda: _("what flow {names} has left is kept for run {older}, which waits longer"),
    "lock": lambda: _("run {older} waits for lock {names} too, and waits longer"),
    "host-lock": lambda: _("run {older} waits for host {names} too, and waits longer"),
}


def locks_text(definition: Mapping[str, Any]) -> str:
    """The locks that a run asks for; "" where it asks for none."""
    mode = definition.get("lock_hosts") or "none"
    words = {"exclusive": _("its hosts"), "shared": _("its hosts, shared")}
    texts = [words[mode]] if mode in words else []
    shared = _("{name}, shared")
    for name, how in (definition.get("locks") or {}).items():
        texts.append(shared.format(name=name) if how == "shared" else name)
    return "; ".join(texts)


def hold_text(hold: Hold) -> str:
    """A lock that a run holds."""
    words = {
        ("lock", "shared"): _("holds lock {name}, shared"),
        ("lock", "exclusive"): _("holds lock {name}"),
        ("host-lock", "shared"): _("holds host {name}, shared"),
        ("host-lock", "exclusive"): _("holds host {name}"),
    }
    return words.get((hold.kind, hold.mode), "{name}").format(name=hold.name)


def priority_word(priority: str) -> str:
    """A class as people read it: its own name in English, a word in other languages."""
    return _(priority)


def priority_options() -> list[tuple[str, str, str]]:
    """Each class, the most urgent first: its name, as people read it, and what it means."""
    meanings = {
        Priority.URGENT: _("before all others; for what cannot wait"),
        Priority.HIGH: _("before what is usual"),
        Priority.NORMAL: _("as runs are by themselves"),
        Priority.LOW: _("after what is usual"),
        Priority.BACKGROUND: _("when nothing else wants to begin"),
    }
    return [(each.value, priority_word(each.value), text) for each, text in meanings.items()]


def admitting_word(deed: str) -> str:
    """Freezing, draining or unfreezing as a verb and its object."""
    words = {
        "freeze": _("freeze the engine"),
        "drain": _("drain the engine"),
        "unfreeze": _("unfreeze the engine"),
    }
    return words[deed]


def admitting_lines(deed: str) -> list[Line]:
    """What freezing or draining does, in words."""
    words = {
        "freeze": _("Nothing begins: starts are accepted and wait. What has begun goes on."),
        "drain": _("New starts are refused. What was accepted goes on to its end."),
    }
    return [line(words[deed]), line(_("It holds for everybody until somebody unfreezes it."))]


def admission_text(admission: Admission) -> str:
    """That the engine is frozen or drains, who said so and why; "" where it is open."""
    words = {
        "frozen": _("frozen by {name} since {time}: {reason}"),
        "draining": _("drains, says {name} since {time}: {reason}"),
    }
    text = words.get(admission.mode, "")
    return text.format(name=admission.actor, time=full_time(admission.at), reason=admission.reason)


def status_text(queue: QueueStatus) -> str:
    """`3 wait, since 12:04`; "" where nobody does."""
    if not queue.waiting:
        return ""
    count = ngettext("{count} run waits", "{count} runs wait", queue.waiting)
    text = count.format(count=number(queue.waiting))
    return _("{what}, the oldest since {time}").format(what=text, time=full_time(queue.oldest_at))


def _class(place: Place) -> str:
    """The priority, and the class into which the run has risen."""
    own = priority_word(place.priority)
    if place.level == place.priority:
        return own
    risen = _("above all") if place.level is None else priority_word(place.level)
    return f"{own} → {risen}"


def _first_reason(place: Place) -> str:
    first, *others = *_suspended(place), *reason_texts(place)
    if not others:
        return first
    more = ngettext("and {count} more", "and {count} more", len(others))
    return f"{first} ({more.format(count=number(len(others)))})"


def _not_waiting(why: WhyWaits) -> str:
    state = states.word(why.state)
    if why.state in TERMINAL_RUN_STATES:
        return _("does not wait: it is {state}").format(state=state)
    if why.parent:
        text = _("does not wait: it belongs to run {parent}, and is {state}")
        return text.format(parent=short_id(why.parent), state=state)
    if why.state == "queued":
        return _("its turn has come: it begins")
    return _("does not wait: it has begun, and is {state}").format(state=state)


def waiting_lines(place: Place | None) -> Sequence[Line]:
    """What somebody is told who follows a run that waits."""
    if place is None:
        return ()
    head = line(_("waits for its turn, place {position}").format(position=number(place.position)))
    return [head, *(line("  ", text) for text in (*_suspended(place), *reason_texts(place)))]
