"""Engines that are killed while one run gives way to another: both end, and nothing is done twice."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from core.domain.run import TERMINAL_RUN_STATES, RunState
from tests.crash.engines import Zygote
from tests.crash.life import Life
from tests.support.unixhttp import GONE
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and uses pidfd"),
]


@pytest.fixture
def life(home: Path) -> Iterator[Life]:
    with Zygote() as zygote:
        yield Life(zygote, home)


def work(life: Life, name: str, waits_for: Path | None = None) -> dict[str, Any]:
    done = f"echo $JOBDECK_RUN {name} >> {life.effects}"
    waits = f"until [ -e {waits_for} ]; do sleep 0.05; done; " if waits_for else ""
    return {"kind": "local", "name": name, "command": waits + done, "preemptible": True}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "point", ["yield.asking", "yield.giving", "yield.given", "event.kept@4", "queue.turn-taken"]
)
def test_an_engine_that_is_killed_while_a_run_gives_way_does_nothing_twice(
    life: Life, tmp_path: Path, point: str
) -> None:
    go = tmp_path / "go"
    shared = {"locks": [{"name": "db"}]}
    long = {"steps": [work(life, "a", go), work(life, "b")], "priority": "low", **shared}
    short = {"steps": [work(life, "s")], "priority": "urgent", **shared}
    name, _, hit = point.partition("@")
    killed = life.engine(f"{name}=kill" + (f"@{hit}" if hit else ""))
    assert killed.wait_ready()
    jobs = [
        {"kind": "job", "name": name, "spec": spec}
        for name, spec in (("long", long), ("short", short))
    ]
    assert life.line.call("POST", "/apply", {"documents": jobs}).status == 200
    with suppress(*GONE):
        began = life.line.call("POST", "/runs", {"job": "long"}, **{"Idempotency-Key": "long"})
        life.line.call("POST", "/runs", {"job": "short"}, **{"Idempotency-Key": "short"})
        asked = f"/runs/{began.json()['id']}/operations"
        until(lambda: bool(life.get(asked)["items"]))
        go.touch()
    assert killed.wait_end() == -signal.SIGKILL

    engine = life.engine()
    assert engine.wait_ready()
    go.touch()
    for key in ("long", "short"):
        life.line.call("POST", "/runs", {"job": key}, **{"Idempotency-Key": key})

    def states() -> dict[str, str]:
        return {run["id"]: run["state"] for run in life.every("/runs?")}

    until(lambda: TERMINAL_RUN_STATES.issuperset(map(RunState, states().values())))
    ends = states()
    engine.kill()
    assert len(ends) == 2
    assert set(ends.values()) <= {"succeeded", "abnormal"}, "one may have been lost at its work"
    effects = Counter(life.effects.read_text().splitlines())
    assert set(effects.values()) == {1}
    if set(ends.values()) == {"succeeded"}:
        assert len(effects) == 3
