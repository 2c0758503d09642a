"""Rules for dangerous commands that were met: on a run's record, and in the journal.

A start that is refused leaves no run; the journal has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select

from core.domain.command_rules import Decision, Hit, Level
from core.flow.dangers import StepHit, hosts_word
from core.storage.tables import run_danger
from core.storage.writer import Transaction

_MOST_TOLD = 20
"""Hits in one journal entry; a run's record has them all."""


class Danger(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that a run met."""

    id: int
    at: str
    actor: str
    step: str
    hosts: str
    rule: str
    level: Level
    decision: Decision
    where: str
    line: int
    column: int
    command: str
    meaning: str
    message: str


_COLUMNS = [run_danger.c[name] for name in Danger.__struct_fields__]


def add(
    tx: Transaction,
    run_id: str,
    actor: str,
    found: Sequence[StepHit],
    decision: Decision | None = None,
) -> None:
    """Record what a run met. Without a `decision` it was let on, and each level says how."""
    if not found:
        return
    rows = [_row(each, decision or _let_on(each.hit)) for each in found]
    own = {"run_id": run_id, "at": tx.at, "actor": actor}
    tx.connection.execute(insert(run_danger), [{**row, **own} for row in rows])
    tx.journal(actor, "run.dangers", run_id, _told(rows))


def refused(tx: Transaction, subject: str, actor: str, found: Sequence[StepHit]) -> None:
    """Record a start that was refused; `subject` is what was to be started."""
    rows = [_row(each, Decision.REFUSED) for each in found]
    tx.journal(actor, "start.refused", subject, _told(rows))


def of_run(connection: Connection, run_id: str) -> list[Danger]:
    """What a run met, oldest first."""
    rows = connection.execute(
        select(*_COLUMNS).where(run_danger.c.run_id == run_id).order_by(run_danger.c.id)
    )
    names = Danger.__struct_fields__
    return [msgspec.convert(dict(zip(names, row, strict=True)), Danger) for row in rows]


def _let_on(hit: Hit) -> Decision:
    return _LET_ON.get(hit.level, Decision.ACKNOWLEDGED)


_LET_ON = {Level.SCAN: Decision.NOTED, Level.REVIEW: Decision.ASKED}


def _row(each: StepHit, decision: Decision) -> dict[str, Any]:
    hit = each.hit
    return {
        "step": each.step,
        "hosts": hosts_word(each.hosts),
        "rule": hit.rule,
        "level": hit.level.value,
        "decision": decision.value,
        "where": hit.where,
        "line": hit.line,
        "column": hit.column,
        "command": hit.command,
        "meaning": hit.meaning,
        "message": hit.message,
    }


def _told(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    all_rows = list(rows)
    short = ("step", "rule", "level", "decision", "line", "command")
    told = [{name: row[name] for name in short} for row in all_rows[:_MOST_TOLD]]
    return {"hits": told, "count": len(all_rows)}
