"""A run whose n-th write fails, for every n: it waits, goes on, and does nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.bootstrap import open_engine
from core.domain.documents import parse
from core.domain.run import RunState
from core.errors import StorageFault
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.flow.definition import RunRequest
from core.home import Home
from core.runtime import recording
from core.runtime.engine import Engine
from core.storage import runs
from core.storage.runs import RunRow

DOCUMENTS: list[dict[str, Any]] = [
    {"kind": "host", "name": "h1", "spec": {"protocol": "local"}},
    {"kind": "host", "name": "h2", "spec": {"protocol": "local"}},
    {
        "kind": "job",
        "name": "long",
        "spec": {
            "targets": "all",
            "steps": [
                {"kind": "command", "name": "first", "command": "x"},
                {"kind": "command", "name": "second", "command": "x", "retry": {"times": 1}},
                {"kind": "local", "name": "third", "command": "x"},
            ],
        },
    },
]
WORKS = 6
"""Two hosts in two steps, one of them twice, and one local step."""


def script(target: Target, work: Work | None) -> Behaviour:
    """Everybody prints a name; one host needs a second attempt of the second step."""
    place = [work.env[f"JOBDECK_{word}"] for word in ("HOST", "STEP", "ATTEMPT")] if work else []
    printed = ((Stream.OUT, f"{target.host}\n".encode()),)
    return Behaviour(output=printed, exit_code=int(place == ["h2", "second", "1"]))


class FailingOnce:
    """A writer's `write` of which one call finds the disk full."""

    def __init__(self, write: Callable[..., Any], failing: int) -> None:
        self._write = write
        self._failing = failing
        self.calls = 0

    async def __call__(self, write: Any) -> Any:
        self.calls += 1
        if self.calls == self._failing:
            raise StorageFault("the disk is full: no room")
        return await self._write(write)


@asynccontextmanager
async def engine(home: Path, executor: ScriptedExecutor) -> AsyncIterator[Engine]:
    opened = open_engine(Home(home), executors={"ssh": executor, "local": executor})
    await opened.start()
    try:
        batch = [parse(body) for body in DOCUMENTS]
        await opened.store.writer.write(lambda tx: opened.documents.apply(tx, batch, "ada"))
        yield opened
    finally:
        await opened.stop()


async def ended(opened: Engine, run_id: str) -> RunRow:
    async with asyncio.timeout(20):
        while driver := opened.runs.live.get(run_id):
            await driver.finished.wait()
            await asyncio.sleep(0)
    return await opened.store.reader.read(lambda c: runs.get(c, run_id))


@pytest.mark.expect_logs("storage.refused")
async def test_whichever_write_fails_the_run_goes_on_and_nothing_is_done_twice(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_RETRY_DELAY_S", 0.001)
    failing, was_reached = 0, True
    while was_reached:
        failing += 1
        executor = ScriptedExecutor(script)
        async with engine(home / str(failing), executor) as opened:
            row = await opened.runs.start(RunRequest(job="long"), "ada", None)
            write = FailingOnce(opened.store.writer.write, failing)
            monkeypatch.setattr(opened.store.writer, "write", write)
            row = await ended(opened, row.id)
        assert row.state is RunState.SUCCEEDED, (failing, row)
        assert sorted(executor.started.values()) == [1] * WORKS, failing
        was_reached = write.calls >= failing
    assert failing > 2 * WORKS
