"""How a run ended: groups of hosts that answered alike, and the hosts that need a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.answers import Group, OutputPage, Run, RunDetail, Target
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.durations import duration, number, size, span_of
from console.presenters.progress import count_spans
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.sentences import said
from core.domain.grouping import reason_shape
from core.domain.hostrange import fold
from core.domain.run import GOOD_TARGET_STATES, NEVER_STARTED, RunState, TargetCode, TargetState

ADHOC = "adhoc"
"""Origin of a run that no job stands behind: whoever sees it has just typed what it does."""
SAMPLE_LINES = 20
"""Lines of a group's sample before the rest is left to `runs output`."""
_INDENT = "    "


def begun(run: Run, hosts: str) -> Line:
    """The first line of a run that is followed: its id, what it is and where."""
    title = "" if run.origin == ADHOC else f" ({run.title})"
    id_ = Span(short_id(run.id), Tone.STRONG)
    return line(_("run "), id_, f"{title}  {hosts_word(run.target_count)}  {hosts}")


def hosts_word(count: int) -> str:
    """`1 host`, `1,200 hosts`."""
    return ngettext("{count} host", "{count} hosts", count).format(count=number(count))


def group_lines(group: Group, sample_lines: int | None = SAMPLE_LINES) -> Iterator[Line]:
    """A group's heading, reason and sample; `sample_lines` None shows all of it, 0 nothing."""
    pieces: list[str | Span] = [states.target_state(group.state, group.resolved_by)]
    if group.exit_code is not None:
        pieces.append("  " + _("exit {code}").format(code=group.exit_code))
    pieces += [f"  {hosts_word(group.count)}  ", Span(group.hosts, Tone.STRONG)]
    yield line(*pieces)
    yield from (line(_INDENT, row) for row in said(group.reason).splitlines())
    if group.sample is None or sample_lines == 0:
        return
    text = group.sample.text.rstrip("\n")
    rows = text.split("\n") if text else []
    shown = rows if sample_lines is None else rows[:sample_lines]
    yield from (line(_INDENT, row.removesuffix("\r")) for row in shown)
    hidden = len(rows) - len(shown)
    if hidden or group.sample.truncated:
        more = (
            ngettext("{count} more line", "{count} more lines", hidden).format(count=number(hidden))
            if hidden and not group.sample.truncated
            else _("more lines")
        )
        note = _("... {more}; all of it: {command}").format(
            more=more, command=_("`jobdeck runs output RUN {host}`").format(host=group.sample.host)
        )
        yield line(_INDENT, Span(note, Tone.QUIET))


@dataclass(frozen=True, slots=True)
class Failure:
    """Hosts that did not succeed for the same reason."""

    state: str
    code: str
    hosts: tuple[str, ...]
    message: str
    """What the first of them said; others may name other addresses."""
    resolved_by: str = ""


def failures(targets: Iterable[Target]) -> list[Failure]:
    """Targets that did not succeed, put together by state and reason."""
    found: dict[tuple[str, str, str, str], list[Target]] = defaultdict(list)
    for target in targets:
        if target.state not in GOOD_TARGET_STATES:
            reason = reason_shape(target.message, target.host)
            if target.exit_code is not None:
                reason = f"{target.exit_code} {reason}"
            found[target.state, target.code or "", reason, target.resolved_by].append(target)
    return [
        Failure(state, code, tuple(t.host for t in members), members[0].message, said_by)
        for (state, code, _reason, said_by), members in sorted(
            found.items(), key=lambda item: (states.ORDER.get(item[0][0], 0), item[0])
        )
    ]


def failure_lines(found: Sequence[Failure]) -> Iterator[Line]:
    """One line for the hosts and one for the reason."""
    for failure in found:
        yield line(
            states.target_state(failure.state, failure.resolved_by),
            f"  {hosts_word(len(failure.hosts))}  ",
            Span(fold(failure.hosts), Tone.STRONG),
        )
        reason = said(failure.message) or failure.code
        if reason:
            yield from (line(_INDENT, row) for row in reason.splitlines())


def summary(run: Run, now: datetime) -> Line:
    """How a run ended, or stands: the state, the counts, how long it took."""
    pieces: list[str | Span] = [states.run_state(run.state)]
    for span in count_spans(run.counts):
        pieces += ["  ", span]
    took = duration(span_of(run.started_at, run.finished_at, now))
    if took:
        pieces.append(f"  {took}")
    if run.reason and not set(run.counts) - GOOD_TARGET_STATES:
        pieces.append(f"  {said(run.reason)}")  # the counts do not say why
    return line(*pieces)


def direct_lines(run: RunDetail) -> Iterator[Line]:
    """Hosts that could make no claim, so that a lost line would have left them unknown."""
    if run.direct.count:
        text = ngettext("{count} host ran directly", "{count} hosts ran directly", run.direct.count)
        said = text.format(count=number(run.direct.count))
        why = _("no claim could be made there; their output says why")
        yield line(Span(f"{said}: {run.direct.hosts}", Tone.WARNING), f"  ({why})")


