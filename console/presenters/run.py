"""One run as names and values, and its steps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from console.answers import Carried, Lost, Place, RunDetail, Step
from console.i18n import _
from console.presenters import states
from console.presenters.durations import clock_time, duration, full_time, number, span_of
from console.presenters.progress import count_spans, ended, lost_text
from console.presenters.queue import locks_text, priority_word, reason_texts
from console.presenters.results import ADHOC, hosts_word
from console.presenters.text import Column, Line, Span, Table, Tone, line, pairs
from console.sentences import said
from core.domain.hostrange import fold


@dataclass(frozen=True, slots=True)
class HeadLine:
    """A line of a run's head; where there is little room, its right end is kept."""

    left: Line
    right: Line = ()


def head_lines(run: RunDetail, now: datetime, lost: Lost, place: Place | None) -> list[HeadLine]:
    """A run in two or three lines: what and how, how far and by whom, and why, if it says so."""
    marks = [run.change, "" if run.priority == "normal" else priority_word(run.priority)]
    marks.append(_("test") if run.definition.get("is_test") else "")
    marks.append("" if run.origin == ADHOC else run.origin)
    first = [Span(f"  {mark}", Tone.QUIET) for mark in marks if mark]
    first += [Span(f"  {name}", Tone.STRONG) for name in run.environments]
    title = " ".join(run.title.split())
    counts: list[str | Span] = [_done(run)]
    for span in count_spans(run.counts):
        counts += ["  ", span]
    when = clock_time(run.started_at or run.created_at, now)
    took = duration(span_of(run.started_at, run.finished_at, now))
    who = _("by {name}").format(name=run.actor)
    second = Span("  " + "  ".join(text for text in (who, when, took) if text), Tone.QUIET)
    return [
        HeadLine(line(states.run_state(run.state), "  ", Span(title, Tone.STRONG)), tuple(first)),
        HeadLine(line(*counts), line(second)),
        *(HeadLine(each) for each in _why(run, lost, place)),
    ]


def _done(run: RunDetail) -> str:
    """`12/40 hosts` while it goes on."""
    total = sum(run.counts.values()) or run.target_count
    if run.finished_at or not total:
        return hosts_word(run.target_count)
    return f"{number(ended(run.counts))}/{number(total)}"


def _why(run: RunDetail, lost: Lost, place: Place | None) -> Iterator[Line]:
    """What a person should know first: what it waits for, what is wrong, why it ended so."""
    texts = [said(run.reason)] if run.reason else []
    texts += reason_texts(place) if place else []
    if lost.count:
        texts.append(f"{lost_text(lost)}: {lost.hosts}")
    if texts:
        yield line(Span("  ".join(texts), Tone.WARNING))


def detail_table(run: RunDetail, now: datetime, lost: Lost, place: Place | None = None) -> Table:
    """What was asked for, by whom, when, and what came of it; `place`: in the queue, if it waits."""
    definition = run.definition
    timeout_s = definition.get("timeout_s")
    return pairs(
        (_("run"), Span(run.id, Tone.STRONG)),
        (_("title"), run.title),
        (_("state"), states.run_state(run.state)),
        (_("reason"), said(run.reason)),
        *((_("waits"), text) for text in (reason_texts(place) if place else ())),
        (_("lines"), Span(f"{lost_text(lost)}: {lost.hosts}" if lost.count else "", Tone.WARNING)),
        (_("priority"), "" if run.priority == "normal" else priority_word(run.priority)),
        (_("locks"), locks_text(definition)),
        (_("override"), str(definition.get("override") or "")),
        (_("origin"), run.origin),
        (_("test"), _("yes") if definition.get("is_test") else ""),
        (_("change number"), run.change),
        (_("started by"), run.actor),
        (_("started"), full_time(run.started_at or run.created_at)),
        (_("ended"), full_time(run.finished_at)),
        (_("took"), duration(span_of(run.started_at, run.finished_at, now))),
        (_("targets"), str(definition.get("targets") or "")),
        (_("hosts"), f"{number(run.target_count)}  {definition.get('hosts', '')}"),
        *((_("left out"), f"{host}  {why}") for host, why in _left_out(definition)),
        (_("parameters"), _parameters(definition.get("parameters") or {})),
        (_("at a time"), str(definition.get("concurrency") or "")),
        (_("time-out"), duration(timeout_s)),
    )


def _left_out(definition: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Hosts that were chosen and were away, folded by the reason."""
    reasons: dict[str, list[str]] = {}
    for host, why in (definition.get("left_out") or {}).items():
        reasons.setdefault(why, []).append(host)
    return [(fold(hosts), why) for why, hosts in reasons.items()]


def _parameters(parameters: dict[str, object]) -> str:
    return ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in parameters.items()
    )


def carried_of(run: RunDetail) -> list[tuple[str, Carried]]:
    """Steps of the run that carry files, with which and where."""
    return [
        (step["step"], msgspec.convert(step["carried"], Carried))
        for step in run.definition.get("steps", ())
        if step.get("carried")
    ]


def latest_steps(run: RunDetail) -> list[Step]:
    """The latest attempt of every step that started, in order."""
    latest: dict[str, Step] = {}
    for step in run.steps:
        if step.step not in latest or latest[step.step].attempt < step.attempt:
            latest[step.step] = step
    return list(latest.values())


def steps_table(steps: Sequence[Step], now: datetime) -> Table:
    """Every attempt of every step, in the order in which they started."""
    return Table(
        columns=(
            Column(_("STEP")),
            Column(_("ATTEMPT"), right=True),
            Column(_("STATE")),
            Column(_("STARTED")),
            Column(_("TOOK"), right=True),
            Column(_("HOSTS"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(step.step, Tone.STRONG),
                Span(str(step.attempt)),
                states.run_state(step.state),
                Span(clock_time(step.started_at, now)),
                Span(duration(span_of(step.started_at, step.finished_at, now))),
                Span("  ".join(span.text for span in count_spans(step.counts))),
            )
            for step in steps
        ),
        empty=_("no step has started"),
    )
