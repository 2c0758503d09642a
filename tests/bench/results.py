"""What the runtime and its storage take without any network: results a second, and recovery.

Hosts are scripted (a double, named as one): they answer at once, so all that is measured is
planning, intents, output, ends, and what a new engine does about a thousand open intents.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from core.bootstrap import open_engine
from core.config import Settings
from core.domain.documents import parse
from core.executors.protocol import Stream
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.flow.definition import RunRequest
from core.home import Home
from core.runtime.engine import Engine
from core.storage import backup, output, run_writes, runs
from core.storage.run_writes import TargetEnd
from core.storage.runs import TargetRow
from core.storage.writer import Transaction
from tests.bench import as_engine
from tests.bench.table import Row
from tests.support.waiting import eventually

_STEP = {"kind": "command", "name": "main", "command": "x"}
_AT_ONCE = 1000
_GROUP = 100
"""Targets whose ends are written together."""
_PRINTED = ((Stream.OUT, b"ok\n"),)


def rows(*, targets: int, intents: int) -> list[Row]:
    """The rows of the table."""
    wall_s, cpu_s, stored_s = _results(targets)
    return [
        Row(f"{targets:,} results into storage, a second", targets / stored_s, "", None, "10,000"),
        Row("  through the whole runtime", targets / wall_s, ""),
        Row("  its CPU each", 1000 * cpu_s / targets, "ms"),
        Row(f"recovery of {intents:,} open intents", _recovery_s(intents), "s"),
    ]


def _results(targets: int) -> tuple[float, float, float]:
    """Wall and CPU seconds of a run, and the seconds that storing its results once more takes."""

    async def measure(home: Path) -> tuple[float, float, float]:
        engine = await _open(home, ScriptedExecutor(lambda _target, _work: Behaviour(_PRINTED)))
        try:
            names = await _define(engine, targets)
            begun, cpu_s = time.perf_counter(), time.process_time()
            run_id = await _start(engine, names)
            await _end(engine, run_id)
            wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_s
            return wall_s, cpu_s, await _store(engine, run_id)
        finally:
            await engine.stop()

    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        return as_engine.run(measure(Path(name) / "j"))


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
        return as_engine.run(measure(Path(name)))


async def _store(engine: Engine, run_id: str) -> float:
    """Write the end and a piece of output of every target, in groups as a recorder does."""
    rows = await engine.store.reader.read(lambda c: runs.targets_of(c, run_id))

    def write(tx: Transaction, group: Sequence[TargetRow]) -> None:
        piece = output.Piece(stream=Stream.OUT.value, data=b"ok\n", at=tx.at)
        run_writes.finish_targets(
            tx, [TargetEnd(id=row.id, state=row.state, finished_at=tx.at) for row in group]
        )
        output.append(
            tx,
            run_id,
            [
                output.Addition(target_run_id=row.id, offset=row.size_bytes, pieces=[piece])
                for row in group
            ],
        )
        changes = [(row.ordinal, row.state.value, None, 0) for row in group]
        run_writes.journal_targets(tx, run_id, "main", 1, changes)

    begun = time.perf_counter()
    groups = (rows[at : at + _GROUP] for at in range(0, len(rows), _GROUP))
    await asyncio.gather(
        *(engine.store.writer.write(partial(write, group=group)) for group in groups)
    )
    return time.perf_counter() - begun


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
