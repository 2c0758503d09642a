"""Schedules on record: how far each is settled, its pause, and when it is looked at next.

What became of its slots is in `fires`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from core.domain.documents import Document
from core.errors import Conflict, NotFound
from core.scheduling.ledger import Settled
from core.storage import fires
from core.storage.document_rows import StoredDocument, at_revision, batches
from core.storage.tables import document, document_revision, journal, schedule_state
from core.storage.writer import Transaction, timestamp

_TRIMMED_AFTER = 100
"""Slots of a schedule after which its ledger is held to its bound again."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far a schedule's slots are settled, and whether somebody paused it."""

    schedule: str
    cursor: str | None = None
    """The last slot that has its verdict."""
    paused_at: str | None = None
    paused_by: str = ""
    pause_reason: str = ""
    looked_revision: int = 0
    """Of the document as it was looked at last; 0: never."""
    next_look: str | None = None
    counted: int = 0
    """Slots that ever had a verdict."""
    memory: str = ""
    """JSON: what a trigger by events has seen."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What an idle schedule is known by: enough to know when to look at it."""

    name: str
    revision: int
    trigger: str | None
    looked_revision: int | None
    looked_as: str | None
    next_look: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at a schedule found, and by what."""

    settled: Settled
    trigger: str
    revision: int
    looked_as: str
    next_look: datetime | None
    memory: str = ""


_STATE = [schedule_state.c[name] for name in State.__struct_fields__]
_HEAD = [
    document.c.name,
    document.c.revision,
    *(schedule_state.c[name] for name in ("trigger", "looked_revision", "looked_as", "next_look")),
]
_EMPTY = {"cursor": None, "paused_at": None, "paused_by": "", "pause_reason": "", "counted": 0}
_LOOKED = ("cursor", "trigger", "looked_revision", "looked_as", "next_look", "counted", "memory")
_KEEP = (
    update(schedule_state)
    .where(schedule_state.c.schedule == bindparam("its"))
    .values({name: bindparam(f"new_{name}") for name in _LOOKED})
)


def heads(connection: Connection, names: Collection[str] | None) -> list[Head]:
    """What is known of schedules without reading their documents; None: of all."""
    joined = document.outerjoin(schedule_state, schedule_state.c.schedule == document.c.name)
    query = select(*_HEAD).select_from(joined).where(document.c.kind == "schedule")
    found = _some(connection, query, document.c.name, names)
    return [Head(**dict(zip(Head.__struct_fields__, row, strict=True))) for row in found]


def schedule_of(actor: str) -> str | None:
    """The schedule that an actor is; None for everybody else."""
    prefix, _, name = actor.partition("/")
    return name if (prefix, name != "") == ("schedule", True) else None


def left(connection: Connection) -> list[str]:
    """Schedules of which there is a state and no document any more."""
    its = (document.c.kind == "schedule") & (document.c.name == schedule_state.c.schedule)
    query = select(schedule_state.c.schedule).outerjoin(document, its)
    return [*connection.execute(query.where(document.c.name.is_(None))).scalars()]


def states(connection: Connection, names: Collection[str] | None = None) -> dict[str, State]:
    """States on record, by schedule; None: all."""
    rows = _some(connection, select(*_STATE), schedule_state.c.schedule, names)
    return {row[0]: State(**dict(zip(State.__struct_fields__, row, strict=True))) for row in rows}


def state_of(connection: Connection, schedule: str) -> State:
    """One schedule's state; an empty one where nothing is on record."""
    return states(connection, [schedule]).get(schedule, State(schedule=schedule))


def counts(connection: Connection) -> tuple[int, int]:
    """How many schedules there are, and how many of them are paused."""
    its = (document.c.kind == "schedule") & (document.c.name == schedule_state.c.schedule)
    paused = select(func.count()).select_from(schedule_state).join(document, its)
    paused = paused.where(schedule_state.c.paused_at >= document.c.created_at)
    every = select(func.count()).select_from(document).where(document.c.kind == "schedule")
    return connection.execute(every).scalar_one(), connection.execute(paused).scalar_one()


