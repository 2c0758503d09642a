"""The engine itself: how it is, stopping it, and backups."""

from __future__ import annotations

import asyncio

from pydantic import Field

from core.api.lost_lines import LostOut
from core.api.queue import AdmissionOut
from core.api.routes import TheEngine, asks, router
from core.api.values import Answer
from core.domain.authorization import ObjectKind, Verb
from core.domain.values import Value
from core.runtime.engine import EngineState, StopMode

routes = router("engine")


class WorkerOut(Answer):
    """A process that carries SSH sessions for the engine."""

    pid: int
    sessions: int = Field(description="that are open now")
    connections: int = Field(description="that are open, kept ones included")
    restarts: int = Field(description="how often a worker in its place has died")


class SchedulesOut(Answer):
    """How the schedules are, in one look."""

    count: int
    paused: int
    next_at: str | None = Field(description="when the next slot of all is to be started")
    troubled: dict[str, str] = Field(
        description="schedules whose newest slot was missed or refused: why"
    )


class QueueStatusOut(Answer):
    """How the queue is, in one look."""

    waiting: int
    begun: int
    oldest_at: str | None = Field(description="since when the one waits that has waited longest")
    admission: AdmissionOut


class HookDoorOut(Answer):
    """Where calls of schedules are taken, beside the engine's own socket."""

    url: str = Field(description="what a caller's address begins with; empty: nowhere")
    fault: str = Field(description="why it is not open, or not as it should be")


class EngineOut(Answer):
    """How the engine is."""

    version: str
    state: EngineState
    pid: int
    home: str
    started_at: str
    uptime_s: float
    runs: dict[str, int] = Field(description="state -> number of stored runs in it")
    live_runs: int
    targets_running: int
    targets_waiting: int
    writes_waiting: int
    storage_fault: str = Field(
        description="why nothing can be recorded now: what runs waits for it, and nothing new starts"
    )
    database_bytes: int
    unindexed_chunks: int = Field(
        description="parts of output, of up to 64 KiB, that the search index has not come to yet;"
        " a search reads them itself"
    )
    unlocker: str = Field(
        description="what keeps the master key; `locked` until somebody unlocks the vault"
    )
    recovered_runs: int = Field(description="runs that were taken up again at this start")
    recovery: dict[str, int] = Field(
        description="targets that an earlier engine left running, by how far the look after them"
        " is: looking, following, started, harvested, unknown"
    )
    lost_lines: LostOut
    pending_host_keys: int
    failing_channels: dict[str, str] = Field(
        description="channels whose newest message was not taken, and why"
    )
    failing_sources: dict[str, str] = Field(
        description="inventory sources that did not answer when they were last asked: why"
    )
    schedules: SchedulesOut
    queue: QueueStatusOut
    hooks: HookDoorOut
    workers: list[WorkerOut]


class StopIn(Value):
    """How to stop."""

    mode: StopMode = StopMode.DETACH
    timeout_s: float | None = Field(
        None, ge=0, le=86400, description="with drain: how long it may take before it detaches"
    )


@routes.get("/engine", operation_id="getEngine")
@asks(Verb.READ, ObjectKind.ENGINE)
async def get_engine(engine: TheEngine) -> EngineOut:
    """Version, work, storage and keys."""
    return EngineOut.model_validate(await engine.status())


@routes.post("/engine/stop", status_code=202, operation_id="stopEngine")
@asks(Verb.STOP, ObjectKind.ENGINE)
async def stop(body: StopIn, engine: TheEngine) -> EngineOut:
    """Ask the engine to stop. It answers until its work is done, then its process ends."""
    engine.request_stop(body.mode)
    if body.mode is StopMode.DRAIN and body.timeout_s is not None:
        loop = asyncio.get_running_loop()
        loop.call_later(body.timeout_s, engine.request_stop, StopMode.DETACH)
    return EngineOut.model_validate(await engine.status())
