"""Schedules by the thousand: a start among them, all of them due at once, lateness, memory.

Decisions (each slot's verdict, on disk) are apart from starts (a run for each). Hosts are scripted
(a double, named as one). The yardstick of decisions is a bare heap of as many moments.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import tempfile
import time
import tracemalloc
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from core.bootstrap import open_engine
from core.clock import Clock, ManualClock, SystemClock
from core.config import Settings
from core.domain.documents import parse
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.home import Home
from core.runtime.engine import Engine
from core.storage import fires
from tests.bench import as_engine
from tests.bench.measure import percentile
from tests.bench.table import Row

_SAVED_TOGETHER = 500
_RATE = 100
"""Fires a second."""
_STARTS = 1000
"""Runs that are started, to see how many a second can be."""
_BASE: list[dict[str, Any]] = [
    {"kind": "host", "name": "h", "spec": {"protocol": "local"}},
    {
        "kind": "job",
        "name": "j",
        "spec": {"steps": [{"kind": "command", "name": "s", "command": "x"}], "targets": "h"},
    },
]


class _NoStarts:
    """Leaves what is due as it was decided."""

    async def start_due(self) -> None:
        pass


def rows(*, schedules: int, seconds: int) -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        first_s, again_s, idle_bytes = as_engine.run(_idle(Path(name) / "idle", schedules))
        decided_s = as_engine.run(_all_at_once(Path(name) / "due", schedules))[0]
        started = as_engine.run(_all_at_once(Path(name) / "starts", min(schedules, _STARTS)))[1]
        decided_late_s = as_engine.run(_lateness(Path(name) / "decided", seconds, starts=False))
        started_late_s = as_engine.run(_lateness(Path(name) / "started", seconds, starts=True))
    return [
        Row(f"first look ever at {schedules:,} schedules", first_s, "s"),
        Row("  at the next start of an engine", again_s, "s", None, "0.5 s"),
        Row("  memory of each while it is idle", idle_bytes / 1024, "KiB", None, "2 KiB"),
        Row("  all due in one second: decided in", decided_s, "s", _heap_s(schedules), "1 s"),
        Row(f"  runs of {min(schedules, _STARTS):,} of them, started a second", started, ""),
        Row(f"lateness of a decision at {_RATE} a second, p99", _ms(decided_late_s, 99), "ms"),
        Row("  of a start, median", _ms(started_late_s, 50), "ms"),
        Row("  of a start, p99", _ms(started_late_s, 99), "ms", None, "100 ms"),
    ]


async def _idle(home: Path, count: int) -> tuple[float, float, float]:
    """Seconds of the first look ever, of the first after a start, and bytes a schedule."""
    clock = ManualClock(datetime.fromisoformat("2026-05-01T12:00:30+00:00"))
    engine = await _open(home, clock)
    triggers = [f"{n % 60} {n // 60 % 24} {1 + n // 1440} * *" for n in range(count)]
    await _save(engine, [_schedule(n, {"cron": each}) for n, each in enumerate(triggers)])
    first_s = await _timed_tick(engine)
    await engine.stop()
    engine = await _open(home, clock)
    again_s = await _timed_tick(engine)
    await engine.stop()
    engine = await _open(home, clock)
    gc.collect()
    tracemalloc.start()
    await engine.schedules.tick()
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    await engine.stop()
    return first_s, again_s, held / count


async def _all_at_once(home: Path, count: int) -> tuple[float, float]:
    """Seconds until every slot has its verdict, and starts a second after that, where few are."""
    clock = ManualClock(datetime.fromisoformat("2026-05-01T12:00:30+00:00"))
    engine = await _open(home, clock)
    await _save(engine, [_schedule(n, {"cron": "0 13 * * *"}) for n in range(count)])
    await engine.schedules.tick()
    clock.advance(timedelta(hours=1))
    begun = time.perf_counter()
    while await engine.schedules._looks.settle():
        pass
    decided_s = time.perf_counter() - begun
    begun = time.perf_counter()
    if count <= _STARTS:
        await engine.schedules.tick()
    started_s = time.perf_counter() - begun
    await engine.stop()
    return decided_s, count / started_s


async def _lateness(home: Path, seconds: int, *, starts: bool) -> list[float]:
    """How much later than its slot each was decided; with `starts`, its run was created."""
    engine = await _open(home, SystemClock(), periodic=True)
    if not starts:
        engine.schedules._starts = _NoStarts()  # type: ignore[assignment]
    epoch = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    triggers = [
        {"every_s": 1, "epoch": (epoch + timedelta(seconds=n / _RATE)).isoformat()}
        for n in range(_RATE)
    ]
    bodies = [
        _schedule(n, each, overlap="parallel", overlap_max=100) for n, each in enumerate(triggers)
    ]
    await _save(engine, bodies)
    engine._periodic.call(engine.schedules.tick)  # not awaited: it may have starts to do for ever
    begun = time.time()
    await asyncio.sleep(seconds)
    found = await engine.store.reader.read(
        lambda c: [
            fire for n in range(_RATE) for fire in fires.fires(c, _name(n), before=None, limit=1000)
        ]
    )
    await engine.stop()
    settled = [fire for fire in found if fire.run_id is not None or not starts]
    return [_moment(each.at) - _moment(each.slot) for each in settled if _moment(each.slot) > begun]


def _ms(seconds: list[float], percent: int) -> float:
    return percentile(seconds, percent) * 1000


def _heap_s(count: int) -> float:
    heap = [(float(number), str(number)) for number in range(count)]
    begun = time.perf_counter()
    while heap:
        heapq.heappop(heap)
    return time.perf_counter() - begun


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _name(number: int) -> str:
    return f"s{number:05}"


def _schedule(number: int, trigger: dict[str, Any], **more: Any) -> dict[str, Any]:
    spec = {"job": "j", "trigger": trigger, **more}
    return {"kind": "schedule", "name": _name(number), "spec": spec}


async def _timed_tick(engine: Engine) -> float:
    begun = time.perf_counter()
    await engine.schedules.tick()
    return time.perf_counter() - begun


async def _open(home: Path, clock: Clock, *, periodic: bool = False) -> Engine:
    executor = ScriptedExecutor(lambda _target, _work: Behaviour())
    executors = {"ssh": executor, "local": executor}
    engine = open_engine(
        Home(home), Settings(), clock=clock, executors=executors, periodic=periodic
    )
    await engine.start()
    return engine


async def _save(engine: Engine, bodies: list[dict[str, Any]]) -> None:
    for at in range(0, len(bodies), _SAVED_TOGETHER):
        batch = [parse(body) for body in (*_BASE, *bodies[at : at + _SAVED_TOGETHER])]
        await engine.store.writer.write(
            lambda tx, batch=batch: engine.documents.apply(tx, batch, "bench")  # type: ignore[misc]
        )
