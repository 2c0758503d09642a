"""The terminal UI at a real pseudo-terminal: how soon it paints, and what a key costs on the line.

What is timed ends when the picture has arrived at the near end of the line, as a terminal in memory
shows it. The yardstick of a start is an application of Textual's that shows one word.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.home import Home
from tests.bench import engine, measure, run_list
from tests.bench.table import Row
from tests.support.wire import Wire

_ROOT = Path(__file__).parents[2]
_COLUMNS, _ROWS = 80, 24
_ROUND_TRIP_S, _BITS_S = 0.3, 32_000
"""The slow line: a mobile network at its edge."""
_IDLE_S = 10.0
_LOADED = "{count}/{count}"
_YARDSTICK = """
from textual.app import App
from textual.widgets import Static

class One(App):
    def compose(self):
        yield Static("Jobdeck")

One().run()
"""


def rows(*, runs: int, starts: int, keys: int) -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        home = Path(name) / "home"
        run_list.seed(home, runs)
        with engine.running(home) as under_test:
            env = _environment(under_test.home)
            found = [*_starts(env, starts), *_keys(env, runs, keys), *_slow(env, keys)]
        return [*found, *_cold(Path(name), min(starts, 5))]


def _environment(home: Home, **more: str) -> dict[str, str]:
    env = {**engine.environment(home), "TERM": "xterm-256color", "COLORTERM": "truecolor", **more}
    env.pop("COLUMNS", None)
    env.pop("LINES", None)
    return env


def _open(env: Mapping[str, str], *, slow: bool = False) -> Wire:
    command = [*engine.CLI, "tui", "runs"]
    if not slow:
        return Wire(command, env, columns=_COLUMNS, rows=_ROWS)
    return Wire(
        command,
        {**env, "SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"},
        columns=_COLUMNS,
        rows=_ROWS,
        round_trip_s=_ROUND_TRIP_S,
        bits_s=_BITS_S,
    )


# ---------------------------------------------------------------------- starts


def _starts(env: Mapping[str, str], rounds: int) -> list[Row]:
    frame, rows_seen, yardstick, cpu, its_cpu = [], [], [], [], []
    for _ in range(rounds):
        with _open(env) as wire:
            frame.append(wire.until("Jobdeck") * 1000)
            cpu.append(measure.cpu_s(wire.pid) * 1000)
            rows_seen.append(frame[-1] + wire.until("succeeded") * 1000)
        with Wire([sys.executable, "-c", _YARDSTICK], env, columns=_COLUMNS, rows=_ROWS) as wire:
            yardstick.append(wire.until("Jobdeck") * 1000)
            its_cpu.append(measure.cpu_s(wire.pid) * 1000)
    beside = statistics.median(yardstick)
    return [
        Row("first paint, warm engine", statistics.median(frame), "ms", beside, "400 ms"),
        Row("  in CPU time", statistics.median(cpu), "ms", statistics.median(its_cpu)),
        Row("  and the first rows", statistics.median(rows_seen), "ms"),
    ]


def _cold(folder: Path, rounds: int) -> list[Row]:
    """A new home: the engine is started by the console."""
    frame, live = [], []
    for number in range(rounds):
        home = Home(folder / f"cold{number}")
        with _open(_environment(home)) as wire:
            frame.append(wire.until("Jobdeck") * 1000)
            live.append(frame[-1] + wire.until(" live") * 1000)
        measure.run([*engine.CLI, "engine", "stop"], engine.environment(home))
    return [
        Row("first paint, no engine yet", statistics.median(frame), "ms", None, "900 ms"),
        Row("  and the engine has answered", statistics.median(live), "ms"),
    ]


# ---------------------------------------------------------------------- keys


def _keys(env: Mapping[str, str], runs: int, count: int) -> list[Row]:
    with _open(env) as wire:
        _load_all(wire, runs)
        found = []
        for title, keys in _TRIED.items():
            used = measure.cpu_s(wire.pid)
            times_ms, sizes = _press(wire, keys, count)
            used = (measure.cpu_s(wire.pid) - used) * 1000 / count
            found += [
                Row(f"{title}, {runs:,} rows, key to paint p95", times_ms, "ms", None, "50 ms"),
                Row("  CPU of a key, mean", used, "ms"),
                Row("  bytes of a key p95", sizes, "B", None, "2,048 B"),
            ]
        before = wire.quiet()
        wire.idle(_IDLE_S)
        found.append(Row("at rest", (wire.count - before) / _IDLE_S, "B/s", None, "500 B/s"))
        return found


_TRIED: Mapping[str, Sequence[bytes]] = {
    "one row down and up": (b"j", b"j", b"k"),
    "one row, scrolling": (b"G", *[b"k"] * 40),
    "a page": (b"\x04", b"\x04", b"\x15"),
    "the palette": (b"\x10", b"s", b"t", b"\x1b"),
}
"""What is done -> keys, repeated; each is waited for."""


def _slow(env: Mapping[str, str], count: int) -> list[Row]:
    with _open(env, slow=True) as wire:
        wire.until("succeeded")
        wire.quiet(1.0)
        found = []
        for title in ("one row down and up", "a page"):
            times_ms, sizes = _press(wire, _TRIED[title], max(count // 4, 6), 2 * _ROUND_TRIP_S)
            goal = f"{_ROUND_TRIP_S * 1000 + 100:.0f} ms"
            found += [
                Row(f"{title} over 300 ms and 32 kbit/s, p95", times_ms, "ms", None, goal),
                Row("  bytes of a key p95", sizes, "B", None, "2,048 B"),
            ]
        before = wire.quiet(1.0)
        wire.idle(_IDLE_S)
        found.append(Row("  at rest", (wire.count - before) / _IDLE_S, "B/s", None, "500 B/s"))
        return found


def _load_all(wire: Wire, runs: int) -> None:
    """Scroll to the end until every run is in the list."""
    whole = _LOADED.format(count=f"{runs:,}")
    wire.until("succeeded")
    while whole not in wire.text:
        wire.press(b"G")
        wire.quiet(0.15)


def _press(
    wire: Wire, keys: Sequence[bytes], count: int, rest_s: float = 0.15
) -> tuple[float, float]:
    """p95 of the time until the last byte of the answer is there (ms), and of its bytes."""
    times_ms, sizes = [], []
    for number in range(count):
        before = wire.quiet(rest_s)
        pressed = wire.press(keys[number % len(keys)])
        wire.until(lambda _text, before=before: wire.count > before)
        sizes.append(wire.quiet(rest_s) - before)
        times_ms.append((wire.arrived_at - pressed) * 1000)
    return measure.percentile(times_ms, 95), measure.percentile(sizes, 95)
