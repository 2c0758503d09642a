"""The pulse: what waits for a person, what goes on, what failed, what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from console.answers import Approval, Coming, HostKey, HourResults, Pulse, Run, SomeRuns
from console.cells import pad, width
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.doctor import Finding, findings
from console.presenters.durations import clock_time, duration, number, parse_time, span_of
from console.presenters.progress import ended
from console.presenters.results import short_id
from console.presenters.sections import Entry, Section
from console.presenters.text import Column, Line, Span, Tone, line
from console.presenters.timeline import sparkline
from core.domain.run import TargetState

_HOURS = 24
_RUN_COLUMNS = (
    Column("", whole=True),
    Column(""),
    Column("", right=True),
    Column("", right=True),
    Column("", elastic=True),
)
_NEED_COLUMNS = (Column(""), Column("", whole=True), Column("", elastic=True))
_COMING_COLUMNS = (Column("", right=True), Column(""), Column("", elastic=True))


def head_lines(pulse: Pulse, now: datetime) -> list[Line]:
    """How hosts answered in the last day, and how the engine is; a line each."""
    engine = pulse.engine
    queue = ngettext("{count} run waits", "{count} runs wait", engine.queue.waiting)
    hosts = ngettext("{count} host running", "{count} hosts running", engine.targets_running)
    lately, how = _lately(pulse, now), _("engine")
    cells = max(width(lately), width(how)) + 2
    return [
        line(Span(pad(lately, cells), Tone.QUIET), *_result_spans(pulse.results, now)),
        line(
            Span(pad(how, cells), Tone.QUIET),
            _health(findings(engine, now)),
            Span(f"   {queue.format(count=number(engine.queue.waiting))}"),
            Span(f"   {hosts.format(count=number(engine.targets_running))}"),
        ),
    ]


def _lately(pulse: Pulse, now: datetime) -> str:
    """What the results are of: the last day, or as much of it as the engine sums."""
    day = timedelta(hours=_HOURS - 1)
    if pulse.results_since and now - parse_time(pulse.results_since) < day:
        return _("since {time}").format(time=clock_time(pulse.results_since, now))
    return _("last 24 hours")


def _health(found: Sequence[Finding]) -> Span:
    if not found:
        symbol, tone = states.GOOD
        return Span(f"{symbol} {_('all is well')}", tone)
    symbol, tone = found[0].sign
    text = ngettext("{count} thing needs attention", "{count} things need attention", len(found))
    return Span(f"{symbol} {text.format(count=number(len(found)))}", tone)


def _result_spans(results: Sequence[HourResults], now: datetime) -> list[Span]:
    """Bars of how many hosts answered each hour, and how many of them well."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    counts = {parse_time(each.hour): each.counts for each in results}
    hours = [this_hour - timedelta(hours=ago) for ago in reversed(range(_HOURS))]
    ends = [sum(counts.get(hour, {}).values()) for hour in hours]
    sums = {Tone.GOOD: 0, Tone.BAD: 0, Tone.WARNING: 0}
    for each in results:
        for state, count in each.counts.items():
            tone = _tone(state)
            if tone in sums:
                sums[tone] += count
    if not sum(ends):
        return [Span(_("no host has answered"), Tone.QUIET)]
    words = {
        Tone.GOOD: (states.GOOD[0], _("{count} succeeded")),
        Tone.BAD: (states.BAD[0], _("{count} failed")),
        Tone.WARNING: (states.UNKNOWN[0], _("{count} unknown")),
    }
    spans = [Span(sparkline(ends), Tone.BUSY)]
    for tone, (symbol, text) in words.items():
        if sums[tone]:
            spans.append(Span(f"   {symbol} {text.format(count=number(sums[tone]))}", tone))
    return spans


def _tone(state: str) -> Tone:
    known = {each.value: tone for each, (_symbol, tone) in states.TARGET_SIGNS.items()}
    return known.get(state, Tone.WARNING)


def columns(pulse: Pulse, now: datetime, *, faults_only: bool) -> list[list[Section]]:
    """What stands at the left and at the right, or one below the other; the urgent first."""
    needs, failed = _needs(pulse, now), _failed(pulse.failed, now)
    if faults_only:
        return [[needs], [failed]]
    return [[needs, _running(pulse.running, now)], [failed, _coming(pulse.coming, now)]]


