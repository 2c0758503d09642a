"""Dry runs: what a start would do, whether hosts are ready for it, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field

from core.api import cursors
from core.api.openapi import fails
from core.api.plan_details import PlanDetail, PlanOut, PlanPage, detail_of
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.run_comparison import Compared, compared, side_of
from core.api.values import Cursor, Limit
from core.domain.authorization import ObjectKind, Verb
from core.domain.probing import Finding
from core.domain.run import TargetState
from core.domain.values import Value
from core.errors import Invalid, Problem
from core.flow import comparing
from core.flow.definition import RunDefinition, RunRequest
from core.flow.dryrun import PlanLevel
from core.runtime.engine import Engine
from core.runtime.plans import Plan, Plans
from core.storage import plans

routes = router("plans")


class PlanIn(Value):
    """What to plan, and how far to go."""

    request: RunRequest
    level: PlanLevel = PlanLevel.PLAN


class PlanAction(StrEnum):
    """What can be asked of a dry run."""

    CANCEL = "cancel"
    """Stop its probe; what it has seen is kept."""


class PlanActionIn(Value):
    action: PlanAction


class PlanComparison(Compared):
    """A plan as A, and as B the run that followed or what would run now."""

    plan: PlanOut
    run_id: str | None = Field(description="null: compared with what would run now")


_ACTIONS = {PlanAction.CANCEL: Plans.cancel}


@routes.post(
    "/plans",
    status_code=201,
    operation_id="makePlan",
    responses={202: {"model": PlanDetail, "description": "the probe goes on"}, **fails(404, 409)},
)
@asks(Verb.CREATE, ObjectKind.PLAN)
async def make(body: PlanIn, response: Response, engine: TheEngine, actor: TheActor) -> PlanDetail:
    """Resolve a request without starting anything.

    Levels `probe` and `check` answer 202 at once. The probe then goes on in the engine, whoever stays:
    look at the plan until its state is no longer `probing`, or cancel it. It connects to every
    target and runs a look-around of its own there, nothing of the work. A check also tries the
    steps that change nothing: requests of a safe method, and what a database tells of SQL.
    """
    if body.request.plan is not None:
        problem = Problem(where="request.plan", what="a plan is made from a request, not a plan")
        raise Invalid("the request is not valid", [problem])
    made = await engine.plans.make(body.request, body.level, actor.name)
    if body.level.asks_hosts:
        response.status_code = 202
    response.headers["Location"] = f"/api/v1/plans/{made.row.id}"
    return await asyncio.to_thread(detail_of, made, engine.clock.now().date())


@routes.get("/plans", operation_id="listPlans")
@asks(Verb.READ, ObjectKind.PLAN)
async def list_plans(engine: TheEngine, cursor: Cursor = None, limit: Limit = 100) -> PlanPage:
    """Dry runs, newest first."""
    before = cursors.text_position("plans", cursor)
    rows = await engine.store.reader.read(
        lambda c: plans.list_plans(c, before=before, limit=limit + 1)
    )
    return PlanPage(
        items=[PlanOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursors.encode("plans", rows[limit - 1].id) if len(rows) > limit else None,
    )


@routes.get("/plans/{plan}", operation_id="getPlan")
@asks(Verb.READ, ObjectKind.PLAN, "{plan}")
async def get(plan: str, engine: TheEngine) -> PlanDetail:
    """One dry run. A beginning of the id is enough where no other plan has it."""
    found = await engine.plans.get(plan)
    return await asyncio.to_thread(detail_of, found, engine.clock.now().date())


@routes.post("/plans/{plan}/actions", operation_id="actOnPlan", responses=fails(409))
@asks(Verb.ACT, ObjectKind.PLAN, "{plan}")
async def act(plan: str, body: PlanActionIn, engine: TheEngine) -> PlanOut:
    """Cancel a probe; this answers when it has ended."""
    return PlanOut.model_validate(await _ACTIONS[body.action](engine.plans, plan))


@routes.get("/plans/{plan}/comparison", operation_id="comparePlan")
@asks(Verb.READ, ObjectKind.PLAN, "{plan}")
async def compare(
    plan: str,
    engine: TheEngine,
    run: Annotated[
        str, Query(description="empty: the run that it was started as, else what would run now")
    ] = "",
) -> PlanComparison:
    """What differs between a plan and a run; before there is one, what has changed since."""
    found = await engine.plans.get(plan)
    wanted = run or found.row.run_id
    run_id, definition, answers = await _other_side(engine, found.row.id, wanted)
    result = await asyncio.to_thread(
        compared, found.definition, _answers(found), definition, answers
    )
    return PlanComparison(plan=PlanOut.model_validate(found.row), run_id=run_id, **result)


async def _other_side(
    engine: Engine, plan_id: str, wanted: str | None
) -> tuple[str | None, RunDefinition, Sequence[comparing.Answer]]:
    """The run to compare a plan with, or without one what would run now."""
    if wanted is None:
        now = await engine.plans.now(plan_id)
        return None, now, comparing.answers_of(now)
    side = await engine.store.reader.read(lambda c: side_of(c, wanted))
    return side.row.id, side.definition, side.answers


def _answers(plan: Plan) -> list[comparing.Answer]:
    """The hosts of a plan as they would answer: what a probe saw, else nothing."""
    seen = {(step, finding.host): finding for finding in plan.findings for step in finding.steps}
    return [_expected(answer, seen.get((answer.step, answer.host))) for answer in
            comparing.answers_of(plan.definition)]  # fmt: skip


def _expected(answer: comparing.Answer, finding: Finding | None) -> comparing.Answer:
    if finding is None:
        return answer
    ready = finding.state is TargetState.SUCCESS
    return comparing.Answer(
        step=answer.step,
        host=answer.host,
        state=finding.state,
        exit_code=0 if ready else None,
    )
