"""What the runtime and its storage take without any network: results a second, and recovery.

Hosts are scripted (a double, named as one): they answer at once, so all that is measured is
planning, intents, output, ends, and what a new engine does about a thousand open intents.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from core.bootstrap import open_engine
from core.config import Settings
from core.domain.documents import parse
from core.executors.protocol import Stream
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.flow.definition import RunRequest
from core.home import Home
from core.runtime.engine import Engine
from core.storage import backup, runs
from tests.bench.table import Row
from tests.support.waiting import eventually

_STEP = {"kind": "command", "name": "main", "command": "x"}
_AT_ONCE = 1000
_PRINTED = ((Stream.OUT, b"ok\n"),)


def rows(*, targets: int, intents: int) -> list[Row]:
    """The rows of the table."""
    return [
        Row(f"{targets:,} target results, a second", _results_a_s(targets), "", None, "10,000"),
        Row(f"recovery of {intents:,} open intents", _recovery_s(intents), "s"),
    ]


def _results_a_s(targets: int) -> float:
    async def measure(home: Path) -> float:
        engine = await _open(home, ScriptedExecutor(lambda _target, _work: Behaviour(_PRINTED)))
        try:
            names = await _define(engine, targets)
            begun = time.perf_counter()
            await _end(engine, await _start(engine, names))
            return targets / (time.perf_counter() - begun)
        finally:
            await engine.stop()

    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        return asyncio.run(measure(Path(name) / "j"))


def _recovery_s(intents: int) -> float:
    """From the start of an engine until everything that was left open is on record."""

    async def measure(folder: Path) -> float:
        gate = asyncio.Event()
        executor = ScriptedExecutor(lambda _target, _work: Behaviour(_PRINTED, until=gate))
        engine = await _open(folder / "lost", executor)
        run_id = await _start(engine, await _define(engine, intents))
        await eventually(lambda: executor.running == intents)
        left = Home(folder / "left")
        left.create()
        await asyncio.to_thread(backup.backup, engine.store.path, left.database)
        gate.set()
        await _end(engine, run_id)
        await engine.stop()
        begun = time.perf_counter()
        again = await _open(left.root, executor)
        try:
            await _end(again, run_id)
            return time.perf_counter() - begun
        finally:
            await again.stop()

    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        return asyncio.run(measure(Path(name)))


async def _open(home: Path, executor: ScriptedExecutor) -> Engine:
    settings = Settings(max_targets=_AT_ONCE)
    engine = open_engine(Home(home), settings, executors={"ssh": executor, "local": executor})
    await engine.start()
    return engine


async def _define(engine: Engine, count: int) -> tuple[str, ...]:
    names = tuple(f"h{number:05}" for number in range(count))
    bodies = [{"kind": "host", "name": name, "spec": {"protocol": "local"}} for name in names]
    batch = [parse(body) for body in bodies]
    await engine.store.writer.write(lambda tx: engine.documents.apply(tx, batch, "bench"))
    return names


async def _start(engine: Engine, names: tuple[str, ...]) -> str:
    request = RunRequest(step=_STEP, hosts=names, concurrency=_AT_ONCE)
    return (await engine.runs.start(request, "bench", None)).id


async def _end(engine: Engine, run_id: str) -> None:
    while driver := engine.runs.live.get(run_id):
        await driver.finished.wait()
        await asyncio.sleep(0)
    row = await engine.store.reader.read(lambda c: runs.get(c, run_id))
    if set(row.counts) != {"success"}:
        raise RuntimeError(f"the run ended with {row.counts}")
