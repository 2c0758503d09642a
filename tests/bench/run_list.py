"""The list of runs over a long history: pages and filters, asked over the engine's socket."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core.clock import ManualClock
from core.ids import SequentialIds, encode_ulid
from core.storage import tables
from core.storage.store import Store
from core.storage.writer import Transaction, timestamp
from tests.bench import engine, measure
from tests.bench.table import Row

_BATCH = 5000
_HOSTS = 200
_TARGETS = 3
"""Target rows of one run."""
_DEFINITION_BYTES = 700
"""What the compressed definition of such a run takes."""
_START = datetime(2026, 1, 1, tzinfo=UTC)
_APART = timedelta(minutes=1)
_TITLES = ("uptime", "systemctl is-active nginx", "disk-report", "health-check", "patch-report")
_STATES = ("succeeded",) * 17 + ("partially_succeeded", "failed", "stopped")
_RARE = "harbour"
"""A word that few runs have in their targets."""


def rows(*, runs: int, calls: int) -> list[Row]:
    """The rows of the table: all questions together, then the slow end of each kind."""
    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        home = Path(name) / "home"
        seed(home, runs)
        with engine.running(home) as under_test:
            times_ms = {
                title: [seconds * 1000 for seconds in _times(under_test, query, calls)]
                for title, query in _questions(runs).items()
            }
    every = [time_ms for of_one in times_ms.values() for time_ms in of_one]
    title = f"a page of 100 of {runs:,} stored runs"
    return [
        Row(f"{title}, p50 of all questions", measure.percentile(every, 50), "ms"),
        Row(f"{title}, p95 of all questions", measure.percentile(every, 95), "ms", None, "30 ms"),
        *(
            Row(f"  p95, {question}", measure.percentile(of_one, 95), "ms")
            for question, of_one in times_ms.items()
        ),
    ]


def seed(home: Path, runs: int) -> None:
    """Fill a new home with runs that have ended, on `_TARGETS` hosts each."""
    store = Store.open(home, ManualClock(_START), SequentialIds())
    try:
        for first in range(0, runs, _BATCH):
            numbers = range(first, min(first + _BATCH, runs))
            store.writer.submit(lambda tx, numbers=numbers: _insert(tx, numbers)).result()
    finally:
        store.close()


def _insert(tx: Transaction, numbers: range) -> None:
    tx.connection.execute(tables.run.insert(), [_run(number) for number in numbers])
    tx.connection.execute(
        tables.run_definition.insert(),
        [{"run_id": _id(number), "body": os.urandom(_DEFINITION_BYTES)} for number in numbers],
    )
    targets = [_target(number, ordinal) for number in numbers for ordinal in range(_TARGETS)]
    tx.connection.execute(tables.target_run.insert(), targets)


def _id(number: int) -> str:
    return encode_ulid(int((_START + number * _APART).timestamp() * 1000), number)


def _run(number: int) -> Mapping[str, Any]:
    at = timestamp(_START + number * _APART)
    title = _TITLES[number % len(_TITLES)]
    is_job = number % len(_TITLES) >= 2
    where = _RARE if number % 5000 == 0 else f"rack={number % 40}"
    return {
        "id": _id(number),
        "title": title,
        "origin": f"job/{title}@1" if is_job else "adhoc",
        "job": title if is_job else "",
        "state": _STATES[number % len(_STATES)],
        "actor": f"operator{number % 7}",
        "created_at": at,
        "started_at": at,
        "finished_at": at,
        "target_count": _TARGETS,
        "counts": '{"success":3}',
        "summary": f"{title} main {where}",
    }


def _target(number: int, ordinal: int) -> Mapping[str, Any]:
    at = timestamp(_START + number * _APART)
    return {
        "run_id": _id(number),
        "step": "main",
        "attempt": 1,
        "ordinal": ordinal,
        "host": f"web{(number + ordinal * 67) % _HOSTS:03}",
        "attempt_id": encode_ulid(number, ordinal),
        "state": "success",
        "exit_code": 0,
        "started_at": at,
        "finished_at": at,
        "size_bytes": 3,
        "digest": "0123456789abcdef0123",
    }


def _questions(runs: int) -> Mapping[str, Mapping[str, Any]]:
    """What people ask for -> parameters. Each is asked page after page."""
    last_day = timestamp(_START + (runs - 1440) * _APART)
    return {
        "newest first": {},
        "one state (failed)": {"state": "failed"},
        "one job": {"origin": "health-check"},
        "one person": {"actor": "operator3"},
        "one host of 200": {"host": "web042"},
        "the last day": {"since": last_day},
        "words that many runs have": {"q": "disk rack"},
        "a word that few runs have": {"q": _RARE},
        "host, state and time together": {
            "host": "web042",
            "state": "succeeded",
            "since": last_day,
        },
    }


def _times(
    under_test: engine.RunningEngine, query: Mapping[str, Any], calls: int
) -> Iterator[float]:
    """Seconds of `calls` calls, each for the page after the one before; then from the start."""
    with engine.connection(under_test.home) as line:
        cursor = None
        for _ in range(calls):
            page = {**query, "limit": 100, **({"cursor": cursor} if cursor else {})}
            started = time.perf_counter()
            answer = engine.request(line, "GET", f"/runs?{urlencode(page)}")
            yield time.perf_counter() - started
            cursor = answer["next_cursor"]
