"""Flows beside their documents: what stands against one now."""

from __future__ import annotations

import asyncio

from core.api.openapi import fails
from core.api.problems import FieldProblem
from core.api.routes import TheEngine, asks, router
from core.api.values import Answer
from core.domain.authorization import ObjectKind, Verb
from core.flow import validating

routes = router("flows")


class FlowProblems(Answer):
    """Everything that stands against a flow."""

    problems: list[FieldProblem]


@routes.get("/flows/{flow}/problems", operation_id="validateFlow", responses=fails(404))
@asks(Verb.READ, ObjectKind.DOCUMENT, "flow/{flow}")
async def problems(flow: str, engine: TheEngine) -> FlowProblems:
    """What stands against a saved flow by the documents of now: empty where it could start.

    Documents that are not saved yet are validated by `POST /apply` with `dry_run`.
    """
    documents = await engine.runs.documents()
    found = await asyncio.to_thread(validating.problems, flow, documents)
    return FlowProblems(
        problems=[FieldProblem(where=each.where, what=each.what, hint=each.hint) for each in found]
    )
