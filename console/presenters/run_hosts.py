"""The hosts of one attempt of a step, and the hosts that answered alike, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from console.answers import Group, Target
from console.i18n import _
from console.presenters import states
from console.presenters.durations import duration, number, size, span_of
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.sentences import said
from core.domain.run import LIVE_TARGET_STATES, TargetState


def hosts_table(targets: Sequence[Target], now: datetime) -> Table:
    """How each host answered; the code of a failure stands before what it says."""
    return Table(
        columns=(
            Column(_("HOST"), whole=True),
            Column(_("STATE")),
            Column(_("TRY"), right=True),
            Column(_("EXIT"), right=True),
            Column(_("TOOK"), right=True),
            Column(_("OUTPUT"), right=True),
            Column(_("CODE")),
            Column(_("REASON"), elastic=True),
        ),
        rows=tuple(
            (
                Span(target.host, Tone.STRONG),
                states.target_state(target.state, target.resolved_by),
                Span(str(target.attempt), Tone.QUIET if target.attempt == 1 else Tone.PLAIN),
                Span(target.signal or ("" if target.exit_code is None else str(target.exit_code))),
                Span(duration(span_of(target.started_at, target.finished_at, now))),
                Span(size(target.size_bytes) if target.size_bytes else "", Tone.QUIET),
                Span(target.code or ""),
                Span(said(" ".join(target.message.split())), Tone.QUIET),
            )
            for target in targets
        ),
        empty=_("no target fits"),
    )


def states_line(counts: Mapping[str, int], chosen: Sequence[str] = ()) -> Line:
    """`40 hosts  ✗ 1 failed  ✓ 39 success`; what is not chosen is quiet, where some are."""
    total = sum(counts.values())
    pieces: list[str | Span] = [
        Span(_("all {count}").format(count=number(total)), Tone.QUIET if chosen else Tone.STRONG)
    ]
    for state in in_order(counts):
        sign = states.target_state(state)
        symbol, _blank, word = sign.text.partition(" ")
        tone = sign.tone if not chosen or state in chosen else Tone.QUIET
        pieces += ["  ", Span(f"{symbol} {number(counts[state])} {word}", tone)]
    return line(*pieces)


def in_order(counts: Mapping[str, int]) -> list[str]:
    """The states that occur, what needs a person first."""
    return sorted((s for s in counts if counts[s]), key=lambda s: states.ORDER.get(s, 0))


def groups_table(groups: Sequence[Group]) -> Table:
    """Hosts that answered alike, in a row; the first line that they printed is the last cell."""
    return Table(
        columns=(
            Column(_("STATE")),
            Column(_("EXIT"), right=True),
            Column(_("HOSTS"), right=True),
            Column(_("WHICH"), elastic=True),
            Column(_("ANSWER")),
        ),
        rows=tuple(
            (
                states.target_state(group.state, group.resolved_by),
                Span("" if group.exit_code is None else str(group.exit_code)),
                Span(number(group.count)),
                Span(group.hosts, Tone.STRONG),
                Span(_first_line(group)[:_ANSWER], Tone.QUIET),
            )
            for group in groups
        ),
    )


_ANSWER = 60
"""Characters of an answer that stand in its row."""


def _first_line(group: Group) -> str:
    text = group.sample.text if group.sample else ""
    rows = (text or said(group.reason)).splitlines()
    return next((row.strip() for row in rows if row.strip()), "")


def has_ended(group: Group) -> bool:
    """Whether the group says something: hosts that still wait or run have not answered."""
    return group.state not in LIVE_TARGET_STATES


def sample_lines(group: Group) -> Iterator[Line]:
    """All of a group's sample, under the name of the host that printed it."""
    if group.reason:
        yield from (line(Span(row, Tone.WARNING)) for row in said(group.reason).splitlines())
    if group.sample is None:
        return
    text = group.sample.text.rstrip("\n")
    head = _("{host} printed:") if text else _("{host} printed nothing")
    if group.state in _RAN or text:
        yield line(Span(head.format(host=group.sample.host), Tone.QUIET))
    yield from (line(row.removesuffix("\r")) for row in (text.split("\n") if text else ()))
    if group.sample.truncated:
        yield line(Span(_("... more lines: `o` opens all of it"), Tone.QUIET))


_RAN = (TargetState.SUCCESS, TargetState.LAST_SUCCESS, TargetState.FAILED, TargetState.TIMED_OUT)
