"""A million lines of output from one host: into storage, indexed, read from the middle, searched.

The yardstick of the wire is a bare loop from asyncssh to zstd on the same sshd; of a search it is
`grep -F` on the same text as a plain file.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from core.clock import SystemClock
from core.domain.run import TargetState
from core.ids import SequentialIds
from core.runtime.recording import Place, StepRecorder
from core.storage import runs
from core.storage.run_writes import TargetEnd
from core.storage.store import Store
from core.storage.writer import timestamp
from tests.bench import engine, measure
from tests.bench.connections import define_hosts
from tests.bench.table import Row
from tests.support.outputs import add_run
from tests.support.sshd import Sshd, loopback

RARE = "zebrafish"
_WORDS = [
    "nginx",
    "postgres",
    "kernel",
    "audit",
    "session",
    "opened",
    "closed",
    "connection",
    "accepted",
    "publickey",
    "failed",
    "password",
    "systemd",
    "started",
    "stopped",
    "service",
    "unit",
    "memory",
    "disk",
    "timeout",
    "retry",
]
_SIDE_BY_SIDE = 500
_LOOKS = 30
_LOOK_S = 0.1
"""Between two looks at a run; looking costs the engine too."""
_PATIENCE_S = 120.0


def rows(*, rounds: int, lines: int, results: int) -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        folder = Path(name)
        log = folder / "big.log"
        log.write_bytes(text_of(lines))
        raw, ours = list[Mapping[str, float]](), list[Mapping[str, float]]()
        (address,) = loopback(1, network=72)
        with Sshd(folder / "sshd", [address], config="LogLevel ERROR") as sshd:
            for number in range(rounds):
                raw.append(_raw(folder, sshd, address, log))
                ours.append(_jobdeck(folder / f"home{number}", sshd, address, log))
        recorded = statistics.median(
            _results_per_s(folder / f"results{number}", results) for number in range(rounds)
        )
    return _table(raw, ours, recorded, lines, log_bytes=len(text_of(lines)))


def text_of(lines: int) -> bytes:
    """A log; one line in its middle has a word that no other has."""
    found = [
        f"Nov 23 07:{n // 60 % 60:02}:{n % 60:02} web{n % 97:02} {_WORDS[n % 21]}[{n * 7919 % 32768}]:"
        f" {_WORDS[n * 7 % 21]} {_WORDS[n * 13 % 21]} {n * 2654435761 % 2**40:010x} {n}"
        for n in range(lines)
    ]
    found[lines // 2] += f" {RARE}"
    return "\n".join(found).encode() + b"\n"


def _raw(folder: Path, sshd: Sshd, address: str, log: Path) -> Mapping[str, float]:
    key, host_key = folder / "key", folder / "host_key.pub"
    key.write_bytes(sshd.client_key.export_private_key("openssh"))
    host_key.write_text(sshd.public_host_key() + "\n", encoding="utf-8")
    module = [sys.executable, "-m", "tests.bench.raw_output"]
    place = [str(sshd.port), getpass.getuser(), str(key), str(host_key), address]
    figures: dict[str, float] = json.loads(measure.run([*module, *place, f"cat {log}"]).output)
    grep = measure.run(["grep", "-F", "-i", "-c", RARE, str(log)])
    return {**figures, "grep_s": grep.wall_s}


def _jobdeck(home: Path, sshd: Sshd, address: str, log: Path) -> Mapping[str, float]:
    with engine.running(home) as under_test:
        (host,) = define_hosts(under_test, sshd, [address])
        _run(under_test, host, "true")  # the connection and the imports are no cost of a line
        began_bytes = measure.peak_memory_bytes(under_test.pid)
        before_s = measure.cpu_s(under_test.pid)
        run_id, wall_s = _run(under_test, host, f"cat {log}")
        cpu_s, ended_s = measure.cpu_s(under_test.pid) - before_s, time.perf_counter()
        while under_test.call("GET", "/engine")["unindexed_chunks"]:
            time.sleep(_LOOK_S)
        behind_s = time.perf_counter() - ended_s
        output = f"/runs/{run_id}/output?host={host}&offset={log.stat().st_size // 2}&limit=65536"
        return {
            "wall_s": wall_s,
            "cpu_s": cpu_s,
            "behind_s": behind_s,
            "grown_bytes": measure.peak_memory_bytes(under_test.pid) - began_bytes,
            "database_bytes": (home / "jobdeck.db").stat().st_size,
            "index_bytes": (home / "search.db").stat().st_size,
            "page_s": _asked_s(under_test, output, "pieces"),
            "search_s": _asked_s(under_test, f"/search?q={quote(RARE)}", "items"),
            "search_run_s": _asked_s(under_test, f"/runs/{run_id}/search?q={RARE}", "items"),
        }


def _run(under_test: engine.RunningEngine, host: str, command: str) -> tuple[str, float]:
    """Runs a command on a host to its end; the run's id, and how many seconds it took."""
    step = {"kind": "command", "name": "main", "command": command}
    with engine.connection(under_test.home) as line:
        body = {"step": step, "targets": host}
        run_id: str = engine.request(line, "POST", "/runs", body)["id"]
        deadline = time.monotonic() + _PATIENCE_S
        while (run := engine.request(line, "GET", f"/runs/{run_id}"))["finished_at"] is None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the run does not end: {run}")
            time.sleep(_LOOK_S)
    if run["counts"] != {"success": 1}:
        raise RuntimeError(f"the run ended with {run['counts']}")
    began, ended = (datetime.fromisoformat(run[name]) for name in ("created_at", "finished_at"))
    return run_id, (ended - began).total_seconds()


