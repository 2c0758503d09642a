"""The queue: who waits for its turn, why, moving a run; freezing and draining the engine."""

from __future__ import annotations

from pydantic import Field

from core.api.openapi import fails
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.values import Answer, Limit
from core.dispatch.items import Kind, Mode
from core.domain.authorization import ObjectKind, Verb
from core.domain.priorities import Priority
from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.domain.values import Value
from core.runtime.engine import Engine
from core.runtime.queue import Place
from core.storage import admission, runs
from core.storage.runs import RunRow

routes = router("queue")


class ReasonOut(Answer):
    """One thing in a run's way."""

    kind: Kind
    names: str = Field(description="of it, hosts folded; empty for the engine as a whole")
    mode: Mode = Field(description="how the run would use it")
    runs: list[str] = Field(description="runs that hold it, the first five")
    count: int = Field(description="how many hold it")
    limit: int | None = Field(description="runs at the same time, where it is a matter of number")
    older: str = Field(description="the run that may not be overtaken there")
    detail: str = Field(description="who froze the engine and why, or how busy a host is")
    text: str = Field(description="the same as one sentence")


class PlaceOut(Answer):
    """A run that waits, and why."""

    run_id: str
    title: str
    owner: str
    position: int = Field(description="1 stands first; who is in nobody's way may begin before it")
    since: str
    aged_at: str = Field(description="from then on, nobody overtakes it")
    priority: Priority
    level: Priority | None = Field(description="the class into which it has risen; null: above all")
    reasons: list[ReasonOut] = Field(description="empty: it begins at the next decision")
    unknown_loads: str = Field(
        description="hosts whose load is asked and not known, folded: they keep it from nothing"
    )
    gave_way_to: str = Field(description="the run for which it was suspended; empty: it is queued")


class AdmissionOut(Answer):
    """Whether the engine lets runs begin."""

    mode: admission.Mode
    reason: str
    actor: str
    at: str


class QueueOut(Answer):
    """Who waits, the first one first."""

    waiting: int = Field(description="all of them, also those that are not among `places`")
    begun: int = Field(description="runs that have begun and hold what they use")
    admission: AdmissionOut
    places: list[PlaceOut]


class HoldOut(Answer):
    """A lock that a run holds."""

    kind: Kind
    name: str
    mode: Mode


class WhyWaits(Answer):
    """Where a run stands."""

    run_id: str
    title: str
    state: RunState
    parent: str | None = Field(description="the run that it belongs to: it never waits")
    place: PlaceOut | None = Field(description="null: it does not wait")
    holds: list[HoldOut] = Field(description="locks that it holds")
    yields_to: str = Field(
        description="the run to which it gives way at the end of its step or batch; empty: to none"
    )
    answer: str = Field(description="in one sentence why it waits, or that it does not")


class MoveIn(Value):
    """A run's new priority."""

    priority: Priority


class AdmissionIn(Value):
    """Why the engine is frozen or drains."""

    reason: str = Field(min_length=1, max_length=500)


@routes.get("/queue", operation_id="getQueue")
@asks(Verb.READ, ObjectKind.RUN)
async def get_queue(engine: TheEngine, limit: Limit = 100) -> QueueOut:
    """Runs that wait for their turn, in order, and why each of them waits."""
    places = engine.queue.places(limit)
    titles = await engine.store.reader.read(
        lambda c: runs.titles(c, [place.run_id for place in places])
    )
    status = engine.queue.status()
    return QueueOut(
        waiting=status.waiting,
        begun=status.begun,
        admission=AdmissionOut.model_validate(status.admission),
        places=[_place_out(place, titles.get(place.run_id, "")) for place in places],
    )


@routes.get("/queue/{run}", operation_id="explainWaiting")
@asks(Verb.READ, ObjectKind.RUN, "{run}")
async def why(run: str, engine: TheEngine) -> WhyWaits:
    """Why a run waits: everything in its way. A beginning of the id is enough."""
    return _why(engine, await engine.store.reader.read(lambda c: runs.get(c, run)))


@routes.post("/queue/{run}/move", operation_id="moveRun", responses=fails(409))
@asks(Verb.ACT, ObjectKind.RUN, "{run}")
async def move(run: str, body: MoveIn, engine: TheEngine, actor: TheActor) -> WhyWaits:
    """Give a run that waits or goes on another priority."""
    row = await engine.store.reader.read(lambda c: runs.get(c, run))
    await engine.queue.move(row, body.priority, actor.name)
    return _why(engine, await engine.store.reader.read(lambda c: runs.get(c, row.id)))


@routes.post("/engine/freeze", operation_id="freezeEngine")
@asks(Verb.ACT, ObjectKind.ENGINE)
async def freeze(body: AdmissionIn, engine: TheEngine, actor: TheActor) -> AdmissionOut:
    """Let nothing begin: starts are accepted and wait. What has begun goes on."""
    return await _set(engine, admission.Mode.FROZEN, body.reason, actor.name)


@routes.post("/engine/drain", operation_id="drainEngine")
@asks(Verb.ACT, ObjectKind.ENGINE)
async def drain(body: AdmissionIn, engine: TheEngine, actor: TheActor) -> AdmissionOut:
    """Refuse new starts; what was accepted goes on to its end, also what waits."""
    return await _set(engine, admission.Mode.DRAINING, body.reason, actor.name)


@routes.post("/engine/unfreeze", operation_id="unfreezeEngine")
@asks(Verb.ACT, ObjectKind.ENGINE)
async def unfreeze(engine: TheEngine, actor: TheActor) -> AdmissionOut:
    """Take starts and let them begin again, after a freeze or a drain."""
    return await _set(engine, admission.Mode.OPEN, "", actor.name)


async def _set(engine: Engine, mode: admission.Mode, reason: str, actor: str) -> AdmissionOut:
    return AdmissionOut.model_validate(await engine.queue.set_mode(mode, reason, actor))


def _place_out(place: Place, title: str) -> PlaceOut:
    return PlaceOut(
        run_id=place.run_id,
        title=title,
        owner=place.owner,
        position=place.position,
        since=place.since,
        aged_at=place.aged_at,
        priority=place.priority,
        level=place.level,
        reasons=[ReasonOut.model_validate(reason) for reason in place.reasons],
        unknown_loads=place.unknown_loads,
        gave_way_to=place.gave_way_to,
    )


def _why(engine: Engine, row: RunRow) -> WhyWaits:
    place = _place_out(engine.queue.place(row.id), row.title) if row.id in engine.queue else None
    return WhyWaits(
        run_id=row.id,
        title=row.title,
        state=row.state,
        parent=row.parent,
        place=place,
        holds=[
            HoldOut(kind=use.resource.kind, name=use.resource.name, mode=use.mode)
            for use in engine.queue.holds(row.id)
        ],
        yields_to=(yields_to := engine.queue.yields_to(row.id)),
        answer=_answer(row, place, yields_to),
    )


def _answer(row: RunRow, place: PlaceOut | None, yields_to: str) -> str:
    if place is not None:
        texts = [reason.text for reason in place.reasons]
        if not texts:
            texts = ["nothing is in its way: it begins at the next decision"]
        if place.gave_way_to:
            texts.insert(0, f"suspended for run {place.gave_way_to}; it goes on in its turn")
        return "; ".join(texts)
    if yields_to:
        return f"it goes on, and gives way to run {yields_to} at the end of its step or batch"
    if row.state in TERMINAL_RUN_STATES:
        return f"it does not wait: it is {row.state}"
    if row.state is RunState.QUEUED:
        return "its turn has come: it begins"
    return f"it does not wait: it has begun, and is {row.state}"
