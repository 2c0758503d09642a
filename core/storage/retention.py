"""What is kept no longer: which runs, outputs and contents; removing runs and outputs in slices.

A plan is made from rules, a moment and the record alone, so the same question
has the same answer until the record changes; its digest says whether it has.
Runs that go on are in no plan, nor is a run that one of them asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, func, select

from core.storage import contents
from core.storage.runs import LIVE_STATES
from core.storage.tables import output_chunk, run, run_event, run_note, target_run
from core.storage.writer import Transaction, timestamp

_FREED_PAGES = 500
"""Pages (of 4 KiB) that one write gives back to the disk."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept; None narrows nothing."""

    runs_age: timedelta | None = None
    """Runs that ended longer ago go, with all that belongs to them."""
    runs_count: int | None = None
    """Of all runs the newest stay."""
    output_age: timedelta | None = None
    """Of runs that ended longer ago the output goes, and the record stays."""
    output_bytes: int | None = None
    """Of all output, as it is stored, the newest runs' stays."""
    keep_noted: bool = True
    """Runs with a note stay as they are."""
    contents_age: timedelta = timedelta(days=7)
    """Contents to which nobody has referred for longer go."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What goes by the rules at one moment."""

    as_of: str
    runs: tuple[str, ...]
    """Ids of runs that go, oldest first."""
    outputs: tuple[str, ...]
    """Ids of runs whose output goes, oldest first."""
    size_bytes: int
    """Output that goes with both, as it is stored."""
    contents: tuple[str, ...] = ()
    """SHA-256 of contents that go."""
    contents_bytes: int = 0
    digest: str
    """Tells this plan from another."""


class _Run(msgspec.Struct, frozen=True):
    """What the rules look at; from newest to oldest."""

    id: str
    state: str
    finished_at: str | None
    parent: str | None


def plan(connection: Connection, rules: Rules, as_of: datetime) -> Plan:
    """What goes by `rules` at the moment `as_of`."""
    every = [
        _Run(*row)
        for row in connection.execute(
            select(run.c.id, run.c.state, run.c.finished_at, run.c.parent).order_by(run.c.id.desc())
        )
    ]
    live = {one.id for one in every if one.state in LIVE_STATES}
    noted = set(connection.execute(select(run_note.c.run_id)).scalars()) if rules.keep_noted else ()
    may_go = [one for one in every if not (one.id in live or one.id in noted or one.parent in live)]
    newest = {one.id for one in every[: rules.runs_count]}
    runs = {
        one.id
        for one in may_go
        if _older(one, rules.runs_age, as_of)
        or (rules.runs_count is not None and one.id not in newest)
    }
    sizes = _stored_bytes(connection)
    kept = [one.id for one in every if one.id not in runs]
    crowded = set(_beyond(kept, sizes, rules.output_bytes))
    outputs = {
        one.id
        for one in may_go
        if one.id in sizes
        and one.id not in runs
        and (_older(one, rules.output_age, as_of) or one.id in crowded)
    }
    going, emptied = tuple(sorted(runs)), tuple(sorted(outputs))
    unused = contents.unused(connection, timestamp(as_of - rules.contents_age))
    named = msgspec.json.encode([timestamp(as_of), going, emptied, tuple(unused)])
    return Plan(
        as_of=timestamp(as_of),
        runs=going,
        outputs=emptied,
        size_bytes=sum(sizes.get(id_, 0) for id_ in runs | outputs),
        contents=tuple(unused),
        contents_bytes=sum(unused.values()),
        digest=hashlib.sha256(named).hexdigest(),
    )


def remove(tx: Transaction, ids: Sequence[str], rows: int, *, record: bool) -> int:
    """Remove about `rows` rows of runs that have ended; how many of `ids` are done with.

    Their output goes first; with `record` the runs themselves, and what belongs to them.
    Called again with the rest until nothing is left, it never holds up other writes for long.
    """
    left = rows
    for done, run_id in enumerate(ids):
        state = tx.connection.execute(select(run.c.state).where(run.c.id == run_id)).scalar()
        if state is None or state in LIVE_STATES:
            continue
        tables = (output_chunk, run_event, target_run) if record else (output_chunk,)
        for table in tables:
            key = {"output_chunk": "seq", "run_event": "seq", "target_run": "id"}[table.name]
            some = select(table.c[key]).where(table.c.run_id == run_id).limit(left)
            gone = delete(table).where(table.c.run_id == run_id, table.c[key].in_(some))
            left -= tx.connection.execute(gone).rowcount
            if left <= 0:
                return done
        if record:
            tx.connection.execute(delete(run).where(run.c.id == run_id))
            left -= 1
    return len(ids)


def give_back(tx: Transaction) -> bool:
    """Return some unused pages of the file to the disk; whether there are more."""
    for _ in range(_FREED_PAGES):
        # WORKAROUND(sqlite3 3.11): it steps a statement without columns once, which frees one page.
        tx.connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
    left = tx.connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    may_shrink = tx.connection.exec_driver_sql("PRAGMA auto_vacuum").scalar_one()
    return bool(left and may_shrink)


def _older(one: _Run, age: timedelta | None, as_of: datetime) -> bool:
    if age is None or one.finished_at is None:
        return False
    return one.finished_at < timestamp(as_of - age)


def _stored_bytes(connection: Connection) -> dict[str, int]:
    """Run -> bytes of its output as stored; runs without output are left out."""
    size = func.sum(func.length(output_chunk.c.data))
    query = select(output_chunk.c.run_id, size).group_by(output_chunk.c.run_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def _beyond(newest_first: Iterable[str], sizes: dict[str, int], limit: int | None) -> Iterable[str]:
    """Runs that do not fit when output is kept from the newest on."""
    total = 0
    for run_id in newest_first if limit is not None else ():
        total += sizes.get(run_id, 0)
        if limit is not None and total > limit:
            yield run_id