def as_it_was(connection: Connection, name: str, revision: int) -> tuple[Document, str] | None:
    """An earlier revision, and when it was written; None where there is none."""
    its = document_revision.c
    query = select(its.at).where(its.kind == "schedule", its.name == name)
    try:
        then = at_revision(connection, "schedule", name, revision)
    except NotFound:
        return None
    return then, connection.execute(query.where(its.revision == revision)).scalar_one()


def written_as(connection: Connection, name: str) -> int:
    """The journal's entry of the newest change of a schedule's document; 0: it is gone by now."""
    query = select(func.max(journal.c.seq)).where(
        journal.c.subject == f"schedule/{name}", journal.c.type.like("document.%")
    )
    return connection.execute(query).scalar() or 0


def begins_at(state: State | None, written_at: str) -> datetime:
    """Where a look begins: no slot before the schedule was as it is, none twice."""
    written = datetime.fromisoformat(written_at)
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
    if not state.pause_reason:
        return f"paused by {state.paused_by}"
    return f"paused by {state.paused_by}: {state.pause_reason}"


def keep(tx: Transaction, looked: Mapping[str, Looked]) -> None:
    """Keep the verdicts of looks, and the cursors behind them: all or nothing."""
    before = dict(_counted(tx.connection, looked))
    fires.append(tx, {name: each.settled.entries for name, each in looked.items()})
    new, kept = [], []
    for name, each in looked.items():
        counted = before.get(name, 0) + sum(entry.count for entry in each.settled.entries)
        values = {
            "cursor": timestamp(each.settled.cursor),
            "trigger": each.trigger,
            "looked_revision": each.revision,
            "looked_as": each.looked_as,
            "next_look": None if each.next_look is None else timestamp(each.next_look),
            "counted": counted,
            "memory": each.memory,
        }
        if name in before:
            kept.append({"its": name, **{f"new_{key}": value for key, value in values.items()}})
        else:
            new.append({"schedule": name, **_EMPTY, **values})
        if counted // _TRIMMED_AFTER > before.get(name, 0) // _TRIMMED_AFTER:
            fires.bound(tx, name)
    if kept:
        tx.connection.execute(_KEEP, kept)
    if new:
        tx.connection.execute(insert(schedule_state), new)


def pause(tx: Transaction, schedule: str, reason: str, actor: str) -> None:
    """Start nothing by itself until it is resumed; Conflict where it is paused already."""
    if (state := state_of(tx.connection, schedule)).paused_at is not None:
        raise Conflict(f"schedule {schedule} is paused already, by {state.paused_by}")
    _put_pause(tx, schedule, paused_at=tx.at, paused_by=actor, pause_reason=reason)
    fires.journal(tx, schedule, "paused", {"reason": reason}, actor)


def resume(tx: Transaction, schedule: str, actor: str) -> None:
    """Start again by itself; Conflict where it is not paused."""
    if state_of(tx.connection, schedule).paused_at is None:
        raise Conflict(f"schedule {schedule} is not paused")
    _put_pause(tx, schedule, paused_at=None, paused_by="", pause_reason="")
    fires.journal(tx, schedule, "resumed", {}, actor)


def forget(tx: Transaction, names: Iterable[str]) -> None:
    """The schedules are no more: what was said of them goes, their ledgers stay."""
    for some in batches(names):
        tx.connection.execute(delete(schedule_state).where(schedule_state.c.schedule.in_(some)))


def _some(
    connection: Connection, query: Select[Any], column: Any, names: Collection[str] | None
) -> Iterable[Any]:
    if names is None:
        yield from connection.execute(query)
        return
    for some in batches(names):
        yield from connection.execute(query.where(column.in_(some)))


def _counted(connection: Connection, names: Collection[str]) -> Iterable[tuple[str, int]]:
    query = select(schedule_state.c.schedule, schedule_state.c.counted)
    for row in _some(connection, query, schedule_state.c.schedule, names):
        yield row.schedule, row.counted


def _put_pause(tx: Transaction, schedule: str, **values: Any) -> None:
    its_own = schedule_state.c.schedule == schedule
    changed = tx.connection.execute(update(schedule_state).where(its_own).values(**values))
    if not changed.rowcount:
        row = {"schedule": schedule, **_EMPTY, **values}
        tx.connection.execute(insert(schedule_state), row)
