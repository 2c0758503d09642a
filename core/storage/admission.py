"""Whether the engine lets runs begin, and what priority each run has: both change at any time."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from core.domain.priorities import Priority
from core.storage.tables import admission, run
from core.storage.writer import Transaction

ADMITTED = "engine.admission"
"""Type of the journal entry of a freeze, a drain, or the end of one."""
MOVED = "run.priority"


class Mode(StrEnum):
    """What becomes of a start."""

    OPEN = "open"
    """It begins in its turn."""
    FROZEN = "frozen"
    """It is accepted and waits; nothing begins. What has begun goes on."""
    DRAINING = "draining"
    """It is refused. What was accepted goes on to its end."""


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """The mode, and who set it, why and when; all "" where nobody ever did."""

    mode: Mode = Mode.OPEN
    reason: str = ""
    actor: str = ""
    at: str = ""

    @property
    def said(self) -> str:
        """Who set it, and why: `ann: an audit`."""
        return f"{self.actor}: {self.reason}"


def get(connection: Connection) -> Admission:
    """The mode of this moment."""
    row = connection.execute(select(admission)).first()
    if row is None:
        return Admission()
    return Admission(mode=Mode(row.mode), reason=row.reason, actor=row.actor, at=row.at)


def put(tx: Transaction, mode: Mode, reason: str, actor: str) -> Admission:
    """Set the mode."""
    values = {"mode": mode.value, "reason": reason, "actor": actor, "at": tx.at}
    tx.connection.execute(delete(admission))
    tx.connection.execute(insert(admission), {"id": 1, **values})
    tx.journal(actor, ADMITTED, "engine", {"mode": mode.value, "reason": reason})
    return Admission(mode=mode, reason=reason, actor=actor, at=tx.at)


def move(tx: Transaction, run_id: str, priority: Priority, actor: str) -> None:
    """Give a run another priority."""
    tx.connection.execute(update(run).where(run.c.id == run_id).values(priority=priority.value))
    tx.journal(actor, MOVED, run_id, {"priority": priority.value})
