"""Batches of rolling steps: as a start would make them, and as they go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.answers import Batch, BatchPlan
from console.i18n import _
from console.presenters import states
from console.presenters.durations import clock_time, duration, number, span_of
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.sentences import said

_SHOWN = 12
"""Batches of a plan that are listed; the last of more is listed too."""


def plan_lines(plans: Sequence[BatchPlan]) -> list[Line]:
    """`batch 1/5   10 hosts  web[01-10]` for each, the middle of many left out."""
    cells = len(str(len(plans)))
    digits = max((len(number(plan.count)) for plan in plans), default=0)
    found = []
    for plan in plans:
        if len(plans) > _SHOWN and _SHOWN - 1 <= plan.batch < len(plans) - 1:
            if plan.batch == _SHOWN - 1:
                found.append(line(Span("  …", Tone.QUIET)))
            continue
        place = _("batch {number}/{count}").format(
            number=str(plan.batch + 1).rjust(cells), count=len(plans)
        )
        when = f"  +{duration(plan.offset_s)}" if plan.offset_s else ""
        count = f"  {number(plan.count).rjust(digits)}"
        found.append(line("  ", Span(place, Tone.STRONG), count, f"{when}  {plan.folded}"))
    return found


def batches_table(batches: Sequence[Batch], now: datetime) -> Table:
    """Every batch of the newest attempts, in order."""
    many = len({batch.step for batch in batches}) > 1
    return Table(
        columns=(
            Column(_("BATCH")),
            Column(_("STATE")),
            Column(_("STARTED")),
            Column(_("TOOK"), right=True),
            Column(_("HOSTS"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(
                    (f"{batch.step} " if many else "") + f"{batch.batch + 1}/{batch.of}",
                    Tone.STRONG,
                ),
                states.batch_state(batch.state),
                _started(batch, now),
                Span(duration(span_of(batch.started_at, batch.finished_at, now))),
                Span(
                    f"{number(batch.count)}  {batch.folded}"
                    + (f"  ({said(batch.reason)})" if batch.reason else "")
                ),
            )
            for batch in batches
        ),
        empty="",
    )


def _started(batch: Batch, now: datetime) -> Span:
    if batch.started_at is None and batch.planned_at is not None:
        return Span(_("at {time}").format(time=clock_time(batch.planned_at, now)), Tone.QUIET)
    return Span(clock_time(batch.started_at, now))
