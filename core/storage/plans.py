"""Dry runs on record: what a start would have done, and what was seen on the hosts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
import zstandard
from sqlalchemy import Connection, delete, insert, select, update

from core.domain.probing import Finding
from core.domain.run import TargetState
from core.errors import Conflict, NotFound
from core.flow.definition import RunDefinition
from core.flow.dryrun import PlanLevel, PlanState
from core.storage.runs import SHORTEST_ID
from core.storage.tables import plan
from core.storage.writer import Transaction, timestamp

KEPT = timedelta(days=30)
"""A plan that nothing was started from is forgotten after this."""


class PlanRow(msgspec.Struct, frozen=True, kw_only=True):
    """One dry run, as lists show it."""

    id: str
    at: str
    actor: str
    level: PlanLevel
    state: PlanState
    title: str
    origin: str
    digest: str
    target_count: int
    """Hosts that it is about."""
    counts: dict[str, int]
    """Target state -> hosts that were probed."""
    run_id: str | None
    """The run that was started from it."""


_COLUMNS = [plan.c[name] for name in PlanRow.__struct_fields__]


def _row(values: Any) -> PlanRow:
    fields = dict(zip(PlanRow.__struct_fields__, values, strict=True))
    return msgspec.convert({**fields, "counts": json.loads(fields["counts"])}, PlanRow)


def create(tx: Transaction, row: PlanRow, definition: RunDefinition) -> None:
    """Record a dry run; the definition is without secrets. Old ones are forgotten by the way."""
    expired = timestamp(tx.now - KEPT)
    tx.connection.execute(delete(plan).where(plan.c.at < expired, plan.c.run_id.is_(None)))
    tx.connection.execute(
        insert(plan),
        {
            **msgspec.to_builtins(row),
            "counts": "{}",
            "definition": _pack(definition.model_dump_json(exclude_defaults=True).encode()),
            "findings": _pack(b"[]"),
        },
    )
    data = {"title": row.title, "origin": row.origin, "level": row.level.value}
    tx.journal(row.actor, "plan.created", row.id, data)


def end(tx: Transaction, plan_id: str, state: PlanState, findings: list[Finding]) -> None:
    """Record what a probe saw, and how it ended."""
    counts = counts_of(findings)
    values = {
        "state": state.value,
        "counts": json.dumps(counts),
        "findings": _pack(msgspec.json.encode(findings)),
    }
    tx.connection.execute(update(plan).where(plan.c.id == plan_id).values(**values))
    tx.journal("engine", "plan.ended", plan_id, {"state": state.value, "counts": counts})


def link(tx: Transaction, plan_id: str, run_id: str) -> None:
    """Bind a plan to the run that is started from it; Conflict when one has been already."""
    linked = tx.connection.execute(
        update(plan).where(plan.c.id == plan_id, plan.c.run_id.is_(None)).values(run_id=run_id)
    )
    if not linked.rowcount:
        known = tx.connection.execute(select(plan.c.run_id).where(plan.c.id == plan_id)).scalar()
        raise Conflict(f"plan {plan_id} was started already, as run {known}", hint="plan anew")


def interrupt(tx: Transaction) -> None:
    """What an engine was probing when it was lost is over, and nothing was kept of it."""
    tx.connection.execute(
        update(plan)
        .where(plan.c.state == PlanState.PROBING.value)
        .values(state=PlanState.INTERRUPTED.value)
    )


def get(connection: Connection, plan_id: str) -> PlanRow:
    """One plan; a beginning of its id is enough, when it is unique. NotFound otherwise."""
    wanted = plan_id.upper()
    rows: Any = ()
    if len(wanted) >= SHORTEST_ID:
        query = select(*_COLUMNS).where(plan.c.id >= wanted, plan.c.id < wanted + "~").limit(2)
        rows = connection.execute(query).all()
    if len(rows) != 1:
        raise NotFound("plan", plan_id)
    return _row(rows[0])


def list_plans(connection: Connection, *, before: str | None, limit: int) -> list[PlanRow]:
    """Newest first; `before` is the id of the last plan of the page before."""
    query = select(*_COLUMNS).order_by(plan.c.id.desc()).limit(limit)
    if before:
        query = query.where(plan.c.id < before)
    return [_row(row) for row in connection.execute(query)]


def definition_of(connection: Connection, plan_id: str) -> RunDefinition:
    """What would have run; its secrets are names with no secret behind them."""
    return RunDefinition.model_validate_json(_unpack(connection, plan_id, "definition"))


def findings_of(connection: Connection, plan_id: str) -> list[Finding]:
    """What a probe saw, in the order of the hosts."""
    return msgspec.json.decode(_unpack(connection, plan_id, "findings"), type=list[Finding])


def counts_of(findings: Iterable[Finding]) -> dict[str, int]:
    """Target state -> number of hosts; a host of which several things were found has the state
    of the first that is not well.
    """
    found: dict[int, TargetState] = {}
    for finding in findings:
        if found.get(finding.ordinal, TargetState.SUCCESS) is TargetState.SUCCESS:
            found[finding.ordinal] = finding.state
    return dict(Counter(state.value for state in found.values()))


def _pack(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(data)


def _unpack(connection: Connection, plan_id: str, column: str) -> bytes:
    blob = connection.execute(select(plan.c[column]).where(plan.c.id == plan_id)).scalar()
    if blob is None:
        raise NotFound("plan", plan_id)
    return zstandard.ZstdDecompressor().decompress(blob)