def short_id(run_id: str) -> str:
    """Enough of a run's id to type: its time in milliseconds and a little chance."""
    return run_id[:12]


def next_steps(
    run: RunDetail, found: Sequence[Failure], *, shown: bool = False
) -> Iterator[Line | Table]:
    """What to type next, where something did not succeed: a command and what it is good for.

    `shown` leaves out how to look at the run, for whoever is looking at it.
    """
    # A person can resolve what is unknown for any reason.
    reasons = {failure.code for failure in found} | {failure.state for failure in found}
    id_ = short_id(run.id)
    steps = [
        (command.replace("RUN", id_), why)
        for command, why in dict.fromkeys(
            advice for reason, advice in _advice().items() if reason in reasons
        )
    ]
    with_output = next((f for f in found if f.code in _RAN), None)
    if with_output:
        command = f"jobdeck runs output {id_} {with_output.hosts[0]}"
        steps.append((command, _("everything that host printed")))
    if found and not shown:
        steps.append((f"jobdeck runs show {id_}", _("the run, step by step")))
    all_in_doubt = found and all(
        f.state == TargetState.UNKNOWN or f.code in _IN_DOUBT for f in found
    )
    gateways = _lost_gateways(run)
    steps += [
        (f"jobdeck runs choose-way {id_} {name} --to NODE", _("say where it leads"))
        for name in gateways
    ]
    if "retry" in run.actions and not all_in_doubt and not gateways:
        if found and all(f.state in NEVER_STARTED for f in found):
            steps.append(
                (f"jobdeck runs retry {id_} --not-started", _("run it where it never began"))
            )
        else:
            steps.append((f"jobdeck runs retry {id_}", _("run it again where it failed")))
    if not steps:
        return
    yield line("")
    yield line(Span(_("What to look at:"), Tone.QUIET))
    yield Table(
        columns=(Column("", whole=True), Column("", elastic=True, wraps=True)),
        rows=tuple((Span(f"  {command}", Tone.STRONG), Span(why)) for command, why in steps),
    )


def _lost_gateways(run: RunDetail) -> list[str]:
    """Gateways that found no way; tried again, they would find none either."""
    if "choose_way" not in run.actions:
        return []
    kinds = {node["step"]: node["kind"] for node in run.definition.get("steps", ())}
    newest = {step.step: step.state for step in run.steps}
    return [
        name
        for name, state in newest.items()
        if state == RunState.FAILED and kinds.get(name) in ("exclusive", "inclusive")
    ]


_IN_DOUBT = frozenset({TargetCode.CANCEL_UNVERIFIED})
"""It may still run: a retry leaves it out."""
_RAN = frozenset({TargetCode.NON_ZERO_RESULT, TargetCode.SIGNALLED, TargetCode.COMMAND_TIMEOUT})
"""Reasons with which a host may have printed something."""


def _advice() -> Mapping[str, tuple[str, str]]:
    """State or code of a target -> a command, and what it is good for."""
    keys = "jobdeck hosts keys list"
    hosts = "jobdeck hosts list"
    accounts = "jobdeck get account"
    pending = (keys, _("compare the keys' fingerprints, then approve them"))
    changed = (keys, _("a host shows another key than the approved one"))
    unknown = ("jobdeck runs resolve RUN", _("ask the hosts again (--look), or say how it ended"))
    address = (hosts, _("check addresses, ports and jump hosts"))
    login = (accounts, _("check who logs in, and with what"))
    return {
        TargetCode.HOST_KEY_PENDING: pending,
        TargetCode.HOST_KEY_CHANGED: changed,
        TargetCode.HOST_KEY_REVOKED: changed,
        TargetCode.CONNECTION_FAILURE: address,
        TargetCode.CONNECTION_TIMEOUT: address,
        TargetCode.HOST_NOT_FOUND: address,
        TargetCode.AUTHENTICATION_FAILURE: login,
        TargetCode.BECOME_FAILURE: login,
        TargetState.UNKNOWN: unknown,
        TargetCode.CANCEL_UNVERIFIED: (
            "jobdeck runs show RUN --hosts",
            _("hosts where work may still run: its end could not be verified"),
        ),
    }


def missing_lines(page: OutputPage) -> Iterator[Line]:
    """What is not there of an output, and why."""
    if page.dropped_bytes:
        text = _("{size} over the cap on output were not kept")
        yield line(Span(text.format(size=size(page.dropped_bytes)), Tone.WARNING))
    if page.removed_bytes:
        text = _("{size} were removed by retention")
        yield line(Span(text.format(size=size(page.removed_bytes)), Tone.QUIET))
