"""The state of everything in one look: what goes on, what failed lately, what comes next."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, select

from core.domain.run import LIVE_TARGET_STATES, RunState
from core.storage import runs
from core.storage.runs import RunFilter, RunRow
from core.storage.tables import document, run, schedule_state
from core.storage.writer import timestamp

FAILED_STATES = (
    RunState.FAILED,
    RunState.PARTIALLY_SUCCEEDED,
    RunState.TIMED_OUT,
    RunState.REJECTED,
    RunState.ROLLBACK_FAILED,
)
"""Ended badly, wholly or on some hosts."""
UNKNOWN_STATES = (RunState.ABNORMAL, RunState.ABANDONED)
"""Nobody knows how all of it ended: a person decides."""

MOST_RUNS = 2000
"""Runs whose results are summed: more would make a look take long."""
_HOUR = len("2026-01-31T14")


class Some(msgspec.Struct, frozen=True, kw_only=True):
    """The newest of some runs, and how many there are."""

    count: int
    newest: list[RunRow]


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """How hosts answered in one hour."""

    hour: str
    """Its beginning."""
    counts: dict[str, int]
    """State of a target -> number."""


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule and when its next run is to start."""

    schedule: str
    at: str


def some_runs(
    connection: Connection, states: Sequence[RunState], limit: int, *, since: datetime | None = None
) -> Some:
    """Runs in these states that no other run asked for; `since`: created then or later."""
    from_ = "" if since is None else timestamp(since)
    where = RunFilter(states=tuple(states), since=from_, nested=False)
    query = select(func.count()).where(
        run.c.state.in_([state.value for state in states]), run.c.parent.is_(None)
    )
    if from_:
        query = query.where(run.c.id >= runs.first_id(from_), run.c.created_at >= from_)
    return Some(
        count=connection.execute(query).scalar_one(),
        newest=runs.list_runs(connection, where, before=None, limit=limit),
    )


def results(
    connection: Connection, since: datetime, *, most: int = MOST_RUNS
) -> tuple[str, list[Results]]:
    """How hosts answered in the runs that were created since, hour by hour as the runs ended.

    Of more than `most` runs the newest count; the first value says since when.
    """
    from_ = timestamp(since)
    found = connection.execute(
        select(run.c.finished_at, run.c.created_at, run.c.counts)
        .where(run.c.id >= runs.first_id(from_), run.c.created_at >= from_)
        .order_by(run.c.id.desc())
        .limit(most)
    ).all()
    hours: dict[str, Counter[str]] = {}
    for row in found:
        hour = (row.finished_at or row.created_at)[:_HOUR] + ":00:00+00:00"
        counted = hours.setdefault(hour, Counter())
        for state, count in json.loads(row.counts).items():
            if state not in LIVE_TARGET_STATES:
                counted[state] += count
    begins = found[-1].created_at if len(found) == most else from_
    return begins, [Results(hour=hour, counts=dict(hours[hour])) for hour in sorted(hours)]


def coming(connection: Connection, limit: int) -> list[Coming]:
    """The schedules whose next runs start first; those that are paused are left out."""
    rows = connection.execute(
        select(schedule_state.c.schedule, schedule_state.c.next_look)
        .where(schedule_state.c.next_look.is_not(None), schedule_state.c.paused_at.is_(None))
        .order_by(schedule_state.c.next_look, schedule_state.c.schedule)
        .limit(limit)
    )
    return [Coming(schedule=row.schedule, at=row.next_look) for row in rows]


def has_hosts(connection: Connection) -> bool:
    """Whether any host is defined."""
    query = select(document.c.name).where(document.c.kind == "host").limit(1)
    return connection.execute(query).first() is not None


def has_runs(connection: Connection) -> bool:
    """Whether anything was ever run."""
    return connection.execute(select(run.c.id).limit(1)).first() is not None
