"""Steady work for minutes or hours: does anything grow that should not?

Runs with output on several hosts, one after the other without a pause, while somebody lists,
reads and searches. Every two seconds the engine is weighed. Growth is the median of the last
third against the median of the first, after a beginning in which caches fill.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.bench.measure import percentile
from tests.crash.engines import Line
from tests.crash.verdict import judge
from tests.crash.work import AskedRun
from tests.crash.world import World, world

T = TypeVar("T")

_LOOK_S = 2.0
_CALL_S = 0.05
_LIVE_RUNS = 4
"""Runs under way at the same time."""
_WARM_UP = 0.2
"""Part of the time after which growth counts."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The engine at one moment."""

    memory_mib: float
    descriptors: int
    threads: int
    wal_mib: float
    claims: int
    """Folders of claims on all hosts, of work that goes on."""


MAY_GROW: Mapping[str, float] = {
    "memory_mib": 96,  # SQLite's page caches, 16 MB a connection, fill in the first minutes
    "descriptors": 12,
    "threads": 4,
    "wal_mib": 8,
    "claims": 3 * _LIVE_RUNS,
}
"""By how much the last third may lie above the first, however long it takes."""


@dataclass
class Report:
    """What a soak has seen."""

    runs: int = 0
    samples: list[Sample] = field(default_factory=list)
    calls_ms: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def thirds(self, name: str) -> tuple[float, float]:
        """Medians of the first and of the last third, after the warm-up."""
        values = [float(getattr(sample, name)) for sample in _after_warm_up(self.samples)]
        third = max(1, len(values) // 3)
        return statistics.median(values[:third]), statistics.median(values[-third:])

    def p99_ms(self) -> tuple[float, float]:
        """Of API calls in the first and in the last third."""
        calls = _after_warm_up(self.calls_ms)
        third = max(1, len(calls) // 3)
        return percentile(calls[:third], 99), percentile(calls[-third:], 99)

    def grown(self) -> list[str]:
        """What grew by more than it may."""
        found = []
        for name, most in MAY_GROW.items():
            first, last = self.thirds(name)
            if last - first > most:
                found.append(f"{name} grew from {first:.1f} to {last:.1f}")
        return found

    def lines(self) -> list[str]:
        """For people."""
        shown = [f"{self.runs} runs, {len(self.calls_ms)} calls"]
        for name in MAY_GROW:
            first, last = self.thirds(name)
            most = max(float(getattr(sample, name)) for sample in self.samples)
            shown.append(f"{name}: {first:.1f} -> {last:.1f} (at most {most:.1f})")
        first, last = self.p99_ms()
        shown.append(f"p99 of calls: {first:.0f} -> {last:.0f} ms")
        return shown


def soak(minutes: float, seed: int, say: Callable[[str], None]) -> Report:
    """Work for so long; `say` hears how it goes about once a minute."""
    report = Report()
    with world(seed) as made:
        over = threading.Event()
        looker = threading.Thread(target=_look_around, args=(made, report, over))
        looker.start()
        try:
            _work(made, report, time.monotonic() + minutes * 60, say)
        finally:
            over.set()
            looker.join()
        made.settle()
        report.runs = len(made.runs)
        say("\n".join(report.lines()))
        say(f"looking at {report.runs} runs ...")
        report.wrong += _disagreements(made)
    return report


def _work(made: World, report: Report, end: float, say: Callable[[str], None]) -> None:
    next_look = next_word = time.monotonic()
    while (now := time.monotonic()) < end:
        while len(made.live()) < _LIVE_RUNS:
            made.ask(_next_run(made))
        if now >= next_look:
            report.samples.append(_weigh(made))
            next_look = now + _LOOK_S
        if now >= next_word:
            say(f"{len(made.runs)} runs, {report.samples[-1]}")
            next_word = now + 60
        time.sleep(0.05)


def _next_run(made: World) -> AskedRun:
    lines = made.asking.chance.choice((5, 2000, 20_000))
    return made.asking.run(nap_s=made.asking.chance.uniform(0, 0.5), lines=lines)


def _look_around(made: World, report: Report, over: threading.Event) -> None:
    """What a person at a screen asks for, and how long the answers take."""
    line = Line(made.home)
    number = 0
    while not over.wait(_CALL_S):
        recent = [run for run in made.runs[-20:] if run.run_id]
        paths = ["/runs?limit=50", "/engine"]
        if recent:
            run = recent[number % len(recent)]
            paths += [
                f"/runs/{run.run_id}",
                f"/runs/{run.run_id}/search?q={run.first}",
                f"/runs/{run.run_id}/targets",
            ]
        begun = time.perf_counter()
        line.call("GET", paths[number % len(paths)])
        report.calls_ms.append((time.perf_counter() - begun) * 1000)
        number += 1


def _weigh(made: World) -> Sample:
    assert made.engine is not None
    process = Path(f"/proc/{made.engine.pid}")
    fields = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    log = made.home.database.with_name(f"{made.home.database.name}-wal")
    claims = [claim for home in made.homes.values() for claim in home.glob(".jobdeck/*")]
    return Sample(
        memory_mib=int(fields["VmRSS"].split()[0]) / 1024,
        descriptors=len(list((process / "fd").iterdir())),
        threads=int(fields["Threads"]),
        wal_mib=log.stat().st_size / 2**20 if log.exists() else 0.0,
        claims=len(claims),
    )


def _disagreements(made: World) -> list[str]:
    """Everything ran once and is recorded as it was."""
    return judge(made).wrong


def _after_warm_up(values: Sequence[T]) -> Sequence[T]:
    return values[int(len(values) * _WARM_UP) :]
