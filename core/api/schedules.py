"""Schedules: when they start next, what became of every slot, pausing them, starting by hand."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.api import cursors
from core.api.openapi import fails
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.runs import RunOut
from core.api.values import Answer, Cursor, Limit, Page
from core.domain.authorization import ObjectKind, Verb
from core.domain.moments import Moment
from core.domain.values import Name, Value
from core.runtime.engine import Engine
from core.scheduling.ledger import Verdict
from core.storage import documents, schedules
from core.storage import fires as ledger
from core.storage.reading import Connection
from core.storage.writer import Transaction, timestamp

routes = router("schedules")


class FireOut(Answer):
    """What became of a slot, or of slots in a row that were not started for one reason."""

    slot: str
    last_slot: str
    count: int
    verdict: Verdict
    reason: str
    run_id: str | None
    actor: str = Field(description="`schedule/NAME`, or who started it by hand")
    at: str = Field(description="when it was decided")
    cause: str | None = Field(
        description="the event that it is the slot of; null: a moment is enough"
    )


class ScheduleOut(Answer):
    """A schedule, and how it is."""

    name: str
    work: str = Field(description="`job/NAME` or `flow/NAME`")
    trigger: str = Field(description="cron, every_s, webhook, and so on: the field that it is")
    owner: str = Field(description="who wrote its document last")
    enabled: bool
    paused_by: str = Field(description="empty: it is not paused")
    pause_reason: str
    next_slot: str | None = Field(description="null: none is to come, or the engine's next start")
    last: FireOut | None = Field(description="the newest row of its ledger")


class ForecastOut(Answer):
    """A slot that is to come."""

    slot: str
    due_at: str = Field(description="later than the slot by its jitter")
    local: str = Field(description="the slot in the schedule's time zone")
    calendar: str = Field(description="the calendar on whose days it falls: it will be skipped")
    is_passed_over: bool = Field(description="`every_nth` passes it over")


class FirePage(Page[FireOut]):
    """A part of a ledger."""


class WhyOut(Answer):
    """What became of a slot, or why there is none."""

    schedule: str
    slot: str
    fire: FireOut | None
    answer: str = Field(description="one sentence")


class PauseIn(Value):
    """Why a schedule is paused."""

    reason: str = Field("", max_length=500)


@routes.get("/schedules", operation_id="listSchedules")
@asks(Verb.READ, ObjectKind.SCHEDULE)
async def list_schedules(engine: TheEngine) -> list[ScheduleOut]:
    """Every schedule, with its next slot and what became of the last one."""
    found = await engine.schedules.answers.overview()
    return [
        ScheduleOut(
            name=each.name,
            work=each.spec.work,
            trigger=each.spec.trigger.kind,
            owner=each.owner,
            enabled=each.spec.enabled,
            paused_by=each.state.paused_by,
            pause_reason=each.state.pause_reason,
            next_slot=None if each.next_slot is None else timestamp(each.next_slot),
            last=None if each.last is None else FireOut.model_validate(each.last),
        )
        for each in found
    ]


@routes.get("/schedules/{schedule}/next", operation_id="forecastSchedule", responses=fails(404))
@asks(Verb.READ, ObjectKind.SCHEDULE, "{schedule}")
async def forecast(
    schedule: str,
    engine: TheEngine,
    count: Annotated[int, Query(ge=1, le=1000)] = 10,
    after: Annotated[Moment | None, Query(description="empty: now")] = None,
) -> list[ForecastOut]:
    """The next slots, also those that a calendar will skip."""
    zone, found = await engine.schedules.answers.forecast(schedule, after, count)
    return [
        ForecastOut(
            slot=timestamp(each.slot),
            due_at=timestamp(each.due_at),
            local=each.slot.astimezone(zone).isoformat(),
            calendar=each.calendar,
            is_passed_over=each.is_passed_over,
        )
        for each in found
    ]


@routes.get("/schedules/{schedule}/fires", operation_id="listFires", responses=fails(404))
@asks(Verb.READ, ObjectKind.SCHEDULE, "{schedule}")
async def fires(
    schedule: str, engine: TheEngine, cursor: Cursor = None, limit: Limit = 100
) -> FirePage:
    """The ledger of a schedule, newest first."""
    scope = f"fires {schedule}"
    before = cursors.text_position(scope, cursor)

    def read(c: Connection) -> list[ledger.Fire]:
        documents.get(c, "schedule", schedule)
        return ledger.fires(c, schedule, before=before, limit=limit + 1)

    rows = await engine.store.reader.read(read)
    return FirePage(
        items=[FireOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursors.encode(scope, rows[limit - 1].slot) if len(rows) > limit else None,
    )


@routes.get("/schedules/{schedule}/why", operation_id="explainSlot", responses=fails(404))
@asks(Verb.READ, ObjectKind.SCHEDULE, "{schedule}")
async def why(
    schedule: str,
    engine: TheEngine,
    at: Annotated[Moment, Query(description="the slot; its seconds may be left out")],
) -> WhyOut:
    """What became of the slot at a moment: its run, or the reason why there is none."""
    slot, fire, answer = await engine.schedules.answers.why(schedule, at)
    return WhyOut(
        schedule=schedule,
        slot=timestamp(slot),
        fire=None if fire is None else FireOut.model_validate(fire),
        answer=answer,
    )


@routes.post("/schedules/{schedule}/pause", operation_id="pauseSchedule", responses=fails(404, 409))
@asks(Verb.ACT, ObjectKind.SCHEDULE, "{schedule}")
async def pause(schedule: Name, body: PauseIn, engine: TheEngine, actor: TheActor) -> ScheduleOut:
    """Start nothing by itself until it is resumed. Slots meanwhile are skipped, and say so."""

    def write(tx: Transaction) -> None:
        documents.get(tx.connection, "schedule", schedule)
        schedules.pause(tx, schedule, body.reason, actor.name)

    await engine.store.writer.write(write)
    return await _one(engine, schedule)


@routes.post(
    "/schedules/{schedule}/resume", operation_id="resumeSchedule", responses=fails(404, 409)
)
@asks(Verb.ACT, ObjectKind.SCHEDULE, "{schedule}")
async def resume(schedule: Name, engine: TheEngine, actor: TheActor) -> ScheduleOut:
    """Start again by itself, from the next slot on."""

    def write(tx: Transaction) -> None:
        documents.get(tx.connection, "schedule", schedule)
        schedules.resume(tx, schedule, actor.name)

    await engine.store.writer.write(write)
    return await _one(engine, schedule)


@routes.post(
    "/schedules/{schedule}/fire",
    status_code=202,
    operation_id="fireSchedule",
    responses=fails(404, 409),
)
@asks(Verb.ACT, ObjectKind.SCHEDULE, "{schedule}")
async def fire(schedule: Name, engine: TheEngine, actor: TheActor) -> RunOut:
    """Start its run now, whatever its trigger, its pause and its overlap say."""
    return RunOut.model_validate(await engine.schedules.fire(schedule, actor.name))


async def _one(engine: Engine, name: str) -> ScheduleOut:
    return next(each for each in await list_schedules(engine) if each.name == name)