def _asked_s(under_test: engine.RunningEngine, path: str, filled: str) -> float:
    """The 95th percentile of asking again and again."""
    times = []
    with engine.connection(under_test.home) as line:
        for _ in range(_LOOKS):
            began_s = time.perf_counter()
            answer = engine.request(line, "GET", path)
            times.append(time.perf_counter() - began_s)
            if not answer[filled]:
                raise RuntimeError(f"{path}: {answer}")
    return measure.percentile(times, 95)


def _results_per_s(home: Path, results: int) -> float:
    """Targets whose intent, output and end are committed, a second."""
    clock = SystemClock()
    store = Store.open(home, clock, SequentialIds())
    try:
        run_id = "0" * 26
        add_run(store, run_id, [f"h{n:05}" for n in range(results)])
        rows = store.reader.read_now(lambda c: runs.targets_of(c, run_id))
        store.indexer.start()

        async def record() -> float:
            counts = Counter({TargetState.WAITING: results})
            place = Place(run_id, "main", 1)
            recorder = StepRecorder(store.writer, clock, place, counts, dict, lambda: None)
            queue = iter(rows)

            async def work() -> None:
                for row in queue:
                    await recorder.started(row, claimed=False)
                    end = TargetEnd(
                        id=row.id, state=TargetState.SUCCESS, finished_at=timestamp(clock.now())
                    )
                    await recorder.ended(row, TargetState.RUNNING, end)

            began_s = time.perf_counter()
            await asyncio.gather(*(work() for _ in range(_SIDE_BY_SIDE)))
            return results / (time.perf_counter() - began_s)

        return asyncio.run(record())
    finally:
        store.close()


def _table(
    raw: list[Mapping[str, float]],
    ours: list[Mapping[str, float]],
    recorded: float,
    lines: int,
    *,
    log_bytes: int,
) -> list[Row]:
    def middle(of: list[Mapping[str, float]], name: str) -> float:
        return statistics.median(figures[name] for figures in of)

    mb = 1e-6
    grep_ms = middle(raw, "grep_s") * 1000
    title = f"{lines:,} lines ({log_bytes * mb:.0f} MB) of one host into storage"
    return [
        Row(
            title,
            lines / middle(ours, "wall_s"),
            "lines/s",
            lines / middle(raw, "wall_s"),
            "500,000",
        ),
        Row("  CPU", middle(ours, "cpu_s"), "s", middle(raw, "cpu_s")),
        Row("  the index is complete after", middle(ours, "behind_s"), "s", None, "seconds"),
        Row("  memory that it took", middle(ours, "grown_bytes") / 2**20, "MiB"),
        Row(
            "  on disk", middle(ours, "database_bytes") * mb, "MB", middle(raw, "stored_bytes") * mb
        ),
        Row("  its index on disk", middle(ours, "index_bytes") * mb, "MB"),
        Row("64 KiB from the middle, p95", middle(ours, "page_s") * 1000, "ms", None, "20 ms"),
        Row(
            "a rare word in all runs, p95", middle(ours, "search_s") * 1000, "ms", grep_ms, "20 ms"
        ),
        Row(
            "a rare word in one run, p95",
            middle(ours, "search_run_s") * 1000,
            "ms",
            grep_ms,
            "20 ms",
        ),
        Row(
            f"results of {_SIDE_BY_SIDE} targets at a time, into storage",
            recorded,
            "results/s",
            None,
            "10,000",
        ),
    ]
