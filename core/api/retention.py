"""What is kept no longer: looking at what would go, and removing it."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, Field

from core.api.openapi import fails
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.values import Answer
from core.domain.authorization import ObjectKind, Verb
from core.domain.values import Value

routes = router("engine")

NAMED = 1000


class RetentionRules(Answer):
    """What the engine's settings say; null narrows nothing."""

    runs_age_s: float | None
    runs_count: int | None
    output_age_s: float | None
    output_bytes: int | None
    keep_noted: bool
    contents_age_s: float


class RetentionPreview(Answer):
    """What would go. Nothing was removed."""

    rules: RetentionRules
    as_of: str
    digest: str = Field(description="names what would go; applying asks for it")
    runs: int = Field(description="runs that would go with all that belongs to them")
    outputs: int = Field(description="runs whose output would go, and whose record would stay")
    size_bytes: int = Field(description="output that would go, as it is stored")
    contents: int = Field(description="files of jobs that would go, as nobody refers to them")
    contents_bytes: int
    run_ids: list[str] = Field(description="the oldest of the runs")
    output_ids: list[str] = Field(description="the oldest of the others")


class RetentionIn(Value):
    """What to remove: `as_of` and `digest` of the preview that somebody looked at."""

    as_of: AwareDatetime
    digest: str = Field(min_length=64, max_length=64)


class Removed(Answer):
    """What was removed."""

    runs: int
    outputs: int
    size_bytes: int
    contents: int
    contents_bytes: int


@routes.get("/retention/preview", operation_id="previewRetention")
@asks(Verb.READ, ObjectKind.ENGINE)
async def preview(engine: TheEngine) -> RetentionPreview:
    """What the rules of the settings would remove now."""
    plan, rules = await engine.retention.preview(), engine.retention.rules
    return RetentionPreview(
        rules=RetentionRules(
            runs_age_s=None if rules.runs_age is None else rules.runs_age.total_seconds(),
            runs_count=rules.runs_count,
            output_age_s=None if rules.output_age is None else rules.output_age.total_seconds(),
            output_bytes=rules.output_bytes,
            keep_noted=rules.keep_noted,
            contents_age_s=rules.contents_age.total_seconds(),
        ),
        as_of=plan.as_of,
        digest=plan.digest,
        runs=len(plan.runs),
        outputs=len(plan.outputs),
        size_bytes=plan.size_bytes,
        contents=len(plan.contents),
        contents_bytes=plan.contents_bytes,
        run_ids=list(plan.runs[:NAMED]),
        output_ids=list(plan.outputs[:NAMED]),
    )


@routes.post("/retention/apply", operation_id="applyRetention", responses=fails(409))
@asks(Verb.DELETE, ObjectKind.ENGINE)
async def apply(body: RetentionIn, engine: TheEngine, actor: TheActor) -> Removed:
    """Remove exactly what a preview showed; refused when that is no longer what would go."""
    moment: datetime = body.as_of
    return Removed.model_validate(await engine.retention.apply(body.digest, moment, actor.name))
