"""One run as names and values, and its steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from console.answers import Carried, Lost, Place, RunDetail, Step
from console.i18n import _
from console.presenters import states
from console.presenters.durations import clock_time, duration, full_time, number, span_of
from console.presenters.progress import count_spans, lost_text
from console.presenters.queue import locks_text, priority_word, reason_texts
from console.presenters.text import Column, Span, Table, Tone, pairs
from console.sentences import said
from core.domain.hostrange import fold


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
