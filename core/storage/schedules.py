"""Schedules on record: the cursor of each, its pause, and the fire ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from core.errors import Conflict
from core.scheduling.ledger import Entry, Settled, Verdict
from core.storage.document_rows import StoredDocument
from core.storage.runs import LIVE_STATES
from core.storage.tables import run, schedule_fire, schedule_state
from core.storage.writer import Transaction, timestamp

KEPT_ROWS = 2000
"""Rows of the ledger that are kept of a schedule; the oldest goes first."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far a schedule's slots are settled, and whether somebody paused it."""

    schedule: str
    cursor: str | None = None
    """The last slot that has its verdict."""
    paused_at: str | None = None
    paused_by: str = ""
    pause_reason: str = ""


class Fire(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the ledger: a slot, or slots in a row that were not started for one reason."""

    schedule: str
    slot: str
    last_slot: str
    count: int
    verdict: Verdict
    reason: str
    run_id: str | None
    actor: str
    at: str


_FIRE = [schedule_fire.c[name] for name in Fire.__struct_fields__]
_STATE = [schedule_state.c[name] for name in State.__struct_fields__]


def actor_of(schedule: str) -> str:
    """Who starts what a schedule starts."""
    return f"schedule/{schedule}"


def schedule_of(actor: str) -> str | None:
    """The schedule that an actor is; None for everybody else."""
    prefix, _, name = actor.partition("/")
    return name if (prefix, name != "") == ("schedule", True) else None


def states(connection: Connection) -> dict[str, State]:
    """Every state on record, by schedule."""
    rows = connection.execute(select(*_STATE))
    return {row.schedule: State(**row._mapping) for row in rows}


def state_of(connection: Connection, schedule: str) -> State:
    """One schedule's state; an empty one where nothing is on record."""
    row = connection.execute(select(*_STATE).where(schedule_state.c.schedule == schedule)).first()
    return State(schedule=schedule) if row is None else State(**row._mapping)


def begins_at(state: State | None, document: StoredDocument) -> datetime:
    """Where a look begins: no slot before the schedule was as it is, none twice."""
    written = datetime.fromisoformat(document.updated_at)
    if state is None or state.cursor is None:
        return written
    return max(written, datetime.fromisoformat(state.cursor))


def as_of(state: State | None, document: StoredDocument) -> State:
    """Its state; the pause of an earlier one of its name is none."""
    if state is None or not pause_of(state, document):
        return State(schedule=document.document.name, cursor=state.cursor if state else None)
    return state


def pause_of(state: State | None, document: StoredDocument) -> str:
    """Who paused it and why; "" where it is not, also where an earlier one of its name was."""
    if state is None or state.paused_at is None or state.paused_at < document.created_at:
        return ""
    why = f": {state.pause_reason}" if state.pause_reason else ""
    return f"paused by {state.paused_by}{why}"


def due(connection: Connection) -> dict[str, list[Fire]]:
    """Slots that are to be started, by schedule, oldest first."""
    query = select(*_FIRE).where(schedule_fire.c.verdict == Verdict.DUE)
    found: dict[str, list[Fire]] = {}
    for row in connection.execute(query.order_by(schedule_fire.c.schedule, schedule_fire.c.slot)):
        found.setdefault(row.schedule, []).append(_fire(row))
    return found


def live(connection: Connection) -> dict[str, int]:
    """Schedules whose runs go on, and how many of each."""
    query = (
        select(schedule_fire.c.schedule, func.count())
        .join(run, run.c.id == schedule_fire.c.run_id)
        .where(run.c.state.in_(LIVE_STATES))
        .group_by(schedule_fire.c.schedule)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def fires(connection: Connection, schedule: str, *, before: str | None, limit: int) -> list[Fire]:
    """Rows of one schedule, newest first; `before` is the slot of the last row of a page."""
    query = _of(schedule).order_by(schedule_fire.c.slot.desc()).limit(limit)
    if before is not None:
        query = query.where(schedule_fire.c.slot < before)
    return [_fire(row) for row in connection.execute(query)]


def newest(connection: Connection) -> dict[str, Fire]:
    """The newest row of every schedule."""
    last = select(schedule_fire.c.schedule, func.max(schedule_fire.c.slot).label("slot"))
    last_of_each = last.group_by(schedule_fire.c.schedule).subquery()
    query = select(*_FIRE).join(
        last_of_each,
        (last_of_each.c.schedule == schedule_fire.c.schedule)
        & (last_of_each.c.slot == schedule_fire.c.slot),
    )
    return {row.schedule: _fire(row) for row in connection.execute(query)}


def at_slot(connection: Connection, schedule: str, slot: datetime) -> Fire | None:
    """The row that a slot belongs to; None where there is none."""
    at = timestamp(slot)
    query = _of(schedule).where(schedule_fire.c.slot <= at, schedule_fire.c.last_slot >= at)
    row = connection.execute(query.order_by(schedule_fire.c.slot.desc()).limit(1)).first()
    return None if row is None else _fire(row)


def begun_within(
    connection: Connection, schedule: str, first: datetime, end: datetime
) -> Fire | None:
    """The newest row whose first slot lies in a stretch of time; None where there is none."""
    slot = schedule_fire.c.slot
    query = _of(schedule).where(slot >= timestamp(first), slot < timestamp(end))
    row = connection.execute(query.order_by(slot.desc()).limit(1)).first()
    return None if row is None else _fire(row)


def settle(tx: Transaction, schedule: str, settled: Settled) -> None:
    """Keep the verdicts of a look and the cursor behind them: both or neither."""
    for entry in settled.entries:
        if not _continues(tx, schedule, entry):
            _insert(tx, schedule, entry)
    _put_state(tx, schedule, cursor=timestamp(settled.cursor))
    _bound(tx.connection, schedule)


def begun(tx: Transaction, schedule: str, slot: str, run_id: str) -> None:
    """The slot has its run; Conflict where it has its verdict already."""
    _conclude(tx, schedule, slot, Verdict.STARTED, "", run_id)


def not_begun(tx: Transaction, schedule: str, slot: str, verdict: Verdict, reason: str) -> None:
    """The slot is not started, or (`due`) waits; Conflict where it has its verdict already."""
    _conclude(tx, schedule, slot, verdict, reason, None)


def fired(tx: Transaction, schedule: str, run_id: str, actor: str) -> None:
    """Somebody started it by hand; the slot is this moment."""
    row = {
        "schedule": schedule,
        "slot": tx.at,
        "last_slot": tx.at,
        "count": 1,
        "verdict": Verdict.STARTED.value,
        "reason": "by hand",
        "run_id": run_id,
        "actor": actor,
        "at": tx.at,
    }
    tx.connection.execute(insert(schedule_fire), row)
    _journal(tx, schedule, "fired", {"run_id": run_id}, actor)


def pause(tx: Transaction, schedule: str, reason: str, actor: str) -> None:
    """Start nothing by itself until it is resumed; Conflict where it is paused already."""
    if (state := state_of(tx.connection, schedule)).paused_at is not None:
        raise Conflict(f"schedule {schedule} is paused already, by {state.paused_by}")
    _put_state(tx, schedule, paused_at=tx.at, paused_by=actor, pause_reason=reason)
    _journal(tx, schedule, "paused", {"reason": reason}, actor)


def resume(tx: Transaction, schedule: str, actor: str) -> None:
    """Start again by itself; Conflict where it is not paused."""
    if state_of(tx.connection, schedule).paused_at is None:
        raise Conflict(f"schedule {schedule} is not paused")
    _put_state(tx, schedule, paused_at=None, paused_by="", pause_reason="")
    _journal(tx, schedule, "resumed", {}, actor)


def forget(tx: Transaction, schedule: str) -> None:
    """The schedule is no more: what it said of itself goes, its ledger stays."""
    tx.connection.execute(delete(schedule_state).where(schedule_state.c.schedule == schedule))


def _of(schedule: str) -> Select[Any]:
    return select(*_FIRE).where(schedule_fire.c.schedule == schedule)


def _fire(row: Row[Any]) -> Fire:
    return msgspec.convert(dict(zip(Fire.__struct_fields__, row, strict=True)), Fire)


def _continues(tx: Transaction, schedule: str, entry: Entry) -> bool:
    """Whether the newest row took the entry in: it is not started for the same reason."""
    if entry.verdict is Verdict.DUE:
        return False
    found = fires(tx.connection, schedule, before=None, limit=1)
    if not found or (found[0].verdict, found[0].reason) != (entry.verdict, entry.reason):
        return False
    its_row = schedule_fire.c.schedule == schedule, schedule_fire.c.slot == found[0].slot
    longer = update(schedule_fire).where(*its_row)
    count = found[0].count + entry.count
    tx.connection.execute(longer.values(last_slot=timestamp(entry.last), count=count, at=tx.at))
    return True


def _insert(tx: Transaction, schedule: str, entry: Entry) -> None:
    row = {
        "schedule": schedule,
        "slot": timestamp(entry.first),
        "last_slot": timestamp(entry.last),
        "count": entry.count,
        "verdict": entry.verdict.value,
        "reason": entry.reason,
        "run_id": None,
        "actor": actor_of(schedule),
        "at": tx.at,
    }
    tx.connection.execute(insert(schedule_fire), row)
    if entry.verdict is not Verdict.DUE:
        told = {"slot": row["slot"], "count": entry.count, "reason": entry.reason}
        _journal(tx, schedule, entry.verdict, told, actor_of(schedule))


def _conclude(
    tx: Transaction, schedule: str, slot: str, verdict: Verdict, reason: str, run_id: str | None
) -> None:
    changed = tx.connection.execute(
        update(schedule_fire)
        .where(
            schedule_fire.c.schedule == schedule,
            schedule_fire.c.slot == slot,
            schedule_fire.c.verdict == Verdict.DUE,
        )
        .values(verdict=verdict.value, reason=reason, run_id=run_id, at=tx.at)
    )
    if changed.rowcount != 1:
        raise Conflict(f"slot {slot} of schedule {schedule} has its verdict already")
    if verdict is not Verdict.DUE:
        told = {"slot": slot, "reason": reason} | ({"run_id": run_id} if run_id else {})
        _journal(tx, schedule, verdict, told, actor_of(schedule))


def _journal(
    tx: Transaction, schedule: str, what: str, data: Mapping[str, Any], actor: str
) -> None:
    tx.journal(actor, f"schedule.{what}", f"schedule/{schedule}", data)


def _put_state(tx: Transaction, schedule: str, **values: Any) -> None:
    its_own = schedule_state.c.schedule == schedule
    changed = tx.connection.execute(update(schedule_state).where(its_own).values(**values))
    if not changed.rowcount:
        empty = {"cursor": None, "paused_at": None, "paused_by": "", "pause_reason": ""}
        row = {"schedule": schedule, **empty, **values}
        tx.connection.execute(insert(schedule_state), row)


def _bound(connection: Connection, schedule: str) -> None:
    """Let what is beyond the bound go; what is still to be started stays."""
    its_own = schedule_fire.c.schedule == schedule
    last = select(schedule_fire.c.slot).where(its_own).order_by(schedule_fire.c.slot.desc())
    beyond = schedule_fire.c.slot <= last.offset(KEPT_ROWS).limit(1).scalar_subquery()
    settled = schedule_fire.c.verdict != Verdict.DUE
    connection.execute(delete(schedule_fire).where(its_own, beyond, settled))
