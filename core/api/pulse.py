"""The pulse: what goes on, what failed, what waits for a person and what comes next, in one answer.

A screen that shows all of it asks once, and not eight times.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.api.approvals import ApprovalOut, approval_out
from core.api.engine import EngineOut
from core.api.hostkeys import HostKeyOut, host_key_out
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.runs import RunOut
from core.api.values import Answer
from core.domain.authorization import ObjectKind, Verb
from core.domain.hostkeys import KeyStatus
from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.storage import host_keys, pulse
from core.storage.reading import Connection

routes = router("pulse")

_LATELY = timedelta(hours=24)
_LIVE = tuple(state for state in RunState if state not in TERMINAL_RUN_STATES)


class SomeRuns(Answer):
    """The newest of some runs, and how many there are; nested ones are left out."""

    count: int
    newest: list[RunOut]


class ResultsOut(Answer):
    """How hosts answered in the runs that ended in one hour."""

    hour: str = Field(description="its beginning")
    counts: dict[str, int] = Field(description="state of a target -> number")


class ComingOut(Answer):
    """A schedule and when its next run is to start."""

    schedule: str
    at: str


class PulseOut(Answer):
    """Everything in one look."""

    running: SomeRuns = Field(description="runs that have not ended")
    failed: SomeRuns = Field(description="in the last 24 hours")
    unknown: SomeRuns = Field(description="of which nobody knows how they ended: a person decides")
    approvals: list[ApprovalOut] = Field(description="that wait for you, newest first")
    host_keys: list[HostKeyOut] = Field(description="that wait for approval, oldest first")
    coming: list[ComingOut] = Field(description="next runs of schedules, the first one first")
    results: list[ResultsOut] = Field(description="hour by hour; hours without runs are left out")
    results_since: str = Field(
        description="24 hours ago; later where more runs were started than are summed"
    )
    has_hosts: bool = Field(description="whether any host is defined")
    has_runs: bool = Field(description="whether anything was ever run")
    engine: EngineOut


@routes.get("/pulse", operation_id="getPulse")
@asks(Verb.READ, ObjectKind.RUN)
async def get_pulse(
    engine: TheEngine,
    actor: TheActor,
    limit: Annotated[int, Query(ge=1, le=100, description="of each list")] = 10,
) -> PulseOut:
    """What goes on, what failed lately, what waits for you, what comes next, how the engine is."""
    since = engine.clock.now() - _LATELY
    status = EngineOut.model_validate(await engine.status())
    waiting = await engine.approvals.listed(actor, mine=True, limit=limit)

    def read(c: Connection) -> PulseOut:
        results_since, results = pulse.results(c, since)
        return PulseOut(
            running=SomeRuns.model_validate(pulse.some_runs(c, _LIVE, limit)),
            failed=SomeRuns.model_validate(
                pulse.some_runs(c, pulse.FAILED_STATES, limit, since=since)
            ),
            unknown=SomeRuns.model_validate(pulse.some_runs(c, pulse.UNKNOWN_STATES, limit)),
            approvals=[approval_out(each) for each in waiting],
            host_keys=[
                host_key_out(row)
                for row in host_keys.list_keys(c, status=KeyStatus.PENDING, limit=limit)
            ],
            coming=[ComingOut.model_validate(each) for each in pulse.coming(c, limit)],
            results=[ResultsOut.model_validate(each) for each in results],
            results_since=results_since,
            has_hosts=pulse.has_hosts(c),
            has_runs=pulse.has_runs(c),
            engine=status,
        )

    return await engine.store.reader.read(read)
