"""A real engine with hosts that do what a script says, in the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.bootstrap import open_engine
from core.clock import Clock, SystemClock
from core.config import Settings
from core.domain.documents import parse
from core.executors.files import RelayExecutor
from core.executors.http import HttpExecutor
from core.executors.protocol import Executor, Stream, Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.executors.sql import SqlExecutor
from core.flow.definition import RunRequest
from core.home import Home
from core.runtime.engine import Engine, StopMode
from core.storage import output, runs
from core.storage.runs import RunRow, StepRow, TargetRow

Script = Callable[[Target, Work | None], Behaviour]

INVENTORY: list[dict[str, Any]] = [
    {"kind": "account", "name": "deploy", "spec": {"user": "deploy"}},
    *(
        {"kind": "host", "name": f"h{number}", "spec": {"account": "deploy"}}
        for number in range(1, 9)
    ),
]


def well(target: Target, work: Work | None) -> Behaviour:
    """Every host answers with its name."""
    return Behaviour(output=((Stream.OUT, f"{target.host}\n".encode()),))


@asynccontextmanager
async def engine(
    home: Path,
    script: Script = well,
    *,
    hosts: ScriptedExecutor | None = None,
    local: Executor | None = None,
    clock: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[Engine, ScriptedExecutor]]:
    """An engine on `home`; `hosts` are those of an engine before it, with what they hold.

    `local`: reaches its own machine, instead of a scripted host.
    """
    executor = hosts or ScriptedExecutor(script)
    opened = open_engine(
        Home(home),
        Settings(**settings),
        clock=clock,
        executors=executors_with(home, executor, local),
        periodic=False,
    )
    await opened.start()
    try:
        yield opened, executor
    finally:
        opened.request_stop(StopMode.DETACH)
        await opened.stop()


def executors_with(
    home: Path, hosts: ScriptedExecutor, local: Executor | None = None
) -> dict[str, Executor]:
    """Scripted hosts, and real requests and databases."""
    clock = SystemClock()
    made: dict[str, Executor] = {
        "ssh": hosts,
        "local": local or hosts,
        "http": HttpExecutor(clock),
        "sql": SqlExecutor(clock),
    }
    return {**made, "relay": RelayExecutor(made, home / "staging")}


async def save(opened: Engine, *bodies: dict[str, Any]) -> None:
    batch = [parse(body) for body in bodies]
    await opened.store.writer.write(lambda tx: opened.documents.apply(tx, batch, "test"))


async def start(opened: Engine, **request: Any) -> RunRow:
    if not {"job", "flow"} & request.keys():
        request.setdefault("step", {"kind": "command", "name": "command", "command": "x"})
    request.setdefault("targets", "all")
    return await opened.runs.start(RunRequest.model_validate(request), "test", None)


async def ended(opened: Engine, run_id: str) -> RunRow:
    driver = opened.runs.live.get(run_id)
    if driver is not None:
        async with asyncio.timeout(20):
            await driver.finished.wait()
    return await row_of(opened, run_id)


async def row_of(opened: Engine, run_id: str) -> RunRow:
    return await opened.store.reader.read(lambda c: runs.get(c, run_id))


async def steps_of(opened: Engine, run_id: str) -> list[StepRow]:
    return await opened.store.reader.read(lambda c: runs.steps_of(c, run_id))


async def targets_of(opened: Engine, run_id: str, **where: Any) -> list[TargetRow]:
    chosen = runs.TargetFilter(**where)
    return await opened.store.reader.read(lambda c: runs.targets_of(c, run_id, chosen))


async def running(executor: ScriptedExecutor, number: int) -> None:
    """Until that many hosts are in the middle of their work."""
    async with asyncio.timeout(20):
        while executor.running < number:  # noqa: ASYNC110 - the double has no event for it
            await asyncio.sleep(0.01)


async def stored_output(opened: Engine, run_id: str) -> None:
    """Until output of two targets is on disk."""
    async with asyncio.timeout(20):
        with opened.outputs.follow(run_id) as news:
            while len(await arrived(opened, run_id)) < 2:
                await news.wait(1)


async def arrived(opened: Engine, run_id: str) -> list[output.Arrival]:
    return await opened.store.reader.read(lambda c: output.arrivals(c, run_id, 0, 100))


def assert_nowhere(folder: Path, secret: bytes) -> None:
    for file in folder.iterdir():
        assert secret not in file.read_bytes(), file


def job(name: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "job", "name": name, "spec": {"steps": list(steps), "targets": "all", **more}}


def step(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "command", "name": name, "command": "x", **more}


async def crashing(
    home: Path, executor: ScriptedExecutor, local: Executor | None = None, **settings: Any
) -> Engine:
    """An engine that is to be abandoned."""
    executors = executors_with(home, executor, local)
    lost = open_engine(Home(home), Settings(**settings), executors=executors)
    await lost.start()
    return lost


async def abandon(lost: Engine) -> None:
    """End an engine as a crash does: its tasks stop where they are, nothing more is written."""
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(0)
    await asyncio.to_thread(lost.store.close)
    lost._lock.release()
