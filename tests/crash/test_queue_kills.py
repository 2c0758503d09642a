"""Engines that are killed around the turn of a run: none is lost, and none begins twice."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.crash.engines import Zygote
from tests.crash.life import Life
from tests.support.unixhttp import GONE
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and uses pidfd"),
]

WAITING = 4


@pytest.fixture
def life(home: Path) -> Iterator[Life]:
    with Zygote() as zygote:
        yield Life(zygote, home)


@pytest.mark.timeout(120)
def test_an_engine_that_is_killed_around_a_turn_neither_loses_it_nor_takes_it_twice(
    life: Life,
) -> None:
    work = {"kind": "local", "name": "w", "command": f"echo $JOBDECK_RUN >> {life.effects}"}
    job = {"kind": "job", "name": "j", "spec": {"steps": [work]}}

    def start(key: str) -> Any:
        return life.line.call("POST", "/runs", {"job": "j"}, **{"Idempotency-Key": key})

    engine = life.engine()
    assert engine.wait_ready()
    assert life.line.call("POST", "/apply", {"documents": [job]}).status == 200
    life.line.call("POST", "/engine/freeze", {"reason": "all of them wait"})
    started = [start(f"k{number}").json()["id"] for number in range(WAITING - 1)]
    engine.kill()

    killed = life.engine("queue.entered=kill")
    assert killed.wait_ready()
    with suppress(*GONE):
        start("lost")
    assert killed.wait_end() == -signal.SIGKILL

    killed = life.engine("queue.turn=kill@2")
    assert killed.wait_ready()
    waits = [place["run_id"] for place in life.get("/queue")["places"]]
    assert start("lost").json()["id"] in waits, "its sender asks again, and finds it"
    assert len(waits) == WAITING
    assert set(started) < set(waits)
    with suppress(*GONE):
        life.line.call("POST", "/engine/unfreeze", {})
    assert killed.wait_end() == -signal.SIGKILL

    assert life.engine("queue.turn-taken=kill").wait_end() == -signal.SIGKILL

    engine = life.engine()
    assert engine.wait_ready()

    def quiet() -> bool:
        now = life.get("/engine")
        return not now["live_runs"] and not now["queue"]["waiting"]

    until(quiet)
    states = {run["id"]: run["state"] for run in life.every("/runs?")}
    engine.kill()
    assert sorted(states) == sorted(waits)
    assert set(states.values()) <= {"succeeded", "abnormal"}, "one may have been lost at its work"
    effects = Counter(life.effects.read_text().split())
    assert set(effects.values()) == {1}
    assert set(effects) >= {run for run, state in states.items() if state == "succeeded"}
