"""How long people wait for the first answer: the command line alone, and with its engine."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from core.home import Home
from tests.bench import engine, measure
from tests.bench.table import Row

_HOST = {"kind": "host", "name": "here", "spec": {"protocol": "local"}}


def rows(*, rounds: int) -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        return [
            *_help(Path(name), rounds),
            *_warm_run(Path(name), rounds),
            *_start(Path(name), min(rounds, 5)),
            *_start_cpu(Path(name), min(rounds, 5)),
        ]


def _help(folder: Path, rounds: int) -> list[Row]:
    environment = engine.environment(Home(folder / "unused"))
    nothing = _median_ms(
        rounds, lambda: measure.run([sys.executable, "-c", "pass"], environment).wall_s
    )
    command = [*engine.CLI, "--help"]
    help_page = _median_ms(rounds, lambda: measure.run(command, environment).wall_s)
    return [Row("jobdeck --help, against python -c pass", help_page, "ms", nothing, "150 ms")]


def _warm_run(folder: Path, rounds: int) -> list[Row]:
    with engine.running(folder / "warm") as under_test:
        under_test.call("POST", "/apply", {"documents": [_HOST]})
        command = ("run", "--hosts", "here", "--", "true")
        under_test.jobdeck(*command)
        run = _median_ms(rounds, lambda: under_test.jobdeck(*command).wall_s)
    return [Row("one-host run with a warm engine, by the command line", run, "ms")]


def _start(folder: Path, rounds: int) -> list[Row]:
    """From nothing to an engine that has answered, as `jobdeck engine start` waits for it."""
    homes = iter(range(rounds))

    def once() -> float:
        environment = engine.environment(Home(folder / f"start{next(homes)}"))
        started = measure.run([*engine.CLI, "engine", "start"], environment)
        subprocess.run(
            [*engine.CLI, "engine", "stop"], env=environment, capture_output=True, check=True
        )
        return started.wall_s

    return [Row("engine start on a new home until it answers", _median_ms(rounds, once), "ms")]


def _start_cpu(folder: Path, rounds: int) -> list[Row]:
    """The same in CPU time, which other work of the machine changes little."""

    def once(number: int) -> float:
        with engine.running(folder / f"cpu{number}") as under_test:
            return measure.cpu_s(under_test.pid) * 1000

    used = statistics.median(once(number) for number in range(rounds))
    return [Row("CPU of an engine's start until it answers", used, "ms", goal="700 ms")]


def _median_ms(rounds: int, measured: Callable[[], float]) -> float:
    return statistics.median(measured() for _ in range(rounds)) * 1000
