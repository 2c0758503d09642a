"""Batches of a rolling step: as a start would make them, and as they went."""

from __future__ import annotations

from pydantic import Field

from core.api.values import Answer
from core.domain.targets import fold
from core.flow.definition import RunDefinition


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


def batch_plans(definition: RunDefinition, step: str) -> list[BatchPlan]:
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
