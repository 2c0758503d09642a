"""Engines that are killed around what makes schedules due: each is one run, or has its reason."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from core import failpoints
from tests.crash import fires
from tests.crash.engines import Zygote
from tests.crash.fires import Fires
from tests.crash.life import Life
from tests.crash.rounds import SCHEDULE_POINTS
from tests.support.unixhttp import GONE
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and uses pidfd"),
]

POINTS = [
    point
    for point in failpoints.POINTS
    if point.startswith(SCHEDULE_POINTS) or point in ("run.planned", "run.created", "run.accepted")
]
CAUSES = (fires.ONCE, fires.HOOK, fires.NOTE, fires.FILE)
_LOOK_S = 15.0
"""An engine looks at files and at the journal every five seconds; this one may be slow."""


@pytest.fixture
def life(home: Path) -> Iterator[Life]:
    with Zygote() as zygote:
        yield Life(zygote, home)


def documents(life: Life) -> list[dict[str, object]]:
    work = {"kind": "local", "name": "w", "command": f"echo $JOBDECK_RUN >> {life.effects}"}
    return [
        {"kind": "host", "name": fires.NOTED_HOST, "spec": {"protocol": "local"}},
        {"kind": "job", "name": "j", "spec": {"steps": [work]}},
    ]


def settled(life: Life, due: Fires) -> list[dict[str, Any]]:
    """Let an engine give everything its slot and its run; all runs then."""
    engine = life.engine()
    assert engine.wait_ready()
    due.call_again(life.line)
    until(lambda: not due.unfinished() and not life.get("/engine")["live_runs"])
    runs = [run for run in life.every("/runs?") if run["origin"].startswith("job/j@")]
    engine.kill()
    return runs


@pytest.mark.timeout(300)
@pytest.mark.parametrize("cause", CAUSES)
def test_what_makes_a_schedule_due_is_neither_lost_nor_seen_twice(life: Life, cause: str) -> None:
    due = Fires(life.home, life.effects.parent, {"job": "j"})
    engine = life.engine()
    assert engine.wait_ready()
    saved = [*documents(life), *due.documents(interval=False)]
    applied = life.line.call("POST", "/apply", {"documents": saved})
    assert applied.status == 200, applied.content
    until(due.is_watching)
    engine.kill()
    runs: list[dict[str, Any]] = []

    for point in POINTS:
        killed = life.engine(f"{point}=kill")
        with suppress(*GONE):
            if killed.wait_ready():
                due.call_again(life.line)
                due.cause(life.line, cause)
        assert killed.wait_end(_LOOK_S) == -signal.SIGKILL, f"no engine ever came to {point}"
        runs = settled(life, due)

    assert [*due.judge()] == []
    assert {run["state"] for run in runs} == {"succeeded"}, "nothing was at its work when it died"
    effects = life.effects.read_text().split()
    assert sorted(effects) == sorted(run["id"] for run in runs), "each run has its effect once"
    assert len(runs) >= len(POINTS)
