"""Batches of a rolling step: as a start would make them, and as they went."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from core.api.values import Answer
from core.domain.run import BatchState
from core.domain.targets import fold
from core.flow.definition import RunOutline
from core.storage.batches import BatchRow


class BatchPlan(Answer):
    """Who is in one batch."""

    batch: int = Field(description="place in the step's order, from 0")
    hosts: list[str] = Field(description="in the order in which they start")
    count: int
    folded: str
    offset_s: float | None = Field(
        description="planned start, in seconds after the step's own; null where batches wait for"
        " each other"
    )


def batch_plans(definition: RunOutline, step: str) -> list[BatchPlan]:
    """The batches of a step; none where it does not roll."""
    offsets = definition.offsets_s.get(step)
    plans = []
    for number, batch in enumerate(definition.batches.get(step, ())):
        names = [definition.hosts[ordinal].name for ordinal in batch]
        plans.append(
            BatchPlan(
                batch=number,
                hosts=names,
                count=len(names),
                folded=fold(names),
                offset_s=None if offsets is None else offsets[number],
            )
        )
    return plans


class BatchOut(Answer):
    """One batch of a step's newest attempt."""

    step: str
    attempt: int
    batch: int = Field(description="place in the step's order, from 0")
    of: int = Field(description="number of batches of the step")
    state: BatchState
    reason: str = Field(description="why it failed, or what its health check said")
    count: int = Field(description="number of targets")
    folded: str
    planned_at: str | None = Field(description="when a staggered batch is to start")
    started_at: str | None
    finished_at: str | None = Field(description="when its targets had ended; a soak begins then")


def batches_out(definition: RunOutline, rows: Iterable[BatchRow]) -> list[BatchOut]:
    """The newest attempt of every step's batches; those of steps that did not start yet wait."""
    known = {(row.step, row.batch): row for row in rows}  # attempts rise: the newest one stays
    found = []
    for step, batches in definition.batches.items():
        for batch, plan in zip(batches, batch_plans(definition, step), strict=True):
            row = known.get((step, plan.batch))
            found.append(
                BatchOut(
                    step=step,
                    attempt=row.attempt if row else 1,
                    batch=plan.batch,
                    of=len(batches),
                    state=row.state if row else BatchState.WAITING,
                    reason=row.reason if row else "",
                    count=len(batch),
                    folded=plan.folded,
                    planned_at=row.planned_at if row else None,
                    started_at=row.started_at if row else None,
                    finished_at=row.finished_at if row else None,
                )
            )
    return found
