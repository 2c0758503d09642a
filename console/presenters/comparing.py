"""What differs between two runs: how each host answered, and what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from console.answers import Compared, FieldChange, HostAnswer, PairGroup, Run
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.changes import field_lines
from console.presenters.durations import clock_time, number
from console.presenters.results import hosts_word, short_id
from console.presenters.text import Column, Line, Span, Table, Tone, line

_SIGNS = {
    "only_a": ("-", Tone.BAD),
    "only_b": ("+", Tone.GOOD),
    "state": ("~", Tone.WARNING),
    "exit_code": ("~", Tone.WARNING),
    "output": ("~", Tone.WARNING),
    "same": ("=", Tone.QUIET),
}


def _word(difference: str) -> str:
    return {
        "only_a": _("only in A"),
        "only_b": _("only in B"),
        "state": _("another state"),
        "exit_code": _("another exit code"),
        "output": _("another output"),
        "same": _("same"),
    }.get(difference, difference)


def side_line(letter: str, run: Run, now: datetime) -> Line:
    """`A  01K…  deploy  09:30  ✓ succeeded`."""
    return line(
        Span(letter, Tone.STRONG),
        f"  {short_id(run.id)}  ",
        clock_time(run.started_at or run.created_at, now),
        "  ",
        states.run_state(run.state),
        f"  {run.title}",
    )


def compared_lines(compared: Compared) -> Iterator[Line | Table]:
    """What was asked differently, then each step's hosts: what differs before what does not."""
    yield from asked_lines(compared.definition)
    yield from answer_lines(compared)


def answer_lines(compared: Compared) -> Iterator[Line | Table]:
    """Each step's hosts, what differs before what does not; then the sums."""
    for step, groups in groupby(compared.groups, key=lambda group: group.step):
        yield line(Span(_("step {name}").format(name=step), Tone.STRONG))
        columns = (Column(""), Column(""), Column(""), Column("", elastic=True, wraps=True))
        yield Table(columns, tuple(map(_group_row, groups)))
    yield sums_line(compared)


def asked_note(compared: Compared) -> Line:
    """That they were not asked the same, beside the sums; nothing where they were."""
    count = len(compared.definition)
    if not count:
        return ()
    text = ngettext("{count} setting differs", "{count} settings differ", count)
    return line(Span(f"   {text.format(count=number(count))}", Tone.WARNING))


def pairs_table(groups: Sequence[PairGroup]) -> Table:
    """Hosts whose two answers stand to each other in the same way, in a row."""
    return Table(
        columns=(
            Column(_("DIFFERENCE")),
            Column(_("STEP")),
            Column("A"),
            Column("B"),
            Column(_("HOSTS"), right=True),
            Column(_("WHICH"), elastic=True),
        ),
        rows=tuple(
            (
                Span(f"{_SIGNS[d][0]} {_word(d)}", _SIGNS[d][1])
                if (d := group.difference) in _SIGNS
                else Span(group.difference),
                Span(group.step, Tone.QUIET),
                Span("") if group.a is None else _answer(group.a),
                Span("") if group.b is None else _answer(group.b),
                Span(number(group.count)),
                Span(group.folded, Tone.STRONG),
            )
            for group in groups
        ),
    )


def asked_lines(changes: Sequence[FieldChange]) -> Iterator[Line]:
    """The places at which two definitions differ; nothing where they do not."""
    if changes:
        yield line(Span(_("asked differently"), Tone.STRONG))
        yield from field_lines(changes, indent="  ")


def sums_line(compared: Compared) -> Line:
    """`3 of 15 answers differ`: one answer for each host of each step."""
    total = sum(compared.counts.values())
    other = total - compared.counts.get("same", 0)
    if not other:
        return line(_("no answer differs"))
    text = _("{count} of {total} answers differ")
    return line(text.format(count=number(other), total=number(total)))


def _group_row(group: PairGroup) -> tuple[Span, ...]:
    sign, tone = _SIGNS.get(group.difference, _SIGNS["same"])
    answer = _answer(group.b or group.a)
    if group.difference in ("state", "exit_code"):
        answer = Span(f"{_answer(group.a).text} -> {_answer(group.b).text}")
    return (
        Span(f"  {sign} {_word(group.difference)}", tone),
        answer,
        Span(hosts_word(group.count)),
        Span(group.folded, Tone.STRONG),
    )


def _answer(answer: HostAnswer | None) -> Span:
    if answer is None or answer.state is None:
        return Span(_("(no answer)"))
    state = states.target_state(answer.state)
    if answer.exit_code is None:
        return state
    exit_ = _("exit {code}").format(code=answer.exit_code)
    return Span(f"{state.text} {exit_}", state.tone)
