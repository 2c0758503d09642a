"""Calls from outside that make a schedule due. They show that they may by the schedule's secret."""

from __future__ import annotations

from starlette.requests import Request

from core.api.openapi import fails
from core.api.problems import BodyTooLarge
from core.api.routes import TheEngine, asks, router
from core.api.schedules import FireOut
from core.domain.authorization import ObjectKind, Verb
from core.domain.values import Name
from core.domain.webhooks import Call

routes = router("schedules")

_MOST_BYTES = 1024 * 1024
"""Of any schedule's calls; its own `max_bytes` is at most so much."""


@routes.post(
    "/hooks/{schedule}",
    status_code=202,
    operation_id="callSchedule",
    responses=fails(401, 409, 413, 429),
    openapi_extra={
        "requestBody": {"content": {"application/json": {"schema": {}}}, "required": False}
    },
)
@asks(Verb.CALL, ObjectKind.SCHEDULE, "{schedule}")
async def receive(schedule: Name, request: Request, engine: TheEngine) -> FireOut:
    """Make a schedule due whose trigger is `webhook`; its slot, which the same call has again.

    Signed: `webhook-id`, `webhook-timestamp`, `webhook-signature` (Standard Webhooks). By token:
    `Authorization: Bearer`, and `webhook-id` where the call may be repeated.
    """
    call = Call(headers=dict(request.headers), body=await _body(request))
    return FireOut.model_validate(await engine.schedules.receive(schedule, call))


async def _body(request: Request) -> bytes:
    pieces, size = list[bytes](), 0
    async for piece in request.stream():
        size += len(piece)
        if size > _MOST_BYTES:
            raise BodyTooLarge(f"a call's body is at most {_MOST_BYTES // 1024} KiB")
        pieces.append(piece)
    return b"".join(pieces)
