"""Engines that are killed around the fires of a schedule: every slot is one run or one reason."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core import failpoints
from tests.crash.engines import Zygote
from tests.crash.life import Life
from tests.crash.rounds import SCHEDULE_POINTS
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and uses pidfd"),
]

EVERY_S = 1
POINTS = [
    point
    for point in failpoints.POINTS
    if point.startswith(SCHEDULE_POINTS)
    or point in ("run.planned", "run.created", "run.accepted", "run.begun", "storage.group.written")
]
HITS = (1, 2)


@pytest.fixture
def life(home: Path) -> Iterator[Life]:
    with Zygote() as zygote:
        yield Life(zygote, home)


def documents(effects: Path) -> list[dict[str, Any]]:
    work = {"kind": "local", "name": "w", "command": f"echo $JOBDECK_RUN >> {effects}"}
    fires = {"trigger": {"every_s": EVERY_S}, "overlap": "parallel", "overlap_max": 100}
    return [
        {"kind": "job", "name": "j", "spec": {"steps": [work]}},
        {"kind": "schedule", "name": "s", "spec": {"job": "j", "misfire": "all", **fires}},
    ]


@pytest.mark.timeout(300)
def test_an_engine_that_is_killed_around_a_fire_neither_repeats_nor_loses_it(life: Life) -> None:
    engine = life.engine()
    assert engine.wait_ready()
    applied = life.line.call("POST", "/apply", {"documents": documents(life.effects)})
    assert applied.status == 200, applied.content
    until(lambda: life.get("/schedules/s/fires")["items"])
    engine.kill()

    for point in POINTS:
        for hit in HITS:
            killed = life.engine(f"{point}=kill@{hit}")
            assert killed.wait_end() == -signal.SIGKILL, f"no engine ever reached {point}"

    engine = life.engine()
    assert engine.wait_ready()
    paused = life.line.call("POST", "/schedules/s/pause", {"reason": "the end"})
    assert paused.status == 200, paused.content

    def quiet() -> bool:
        newest = life.get("/schedules/s/fires?limit=1")["items"][0]
        return newest["verdict"] == "skipped" and not life.get("/engine")["live_runs"]

    until(quiet)
    rows = life.every("/schedules/s/fires?")[::-1]
    runs = life.every("/runs?actor=schedule/s&")
    engine.kill()

    slots = [slot for row in rows for slot in covered(row)]
    step = timedelta(seconds=EVERY_S)
    assert slots == [slots[0] + number * step for number in range(len(slots))]
    started = [row["run_id"] for row in rows if row["verdict"] == "started"]
    assert sorted(started) == sorted(run["id"] for run in runs)
    assert {row["verdict"] for row in rows} <= {"started", "skipped", "missed"}
    assert len(started) > len(POINTS)
    states = Counter(run["state"] for run in runs)
    assert states["succeeded"] >= len(started) - states["abnormal"]
    effects = Counter(life.effects.read_text().split())
    assert set(effects.values()) == {1}
    assert set(effects) <= set(started)


def covered(row: dict[str, Any]) -> list[datetime]:
    first = datetime.fromisoformat(row["slot"])
    found = [first + number * timedelta(seconds=EVERY_S) for number in range(row["count"])]
    assert found[-1] == datetime.fromisoformat(row["last_slot"])
    return found
