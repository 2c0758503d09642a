"""Statements through the real executor, in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.clock import SystemClock
from core.domain.steps import Given, SqlStep
from core.executors.protocol import Login, Outcome, Target, Work
from core.executors.sql import SqlExecutor
from core.executors.stopping import StopSignal
from tests.support.work import MemorySink

LEDGER = (
    "CREATE TABLE ledger (run varchar(26), step varchar(128), target varchar(128),"
    " attempt varchar(26), at timestamp, PRIMARY KEY (run, step, target))"
)


async def ask(
    spec: Mapping[str, Any],
    *,
    env: Mapping[str, str] | None = None,
    login: Login | None = None,
    sink: MemorySink | None = None,
    stop: StopSignal | None = None,
    attempt_id: str = "attempt-1",
    address: str = "127.0.0.1",
    rehearse: bool = False,
) -> Outcome:
    """The outcome of a step on one target, in run `r1`; or of its rehearsal."""
    step = SqlStep.model_validate({"kind": "sql", "name": "main", **spec})
    own = {"JOBDECK_RUN": "r1", "JOBDECK_STEP": "main", "JOBDECK_HOST": "db1"}
    given = Given(script=None, env={**(env or {}), **own})
    task = step.rehearsal(given) if rehearse else step.task(given)
    assert task is not None
    work = Work(
        attempt_id=attempt_id,
        task=task,
        timeout_s=step.timeout_s,
    )
    target = Target(host="db1", address=address, login=login or Login(user=""))
    executor = SqlExecutor(SystemClock())
    try:
        async with executor.open(target) as session:
            return await session.run(work, sink or MemorySink(), stop or StopSignal())
    finally:
        await executor.close()
