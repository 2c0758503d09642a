"""The targets of a run: how each host answered, one by one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from core.api import cursors
from core.api.lost_lines import LostOut
from core.api.routes import TheEngine, asks, router
from core.api.values import Answer, Cursor, Limit, Page
from core.domain.authorization import ObjectKind, Verb
from core.domain.run import TargetCode, TargetState
from core.storage import runs
from core.storage.runs import TargetFilter

routes = router("runs")


class TargetOut(Answer):
    """One attempt on one host."""

    step: str
    attempt: int
    ordinal: int = Field(description="place in the run's order, from 0")
    host: str
    state: TargetState
    resolved_by: str = Field(description="who said that it ended so; empty where the host did")
    code: TargetCode | None
    exit_code: int | None
    signal: str | None
    message: str
    started_at: str | None
    finished_at: str | None
    size_bytes: int = Field(description="output that was kept")
    dropped_bytes: int = Field(description="output over the cap")
    outputs: dict[str, Any]


class TargetPage(Page[TargetOut]):
    """A part of the list of a run's targets."""


@routes.get("/runs/{run}/targets", operation_id="listRunTargets")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def list_targets(
    run: str,
    engine: TheEngine,
    step: str = "",
    attempt: Annotated[int, Query(ge=0, description="0 is every attempt")] = 0,
    state: Annotated[list[TargetState] | None, Query(description="any of these")] = None,
    host: str = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> TargetPage:
    """Targets in the run's order."""
    scope = f"targets {run} {step} {attempt} {state} {host}"
    where = TargetFilter(step=step, attempt=attempt, states=tuple(state or ()), host=host)
    after = cursors.number_position(scope, cursor)
    rows = await engine.store.reader.read(
        lambda c: runs.targets_of(c, runs.get(c, run).id, where, after=after, limit=limit + 1)
    )
    return TargetPage(
        items=[TargetOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursors.encode(scope, rows[limit - 1].id) if len(rows) > limit else None,
    )


@routes.get("/runs/{run}/lost-lines", operation_id="getLostLines")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def lost_lines(run: str, engine: TheEngine) -> LostOut:
    """Hosts of a live run that keep its work and do not answer at this moment."""
    row = await engine.store.reader.read(lambda c: runs.get(c, run))
    return LostOut.model_validate(engine.lost_lines.now(row.id))
