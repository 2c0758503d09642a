"""Approvals: what waits for whom, what was said, how it was decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from console.answers import Approval, FieldChange, Run
from console.i18n import _
from console.presenters import states
from console.presenters.changes import field_lines
from console.presenters.durations import clock_time, full_time
from console.presenters.results import short_id
from console.presenters.text import Column, Line, Span, Table, Tone, line, pairs
from console.sentences import said

_MOST_LINES = 6
"""Lines of a message that a question repeats; the page of the approval has all."""


def approvals_table(found: Sequence[Approval], now: datetime) -> Table:
    """One a row, newest first."""
    return Table(
        columns=(
            Column(_("APPROVAL"), whole=True),
            Column(_("STATE")),
            Column(_("RUN"), whole=True),
            Column(_("ASKED BY")),
            Column(_("UNTIL")),
            Column(_("WHAT"), elastic=True),
        ),
        rows=tuple(
            (
                Span(short_id(each.id), Tone.STRONG),
                state(each),
                Span(short_id(each.run_id)),
                Span(each.requester),
                Span(clock_time(each.due_at, now)),
                Span(each.message.partition("\n")[0]),
            )
            for each in found
        ),
        empty=_("nothing waits for approval"),
    )


def approval_parts(found: Approval, now: datetime) -> Iterator[Line | Table]:
    """All there is to know before a vote, and the commands that vote."""
    yield from question_parts(found, now)
    if found.state == "open" and not found.refusal:
        yield line("")
        yield _next_step(found)


def question_parts(found: Approval, now: datetime) -> Iterator[Line | Table]:
    """What is asked, of whom, and every vote."""
    is_open = found.state == "open"
    for text in found.message.splitlines():
        yield line(Span(text, Tone.STRONG))
    yield line("")
    yield pairs(
        (_("approval"), found.id),
        (_("state"), state(found)),
        (_("reason"), said(found.reason)),
        (_("run"), f"{found.run_id}  {found.title}"),
        (_("step"), found.step),
        (
            _("requested by"),
            _("{name} at {time}").format(
                name=found.requester, time=clock_time(found.opened_at, now)
            ),
        ),
        (_("decided by"), _approvers(found)),
        (_("it takes"), _takes(found.required)),
        (_("waits for"), _missing(found)),
        (_("your vote"), Span(said(found.refusal) if is_open else "", Tone.WARNING)),
        (_("until"), _until(found)),
        (_("decided at"), full_time(found.decided_at)),
        *((_("form"), _field(field)) for field in found.form),
        *((name, str(value)) for name, value in found.outputs.items()),
    )
    if found.votes:
        yield line("")
        yield votes_table(found, now)


def since_lines(since: tuple[Run, Sequence[FieldChange]] | None, now: datetime) -> Iterator[Line]:
    """In what a run is asked differently than the last one of the same work."""
    if since is None:
        yield line(Span(_("No run of the same work was there before."), Tone.QUIET))
        return
    before, changes = since
    yield line(
        Span(_("since the last run"), Tone.STRONG),
        f"  {short_id(before.id)}  {clock_time(before.started_at, now)}  ",
        states.run_state(before.state),
    )
    if not changes:
        yield line(Span(_("It is asked to do the same."), Tone.QUIET))
    yield from field_lines(changes, indent="  ")


def ballot_parts(found: Approval, choice: str) -> Iterator[Line | Table]:
    """What is voted on, and what the vote means."""
    for text in found.message.splitlines()[:_MOST_LINES]:
        yield line(text)
    yield line("")
    yield pairs(
        (_("run"), f"{short_id(found.run_id)}  {found.title}"),
        (_("step"), found.step),
        (_("requested by"), found.requester),
        (_("waits for"), _missing(found)),
    )
    yield line("")
    words = {
        "approve": _("A vote is never changed. With enough of them the run goes on at once."),
        "deny": _("A vote is never changed. One deny ends it, whoever has approved."),
    }
    yield line(words[choice])


def votes_table(found: Approval, now: datetime) -> Table:
    """Who said what, in order."""
    return Table(
        columns=(
            Column(_("VOTE")),
            Column(_("BY"), whole=True),
            Column(_("AT")),
            Column(_("REASON"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                _choice(each.choice),
                Span(each.voter, Tone.STRONG),
                Span(clock_time(each.at, now)),
                Span(each.comment),
            )
            for each in found.votes
        ),
    )


def standing_line(found: Approval) -> Line:
    """How it stands after a vote."""
    if found.state == "open":
        return line(state(found), "  ", _("waits for: {who}").format(who=_missing(found)))
    return line(state(found), "  ", said(found.reason)) if found.reason else line(state(found))


def state(found: Approval) -> Span:
    """As a sign and a word."""
    words = {
        "open": (states.WAITING, _("escalated") if found.escalated else _("waits")),
        "approved": (states.GOOD, _("approved")),
        "denied": (states.BAD, _("denied")),
        "timed_out": (states.BAD, _("timed out")),
        "lapsed": (states.NOT_DONE, _("lapsed")),
    }
    (symbol, tone), word = words.get(found.state, (states.UNKNOWN, found.state))
    return Span(f"{symbol} {word}", tone)


def _approvers(found: Approval) -> str:
    if found.approvers:
        return found.approvers
    return _("everybody but who asked") if found.forbid_requester else _("everybody")


def _choice(choice: str) -> Span:
    if choice == "approve":
        return Span(_("approves"), Tone.GOOD)
    return Span(_("denies"), Tone.BAD)


def _takes(required: str) -> str:
    words = {"any": _("one approval"), "all": _("all of them")}
    return words.get(required) or _("{count} approvals").format(count=required)


def _until(found: Approval) -> str:
    if not found.due_at:
        return ""
    then = {
        "deny": _("then it has timed out"),
        "approve": _("then it is approved"),
        "escalate": _("then others are asked"),
    }
    what = then["deny" if found.escalated else found.on_timeout]
    return f"{full_time(found.due_at)}: {what}"


def _field(field: dict[str, Any]) -> str:
    name, kind = field.get("name", ""), field.get("type", "string")
    need = _("required") if field.get("required") else ""
    default = field.get("default")
    parts = [kind, need, "" if default is None else f"= {default}", field.get("description", "")]
    return f"{name}: {', '.join(part for part in parts if part)}"


def _next_step(found: Approval) -> Line:
    fields = "".join(f" --form {field['name']}=…" for field in found.form if field.get("required"))
    return line(
        Span(f"jobdeck approvals approve {found.id}{fields}", Tone.STRONG),
        "   ",
        Span(f"jobdeck approvals deny {found.id} --reason …", Tone.STRONG),
    )


def _missing(found: Approval) -> str:
    """Whose votes are still needed."""
    return "; ".join(map(said, found.missing))
