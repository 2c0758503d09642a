"""The fire ledger on record: what became of each slot of each schedule."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from core.errors import Conflict
from core.scheduling.ledger import Entry, Verdict
from core.storage.journal import Entry as JournalEntry
from core.storage.journal import read_after
from core.storage.runs import LIVE_STATES
from core.storage.tables import document, run, schedule_fire
from core.storage.writer import Transaction, timestamp

KEPT_ROWS = 2000
"""Rows of the ledger that are kept of a schedule; the oldest goes first."""

KEPT_EVENTS = timedelta(hours=2)
"""Slots of events younger than this are kept beyond the bound: a signed call may come again for as
long as twice its window."""


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
    cause: str | None = None
    """The event that it is the slot of; None: the moment is enough."""
    given: str = ""
    """JSON: the parameters that the event gave."""


_BEHIND = select(schedule_fire.c.schedule, schedule_fire.c.cause)
_FIRE = [schedule_fire.c[name] for name in Fire.__struct_fields__]
_CONCLUDE = (
    update(schedule_fire)
    .where(
        schedule_fire.c.schedule == bindparam("its"),
        schedule_fire.c.slot == bindparam("its_slot"),
        schedule_fire.c.verdict == Verdict.DUE,
    )
    .values(
        verdict=bindparam("new_verdict"),
        reason=bindparam("new_reason"),
        run_id=bindparam("its_run"),
        at=bindparam("now"),
    )
)


def actor_of(schedule: str) -> str:
    """Who starts what a schedule starts."""
    return f"schedule/{schedule}"


Position = tuple[str, str]
"""Slot and schedule: where a reader of due slots is."""


def due(connection: Connection, after: Position | None, limit: int) -> list[Fire]:
    """Slots that are to be started, oldest first, from behind a position on."""
    place = schedule_fire.c.slot, schedule_fire.c.schedule
    query = select(*_FIRE).where(schedule_fire.c.verdict == Verdict.DUE)
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    return [_fire(row) for row in connection.execute(query.order_by(*place).limit(limit))]


def live(connection: Connection) -> dict[str, list[str]]:
    """Schedules whose runs go on, and the ids of these, oldest first."""
    query = (
        select(schedule_fire.c.schedule, run.c.id)
        .join(run, run.c.id == schedule_fire.c.run_id)
        .where(run.c.state.in_(LIVE_STATES))
        .order_by(run.c.id)
    )
    found: dict[str, list[str]] = {}
    for schedule, run_id in connection.execute(query):
        found.setdefault(schedule, []).append(run_id)
    return found


def parts(connection: Connection) -> Counter[str]:
    """Work (`job/NAME`, `flow/NAME`) that goes on as a part of another run, and how often."""
    query = select(run.c.origin).where(run.c.state.in_(LIVE_STATES), run.c.parent.is_not(None))
    return Counter(origin.rpartition("@")[0] for origin in connection.execute(query).scalars())


def fires(connection: Connection, schedule: str, *, before: str | None, limit: int) -> list[Fire]:
    """Rows of one schedule, newest first; `before` is the slot of the last row of a page."""
    query = _of(schedule).order_by(schedule_fire.c.slot.desc()).limit(limit)
    if before is not None:
        query = query.where(schedule_fire.c.slot < before)
    return [_fire(row) for row in connection.execute(query)]


def newest(connection: Connection) -> dict[str, Fire]:
    """The newest row of every schedule that there is; one step into the index for each."""
    last = (
        select(func.max(schedule_fire.c.slot))
        .where(schedule_fire.c.schedule == document.c.name)
        .correlate(document)
        .scalar_subquery()
    )
    query = select(*_FIRE).join(
        document, (document.c.name == schedule_fire.c.schedule) & (schedule_fire.c.slot == last)
    )
    rows = connection.execute(query.where(document.c.kind == "schedule"))
    return {row.schedule: _fire(row) for row in rows}


def at_slot(connection: Connection, schedule: str, slot: datetime) -> Fire | None:
    """The row that a slot belongs to; None where there is none."""
    at = timestamp(slot)
    query = _of(schedule).where(schedule_fire.c.slot <= at, schedule_fire.c.last_slot >= at)
    row = connection.execute(query.order_by(schedule_fire.c.slot.desc()).limit(1)).first()
    return None if row is None else _fire(row)


def first_within(
    connection: Connection, schedule: str, first: datetime, end: datetime
) -> Fire | None:
    """The first row that begins within a stretch of time; None where there is none."""
    slot = schedule_fire.c.slot
    query = _of(schedule).where(slot >= timestamp(first), slot < timestamp(end))
    row = connection.execute(query.order_by(slot).limit(1)).first()
    return None if row is None else _fire(row)


def append(tx: Transaction, verdicts: Mapping[str, Sequence[Entry]]) -> None:
    """Keep what became of slots, by schedule. An event that has its slot already gets no other."""
    at_once: list[dict[str, Any]] = []
    for schedule, entries in verdicts.items():
        if all(each.verdict is Verdict.DUE and each.cause is None for each in entries):
            at_once += [_row(tx, schedule, entry) for entry in entries]
            continue
        for entry in entries:
            if entry.cause is not None:
                _append_event(tx, schedule, entry)
                continue
            is_new = not _continues(tx, schedule, entry)
            if is_new:
                tx.connection.execute(insert(schedule_fire), _row(tx, schedule, entry))
            # What is skipped may be so every second; what is missed is told whenever it is found.
            if is_new or entry.verdict is Verdict.MISSED:
                _tell(tx, schedule, entry)
    if at_once:
        tx.connection.execute(insert(schedule_fire), at_once)


def begun(tx: Transaction, schedule: str, slot: str, run_id: str) -> None:
    """The slot has its run; Conflict where it has its verdict already."""
    _conclude(tx, schedule, slot, Verdict.STARTED, "", run_id)


def not_begun(tx: Transaction, schedule: str, slot: str, verdict: Verdict, reason: str) -> None:
    """The slot is not started, or (`due`) waits; Conflict where it has its verdict already."""
    _conclude(tx, schedule, slot, verdict, reason, None)


def fired(tx: Transaction, schedule: str, run_id: str, actor: str) -> None:
    """Somebody started it by hand; the slot is this moment."""
    slot = timestamp(_free(tx, schedule, tx.now))
    row = {
        "schedule": schedule,
        "slot": slot,
        "last_slot": slot,
        "count": 1,
        "verdict": Verdict.STARTED.value,
        "reason": "by hand",
        "run_id": run_id,
        "actor": actor,
        "at": tx.at,
    }
    tx.connection.execute(insert(schedule_fire), row)
    journal(tx, schedule, "fired", {"run_id": run_id}, actor)


def bound(tx: Transaction, schedule: str) -> None:
    """Let what is beyond the bound go; what is still to be started stays."""
    its_own = schedule_fire.c.schedule == schedule
    last = select(schedule_fire.c.slot).where(its_own).order_by(schedule_fire.c.slot.desc())
    beyond = schedule_fire.c.slot <= last.offset(KEPT_ROWS).limit(1).scalar_subquery()
    settled = schedule_fire.c.verdict != Verdict.DUE
    its_event_is_old = or_(
        schedule_fire.c.cause.is_(None), schedule_fire.c.slot < timestamp(tx.now - KEPT_EVENTS)
    )
    tx.connection.execute(delete(schedule_fire).where(its_own, beyond, settled, its_event_is_old))


def known(connection: Connection, schedule: str, cause: str) -> Fire | None:
    """The slot of an event; None where it has none."""
    row = connection.execute(_of(schedule).where(schedule_fire.c.cause == cause)).first()
    return None if row is None else _fire(row)


def chain(connection: Connection, entry: JournalEntry, most: int) -> list[str]:
    """The schedules without whose slots there were no such entry, the last of them first."""
    found: list[str] = []
    slot = _slot_behind(connection, entry)
    while slot is not None and len(found) < most:
        found.append(slot.schedule)
        slot = _slot_before(connection, slot.cause or "")
    return found


def _slot_before(connection: Connection, cause: str) -> Row[Any, Any] | None:
    """The slot from which a cause follows; None where it has no such beginning."""
    kind, _, what = cause.partition(" ")
    if kind == "run":
        return _slot_of_run(connection, what)
    if kind != "entry":
        return None
    found = read_after(connection, int(what) - 1, 1)
    return _slot_behind(connection, found[0]) if found else None


def _slot_behind(connection: Connection, entry: JournalEntry) -> Row[Any, Any] | None:
    """The slot that an entry tells of, or that started the run of which it tells."""
    kind, _, name = entry.subject.partition("/")
    if kind != "schedule":
        return _slot_of_run(connection, entry.subject)
    its_own = schedule_fire.c.schedule == name, schedule_fire.c.slot == entry.data.get("slot")
    return connection.execute(_BEHIND.where(*its_own)).first()


def _slot_of_run(connection: Connection, run_id: str) -> Row[Any, Any] | None:
    """The slot that started a run, or the run that it is a part of."""
    parent: str | None = run_id
    while parent is not None:
        run_id = parent
        parent = connection.scalar(select(run.c.parent).where(run.c.id == run_id))
    return connection.execute(_BEHIND.where(schedule_fire.c.run_id == run_id)).first()


def _append_event(tx: Transaction, schedule: str, entry: Entry) -> None:
    if known(tx.connection, schedule, entry.cause or "") is not None:
        return
    row = _row(tx, schedule, entry)
    row["slot"] = row["last_slot"] = timestamp(_free(tx, schedule, entry.first))
    tx.connection.execute(insert(schedule_fire), row)
    _tell(tx, schedule, entry)


def _free(tx: Transaction, schedule: str, moment: datetime) -> datetime:
    """The moment, or the next microsecond that is no slot yet: two events may share one."""
    its_own = schedule_fire.c.schedule == schedule
    while tx.connection.execute(
        select(schedule_fire.c.slot).where(its_own, schedule_fire.c.slot == timestamp(moment))
    ).first():
        moment += timedelta(microseconds=1)
    return moment


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


def _row(tx: Transaction, schedule: str, entry: Entry) -> dict[str, Any]:
    return {
        "schedule": schedule,
        "slot": timestamp(entry.first),
        "last_slot": timestamp(entry.last),
        "count": entry.count,
        "verdict": entry.verdict.value,
        "reason": entry.reason,
        "run_id": None,
        "actor": actor_of(schedule),
        "at": tx.at,
        "cause": entry.cause,
        "given": json.dumps(entry.given, ensure_ascii=False) if entry.given else "",
    }


def _tell(tx: Transaction, schedule: str, entry: Entry) -> None:
    if entry.verdict is not Verdict.DUE:
        told = {"slot": timestamp(entry.first), "count": entry.count, "reason": entry.reason}
        journal(tx, schedule, entry.verdict, told, actor_of(schedule))


def _conclude(
    tx: Transaction, schedule: str, slot: str, verdict: Verdict, reason: str, run_id: str | None
) -> None:
    values = {"new_verdict": verdict.value, "new_reason": reason, "its_run": run_id, "now": tx.at}
    changed = tx.connection.execute(_CONCLUDE, {"its": schedule, "its_slot": slot, **values})
    if changed.rowcount != 1:
        raise Conflict(f"slot {slot} of schedule {schedule} has its verdict already")
    if verdict is not Verdict.DUE:
        told = {"slot": slot, "reason": reason} | ({"run_id": run_id} if run_id else {})
        journal(tx, schedule, verdict, told, actor_of(schedule))


def journal(tx: Transaction, schedule: str, what: str, data: Mapping[str, Any], actor: str) -> None:
    """Tell what happened to a schedule."""
    tx.journal(actor, f"schedule.{what}", f"schedule/{schedule}", data)
