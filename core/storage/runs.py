"""Runs on record, with their steps and targets: looking them up and listing them.

The door to stored runs; changing them is `run_writes`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
import zstandard
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, exists, func, or_, select

from core.domain.priorities import Priority
from core.domain.run import TERMINAL_RUN_STATES, RunState, TargetCode, TargetState
from core.errors import NotFound
from core.flow.definition import ADHOC, RunDefinition, RunOutline
from core.flow.events import AnyEvent
from core.ids import encode_ulid
from core.storage.tables import (
    idempotency,
    run,
    run_definition,
    run_event,
    run_note,
    step_run,
    target_run,
)
from core.storage.writer import timestamp

ENGINE_ACTOR = "engine"
"""Who does what a run itself asks for."""

KEY_KEPT = timedelta(hours=24)
"""How long the same idempotency key gives the same run."""

_ID_AHEAD = timedelta(hours=1)

SHORTEST_ID = 6
"""Characters of a run's id that name it: fewer could be a slip of the hand before a cancel."""

LIVE_STATES = tuple(state.value for state in RunState if state not in TERMINAL_RUN_STATES)


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run, as lists show it."""

    id: str
    title: str
    origin: str
    state: RunState
    reason: str
    actor: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    target_count: int
    counts: dict[str, int]
    """Target state -> number, over the latest attempt of every step."""
    change: str = ""
    """The change number under which it was started; "" where nobody gave one."""
    parent: str | None = None
    """The run whose step asked for this one."""
    priority: Priority = Priority.NORMAL
    """As of now; it may have been changed."""
    environments: list[str] = []
    """Environments of the hosts that it was known to touch when it started, sorted."""
    notes: int = 0
    """Number of notes that people left on it."""


class StepRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of one step."""

    step: str
    attempt: int
    state: RunState
    reason: str
    started_at: str | None
    finished_at: str | None
    counts: dict[str, int]
    outputs: dict[str, Any]


class TargetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt on one host."""

    id: int
    step: str
    attempt: int
    ordinal: int
    host: str
    attempt_id: str
    state: TargetState
    code: TargetCode | None
    exit_code: int | None
    signal: str | None
    message: str
    started_at: str | None
    finished_at: str | None
    size_bytes: int
    dropped_bytes: int
    digest: str
    outputs: dict[str, Any]
    batch: int
    claimed: int
    """1 where the host keeps a record of the attempt, so that it can be asked how it went."""
    positions: dict[str, list[int]]
    """Stream -> [bytes of the host's own file that are stored, of them under the last ***]."""
    resolved_by: str = ""
    """Who said how it ended; "" where nobody had to."""


_NOTES = select(func.count()).where(run_note.c.run_id == run.c.id).correlate(run).scalar_subquery()
_RUN_COLUMNS = [_NOTES if name == "notes" else run.c[name] for name in RunRow.__struct_fields__]
_STEP_COLUMNS = [step_run.c[name] for name in StepRow.__struct_fields__]
_TARGET_COLUMNS = [target_run.c[name] for name in TargetRow.__struct_fields__]
_JSON_COLUMNS = frozenset({"counts", "environments", "outputs", "positions"})

# Made once, as every run asks them: making a statement costs more than running it.
_NAMED = (
    select(*_RUN_COLUMNS)
    .where(run.c.id >= bindparam("first"), run.c.id < bindparam("end"))
    .limit(2)
)
_ATTEMPT = select(step_run.c.attempt).where(
    step_run.c.run_id == bindparam("run"),
    step_run.c.step == bindparam("node"),
    step_run.c.attempt == bindparam("number"),
)
_TARGETS_OF_ATTEMPT = (
    select(*_TARGET_COLUMNS)
    .where(
        target_run.c.run_id == bindparam("run"),
        target_run.c.step == bindparam("node"),
        target_run.c.attempt == bindparam("number"),
    )
    .order_by(target_run.c.id)
)


S = TypeVar("S", RunRow, StepRow, TargetRow)


def _struct(row: Row[Any], type_: type[S]) -> S:
    """A row whose columns are the struct's fields, in their order."""
    values = {
        name: json.loads(value) if name in _JSON_COLUMNS else value
        for name, value in zip(type_.__struct_fields__, row, strict=True)
    }
    return msgspec.convert(values, type_)


def get(connection: Connection, run_id: str) -> RunRow:
    """One run; NotFound when there is none.

    A beginning of the id is enough, when it is unique and long enough to be meant.
    """
    wanted = run_id.upper()
    rows: Sequence[Row[Any]] = ()
    if len(wanted) >= SHORTEST_ID:
        rows = connection.execute(_NAMED, {"first": wanted, "end": wanted + "~"}).all()
    if len(rows) != 1:
        raise NotFound("run", run_id)
    return _struct(rows[0], RunRow)


def titles(connection: Connection, run_ids: Sequence[str]) -> dict[str, str]:
    """Run -> its title; one that is not there is left out."""
    query = select(run.c.id, run.c.title).where(run.c.id.in_(run_ids))
    return {row.id: row.title for row in connection.execute(query)}


def definition_of(connection: Connection, run_id: str) -> RunDefinition:
    """The frozen definition of a run."""
    return RunDefinition.model_validate_json(_definition_text(connection, run_id))


def outline_of(connection: Connection, run_id: str) -> RunOutline:
    """What of a run's definition shows it."""
    return RunOutline.model_validate_json(_definition_text(connection, run_id))


def _definition_text(connection: Connection, run_id: str) -> bytes:
    blob = connection.execute(
        select(run_definition.c.body).where(run_definition.c.run_id == run_id)
    ).scalar()
    if blob is None:
        raise NotFound("run", run_id)
    return zstandard.ZstdDecompressor().decompress(blob)


def events_of(connection: Connection, run_id: str) -> list[AnyEvent]:
    """The machine's events, oldest first."""
    rows = connection.execute(
        select(run_event.c.event).where(run_event.c.run_id == run_id).order_by(run_event.c.seq)
    )
    return [msgspec.json.decode(row[0], type=AnyEvent) for row in rows]


def timed_events_of(connection: Connection, run_id: str) -> list[tuple[str, AnyEvent]]:
    """As `events_of`, each with the timestamp at which it was stored."""
    rows = connection.execute(
        select(run_event.c.at, run_event.c.event)
        .where(run_event.c.run_id == run_id)
        .order_by(run_event.c.seq)
    )
    return [(at, msgspec.json.decode(event, type=AnyEvent)) for at, event in rows]


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of runs is narrowed to; empty fields narrow nothing."""

    states: tuple[RunState, ...] = ()
    origin: str = ""
    """`adhoc`, or a job's name."""
    actor: str = ""
    text: str = ""
    """Words that must all occur in title, steps or targets."""
    host: str = ""
    since: str = ""
    """Created at or after this timestamp."""
    noted: bool | None = None
    """Whether people left notes on it."""
    parent: str = ""
    """Asked for by this run."""
    nested: bool | None = None
    """Whether another run asked for it."""
    environment: str = ""
    """It was known to touch hosts of this environment."""
    ids: tuple[str, ...] = ()
    """One of these."""


def list_runs(
    connection: Connection, where: RunFilter, *, before: str | None, limit: int
) -> list[RunRow]:
    """Newest first; `before` is the id of the last run of the page before."""
    query: Select[Any] = select(run.c.id).order_by(run.c.id.desc()).limit(limit)
    if before:
        query = query.where(run.c.id < before)
    query = query.where(*_conditions(where))
    # Apart from the search, which an index may answer alone; rows are read for the page only.
    page = select(*_RUN_COLUMNS).where(run.c.id.in_(query)).order_by(run.c.id.desc())
    return [_struct(row, RunRow) for row in connection.execute(page)]


def _conditions(where: RunFilter) -> Iterator[ColumnElement[bool]]:
    if where.states:
        yield run.c.state.in_([state.value for state in where.states])
    if where.origin:
        yield run.c.job == ("" if where.origin == ADHOC else where.origin)
    if where.actor:
        yield run.c.actor == where.actor
    if where.since:
        yield run.c.id >= first_id(where.since)
        yield run.c.created_at >= where.since
    for word in where.text.split():
        # SQLite's LIKE ignores the case of ASCII letters by itself; `lower` would double the cost.
        yield run.c.summary.contains(word, autoescape=True)
    yield from _relations(where)


def _relations(where: RunFilter) -> Iterator[ColumnElement[bool]]:
    """What stands beside a run: its notes, its parent, its hosts and their environments."""
    if where.noted is not None:
        noted = exists().where(run_note.c.run_id == run.c.id)
        yield noted if where.noted else ~noted
    if where.parent:
        yield run.c.parent == where.parent
    if where.nested is not None:
        yield (run.c.parent.is_not if where.nested else run.c.parent.is_)(None)
    if where.environment:
        named = json.dumps(where.environment, ensure_ascii=False)
        yield run.c.environments.contains(named, autoescape=True)
    if where.ids:
        yield run.c.id.in_(where.ids)
    if where.host:
        yield run.c.id.in_(select(target_run.c.run_id).where(target_run.c.host == where.host))


def first_id(since: str) -> str:
    """No run made at or after `since` has a smaller id: ids begin with their time.

    Ids are made a moment before their run is stored, and a clock may be set back a little.
    """
    moment = datetime.fromisoformat(since) - _ID_AHEAD
    return encode_ulid(max(0, int(moment.timestamp() * 1000)), 0)


def job_of(origin: str) -> str:
    """The job's name in an origin such as `job/NAME@REVISION`; "" for an ad-hoc run."""
    return origin.partition("/")[2].rpartition("@")[0]


def live_runs(connection: Connection) -> list[str]:
    """Ids of runs that have not ended, oldest first."""
    rows = connection.execute(
        select(run.c.id).where(run.c.state.in_(LIVE_STATES)).order_by(run.c.id)
    )
    return [row[0] for row in rows]


def steps_of(connection: Connection, run_id: str) -> list[StepRow]:
    """Every attempt of every step, in the order in which they started."""
    rows = connection.execute(
        select(*_STEP_COLUMNS)
        .where(step_run.c.run_id == run_id)
        .order_by(step_run.c.started_at, step_run.c.attempt)
    )
    return [_struct(row, StepRow) for row in rows]


def durations_of(connection: Connection, origin: str, *, runs_read: int) -> list[tuple[str, float]]:
    """(node, seconds) of attempts that succeeded, in the newest runs of a job or flow that did.

    `origin`: of any of its revisions.
    """
    same = origin.rpartition("@")[0]
    newest = (
        select(run.c.id)
        .where(
            run.c.job == job_of(origin),
            run.c.origin.startswith(f"{same}@", autoescape=True),
            run.c.state == RunState.SUCCEEDED.value,
        )
        .order_by(run.c.id.desc())
        .limit(runs_read)
    )
    rows = connection.execute(
        select(step_run.c.step, step_run.c.started_at, step_run.c.finished_at).where(
            step_run.c.run_id.in_(newest),
            step_run.c.state == RunState.SUCCEEDED.value,
            step_run.c.finished_at.is_not(None),
        )
    )
    return [(row.step, _seconds(row.started_at, row.finished_at)) for row in rows if row.started_at]


def _seconds(begin: str, end: str) -> float:
    took = datetime.fromisoformat(end) - datetime.fromisoformat(begin)
    return max(0.0, took.total_seconds())


def attempt_of(
    connection: Connection, run_id: str, step: str, attempt: int
) -> tuple[datetime, dict[str, Any]]:
    """When an attempt began, and the outputs that it has so far."""
    row = connection.execute(
        select(step_run.c.started_at, step_run.c.outputs).where(
            step_run.c.run_id == run_id, step_run.c.step == step, step_run.c.attempt == attempt
        )
    ).one()
    return datetime.fromisoformat(row.started_at), json.loads(row.outputs)


def requester_of(connection: Connection, run_id: str) -> str:
    """Who asked for a run; of one that a run has asked for, who asked for that one."""
    while True:
        row = connection.execute(select(run.c.actor, run.c.parent).where(run.c.id == run_id)).one()
        if row.parent is None:
            return str(row.actor)
        run_id = row.parent


def live_children(connection: Connection, run_id: str) -> list[str]:
    """Runs that steps of this one have asked for, and that go on."""
    return list(
        connection.execute(
            select(run.c.id).where(run.c.parent == run_id, run.c.state.in_(LIVE_STATES))
        ).scalars()
    )


class TargetFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which targets of a run; empty fields narrow nothing."""

    step: str = ""
    attempt: int = 0
    states: tuple[TargetState, ...] = ()
    host: str = ""
    ordinal: int | None = None


def targets_of(
    connection: Connection,
    run_id: str,
    where: TargetFilter | None = None,
    *,
    after: int = 0,
    limit: int = 1_000_000,
) -> list[TargetRow]:
    """Targets in the run's order; `after` is the `id` of the last one of the page before."""
    where = where or TargetFilter()
    query = (
        select(*_TARGET_COLUMNS)
        .where(target_run.c.run_id == run_id, target_run.c.id > after)
        .order_by(target_run.c.id)
        .limit(limit)
    )
    if where.step:
        query = query.where(target_run.c.step == where.step)
    if where.attempt:
        query = query.where(target_run.c.attempt == where.attempt)
    if where.states:
        query = query.where(target_run.c.state.in_([state.value for state in where.states]))
    if where.host:
        query = query.where(target_run.c.host == where.host)
    if where.ordinal is not None:
        query = query.where(target_run.c.ordinal == where.ordinal)
    return [_struct(row, TargetRow) for row in connection.execute(query)]


def unclaimed_hosts(
    connection: Connection, run_id: str, attempts: Iterable[tuple[str, int]]
) -> list[str]:
    """Hosts that keep no claim of one of these attempts (step, number), though it began there."""
    hosts: set[str] = set()
    for step, attempt in attempts:
        query = select(target_run.c.host).where(
            target_run.c.run_id == run_id,
            target_run.c.step == step,
            target_run.c.attempt == attempt,
            target_run.c.claimed == 0,
            target_run.c.started_at.is_not(None),
        )
        hosts.update(row[0] for row in connection.execute(query))
    return sorted(hosts)


def targets_by_id(connection: Connection, ids: Iterable[int]) -> dict[int, TargetRow]:
    """Targets by their `id`, of any run."""
    query = select(*_TARGET_COLUMNS).where(target_run.c.id.in_(sorted(ids)))
    rows = (_struct(row, TargetRow) for row in connection.execute(query))
    return {row.id: row for row in rows}


def totals(connection: Connection) -> dict[str, int]:
    """Number of runs in each state."""
    rows = connection.execute(select(run.c.state, func.count()).group_by(run.c.state))
    return {row[0]: row[1] for row in rows}


def stored_attempt(
    connection: Connection, run_id: str, step: str, attempt: int
) -> tuple[bool, list[TargetRow], list[TargetRow]]:
    """Whether a step's attempt is on record, its targets, and those of the attempt before."""
    place = {"run": run_id, "node": step, "number": attempt}
    known = connection.execute(_ATTEMPT, place).first() is not None
    here = targets_of_attempt(connection, run_id, step, attempt) if known else []
    before = targets_of_attempt(connection, run_id, step, attempt - 1) if attempt > 1 else []
    return known, here, before


def targets_of_attempt(
    connection: Connection, run_id: str, step: str, attempt: int
) -> list[TargetRow]:
    """The targets of a step's attempt, in the run's order."""
    place = {"run": run_id, "node": step, "number": attempt}
    return [_struct(row, TargetRow) for row in connection.execute(_TARGETS_OF_ATTEMPT, place)]


def started_by_key(
    connection: Connection, actor: str, key: str, now: datetime
) -> tuple[str, RunRow] | None:
    """(request digest, run) that an idempotency key is bound to."""
    found = find_key(connection, actor, key, now)
    return None if found is None else (found[0], get(connection, found[1]))


def find_key(connection: Connection, actor: str, key: str, now: datetime) -> tuple[str, str] | None:
    """(request digest, run id) that `key` is bound to."""
    row = connection.execute(
        select(idempotency.c.request_digest, idempotency.c.run_id).where(
            idempotency.c.actor == actor,
            idempotency.c.key == key,
            or_(idempotency.c.at >= timestamp(now - KEY_KEPT), idempotency.c.actor == ENGINE_ACTOR),
        )
    ).first()
    return None if row is None else (row[0], row[1])
