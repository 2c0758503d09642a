"""Engines that are killed while they tell people and while people decide: nothing lost or doubled."""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from core import failpoints
from tests.crash.engines import Zygote
from tests.crash.life import Life
from tests.crash.rounds import PEOPLE_POINTS
from tests.support.unixhttp import GONE
from tests.support.waiting import until
from tests.support.webserver import Reply, WebServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and uses pidfd"),
]

HITS = (1,)
POINTS = [point for point in failpoints.POINTS if point.startswith(PEOPLE_POINTS)]


@pytest.fixture
def life(home: Path) -> Iterator[Life]:
    settings = home / "j" / "settings.toml"
    settings.parent.mkdir(mode=0o700)
    settings.write_text('http_networks = ["127.0.0.0/8"]\n')
    with Zygote() as zygote:
        yield Life(zygote, home)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        server.serve("/hook", Reply(204))
        yield server


def documents(web: WebServer) -> list[dict[str, Any]]:
    hook = {"webhook": {"url": web.url("/hook"), "secret": "hush-hush-1"}}
    rate = {"messages": 1000}
    review = {"words": ["migrate"], "level": "review", "approval": {"forbid_requester": False}}
    channel = {**hook, "wants": [{"topic": "run-ended"}], "rate": rate}
    return [
        {"kind": "channel", "name": "ops", "spec": channel},
        {"kind": "command-rule", "name": "eyes", "spec": review},
    ]


def approve_a_run(life: Life) -> None:
    """A run that waits, an approval, the run's end and its notice; the engine may die anywhere."""
    command = f"echo $JOBDECK_RUN >> {life.effects}; : migrate"
    body = {"step": {"kind": "local", "name": "w", "command": command}}
    with suppress(*GONE):
        started = life.line.call("POST", "/runs", body)
        assert started.status == 202, started.content
        (asked,) = life.get(f"/approvals?run={started.json()['id']}")["items"]
        life.line.call("POST", f"/approvals/{asked['id']}/votes", {"choice": "approve"})


@pytest.mark.timeout(300)
def test_an_engine_that_is_killed_while_people_are_asked_and_told(
    life: Life, web: WebServer
) -> None:
    engine = life.engine()
    assert engine.wait_ready()
    applied = life.line.call("POST", "/apply", {"documents": documents(web)})
    assert applied.status == 200, applied.content
    engine.kill()

    for point in POINTS:
        for hit in HITS:
            killed = life.engine(f"{point}=kill@{hit}")
            if killed.wait_ready():
                approve_a_run(life)
                approve_a_run(life)
            assert killed.wait_end() == -signal.SIGKILL, f"no engine ever reached {point}"

    engine = life.engine()
    assert engine.wait_ready()
    for asked in life.every("/approvals?state=open&"):
        life.line.call("POST", f"/approvals/{asked['id']}/votes", {"choice": "approve"})
    runs: list[dict[str, Any]] = []
    notices: list[dict[str, Any]] = []

    def told() -> bool:
        runs[:] = life.every("/runs?")
        notices[:] = life.every("/channels/outbox?")
        all_sent = {notice["state"] for notice in notices} == {"sent"}
        return not life.get("/engine")["live_runs"] and len(notices) == len(runs) and all_sent

    until(told)
    engine.kill()

    assert {run["state"] for run in runs} <= {"succeeded", "abnormal"}
    effects = Counter(life.effects.read_text().split())
    assert set(effects.values()) == {1}, "an approved run began once"
    about = [notice["body"].split()[1].rstrip(",") for notice in notices]
    assert sorted(about) == sorted(run["id"] for run in runs), "each end is told once"
    bodies: dict[str, set[bytes]] = {}
    for request in web.received:
        bodies.setdefault(request.headers["webhook-id"], set()).add(request.body)
    assert set(bodies) == {notice["delivery_id"] for notice in notices}
    assert {len(same) for same in bodies.values()} == {1}, "an id is always the same message"
    assert {json.loads(body)["id"] for (body,) in bodies.values()} == set(bodies)
    assert len(web.received) > len(bodies), "what was taken and not noted came again"