def _needs(pulse: Pulse, now: datetime) -> Section:
    """What waits for a person: votes, keys of hosts, runs whose end nobody knows, troubles."""
    entries = [
        *(_approval(each, now) for each in pulse.approvals),
        *(_key(each) for each in pulse.host_keys),
        *(_unknown(each) for each in pulse.unknown.newest),
        *(_finding(each) for each in findings(pulse.engine, now) if each.opens != _KEYS),
    ]
    return Section(
        title=_("waits for you"),
        columns=_NEED_COLUMNS,
        entries=entries,
        count=len(entries),
        empty=_("nothing: no approval, no host key, no run of unknown end"),
    )


_KEYS = "inventory host-key"


def _approval(found: Approval, now: datetime) -> Entry:
    symbol = states.WAITING[0]
    until = _("until {time}").format(time=clock_time(found.due_at, now)) if found.due_at else ""
    said = found.message.partition("\n")[0] or found.title
    return Entry(
        (
            Span(f"{symbol} {_('approve')}", Tone.BUSY),
            Span(short_id(found.run_id), Tone.STRONG),
            Span("  ".join(filter(None, (said, until)))),
        ),
        f"approval {short_id(found.id)}",
    )


def _key(found: HostKey) -> Entry:
    symbol, tone = states.UNKNOWN
    return Entry(
        (
            Span(f"{symbol} {_('host key')}", tone),
            Span(found.host or found.pattern or "", Tone.STRONG),
            Span(f"{found.key_type}  {found.fingerprint}", Tone.QUIET),
        ),
        _KEYS,
    )


def _unknown(run: Run) -> Entry:
    symbol, tone = states.UNKNOWN
    count = run.counts.get(TargetState.UNKNOWN.value, 0)
    hosts = ngettext("{count} host unknown", "{count} hosts unknown", count)
    return Entry(
        (
            Span(f"{symbol} {_('unknown end')}", tone),
            Span(short_id(run.id), Tone.STRONG),
            Span(f"{run.title}  {hosts.format(count=number(count)) if count else ''}".rstrip()),
        ),
        f"run {short_id(run.id)}",
    )


def _finding(found: Finding) -> Entry:
    symbol, tone = found.sign
    return Entry((Span(f"{symbol} {_('engine')}", tone), Span(""), Span(found.text)), found.opens)


def _running(some: SomeRuns, now: datetime) -> Section:
    return Section(
        title=_("running"),
        columns=_RUN_COLUMNS,
        entries=[_run(run, now, _progress(run)) for run in some.newest],
        count=some.count,
        all="runs state:running,queued,waiting_user,batch_waiting,suspended,stopping",
        empty=_("nothing: press 3 to launch a run"),
    )


def _failed(some: SomeRuns, now: datetime) -> Section:
    return Section(
        title=_("failed in the last 24 hours"),
        columns=_RUN_COLUMNS,
        entries=[_run(run, now, clock_time(run.finished_at, now)) for run in some.newest],
        count=some.count,
        all="runs state:failed,partially_succeeded,timed_out,rejected,rollback_failed since:24h",
        empty=_("nothing"),
    )


def _run(run: Run, now: datetime, what: str) -> Entry:
    took = duration(span_of(run.started_at, run.finished_at, now))
    return Entry(
        (
            Span(short_id(run.id), Tone.STRONG),
            states.run_state(run.state),
            Span(what),
            Span(took, Tone.QUIET),
            Span(run.title),
        ),
        f"run {short_id(run.id)}",
    )


def _progress(run: Run) -> str:
    return f"{number(ended(run.counts))}/{number(run.target_count)}"


def _coming(coming: Sequence[Coming], now: datetime) -> Section:
    return Section(
        title=_("starts next"),
        columns=_COMING_COLUMNS,
        entries=[
            Entry(
                (
                    Span(_("in {duration}").format(duration=_until(each, now)), Tone.QUIET),
                    Span(clock_time(each.at, now)),
                    Span(each.schedule, Tone.STRONG),
                ),
                f"schedule {each.schedule}",
            )
            for each in coming
        ],
        count=len(coming),
        empty=_("nothing is scheduled; `:help schedules` tells how"),
    )


def _until(coming: Coming, now: datetime) -> str:
    left_s = (parse_time(coming.at) - now).total_seconds()
    return duration(max(1.0, round(left_s)))
