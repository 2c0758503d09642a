"""What a node of a flow costs that only sets a value: its start and its end are on disk, synchronous=FULL.

The engine is in this process, on a home of its own. The yardstick is SQLite alone: a commit for
every row of a chain, one for all rows of a fan-out.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from core.bootstrap import open_engine
from core.config import Settings
from core.domain.documents import parse
from core.domain.run import RunState
from core.executors.scripted import ScriptedExecutor
from core.flow.definition import RunRequest
from core.home import Home
from core.runtime.engine import Engine, StopMode
from tests.bench import as_engine
from tests.bench.table import Row
from tests.support.runtime import executors_with, row_of, well


def rows(*, nodes: int, rounds: int) -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory() as folder:
        chains, fans = as_engine.run(_runs(Path(folder), nodes, rounds))
        one = [_commits(Path(folder), nodes, together=False) for _ in range(rounds)]
        many = [_commits(Path(folder), nodes, together=True) for _ in range(rounds)]
    return [
        Row(
            f"a node in a chain of {nodes:,}",
            statistics.median(chains),
            "ms",
            statistics.median(one),
            "1 ms",
        ),
        Row(
            f"a node in a fan-out of {nodes:,}",
            statistics.median(fans),
            "ms",
            statistics.median(many),
            "0.2 ms",
        ),
    ]


async def _runs(folder: Path, nodes: int, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds a node, of every round: chains and fan-outs."""
    home = folder / "home"
    executors = executors_with(home, ScriptedExecutor(well))
    engine = open_engine(Home(home), Settings(), executors=executors, periodic=False)
    await engine.start()
    try:
        names = [f"n{number}" for number in range(nodes)]
        middle = [{"kind": "set", "name": name, "variables": {"N": "1"}} for name in names]
        ends = [{"kind": "parallel", "name": "split"}, {"kind": "converge", "name": "join"}]
        fan = [f"split -> {', '.join(names[at : at + 200])} -> join" for at in range(0, nodes, 200)]
        await _save(engine, "chain", {"nodes": middle})
        await _save(engine, "fan", {"nodes": [ends[0], *middle, ends[1]], "edges": fan})
        found: dict[str, list[float]] = {"chain": [], "fan": []}
        for _ in range(rounds):
            for flow, taken in found.items():
                taken.append(1000 * await _run(engine, flow) / nodes)
    finally:
        engine.request_stop(StopMode.DETACH)
        await engine.stop()
    return found["chain"], found["fan"]


async def _save(engine: Engine, name: str, spec: dict[str, Any]) -> None:
    document = parse({"kind": "flow", "name": name, "spec": spec})
    await engine.store.writer.write(lambda tx: engine.documents.apply(tx, [document], "bench"))


async def _run(engine: Engine, flow: str) -> float:
    """Seconds from the first node to the end of the run."""
    request = RunRequest(flow=flow)
    run = await engine.runs.start(request, "bench", None)
    began_s = time.perf_counter()
    driver = engine.runs.live.get(run.id)
    if driver is not None:
        await driver.finished.wait()
    taken_s = time.perf_counter() - began_s
    assert (await row_of(engine, run.id)).state is RunState.SUCCEEDED
    return taken_s


def _commits(folder: Path, number: int, *, together: bool) -> float:
    """Milliseconds a row of SQLite alone, with the settings that the engine has."""
    file = folder / "bare.db"
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, text TEXT)")
    began_s = time.perf_counter()
    if together:
        database.execute("BEGIN")
    for each in range(number):
        database.execute("INSERT INTO row (text) VALUES (?)", (f"node n{each} succeeded",))
    if together:
        database.execute("COMMIT")
    taken_s = time.perf_counter() - began_s
    database.close()
    file.unlink()
    return 1000 * taken_s / number
