"""Engines that are killed inside flows, which people, schedules and events have started.

At the end each effect that a flow promises stands in the ledger once, and no other does; every
slot is one run or one reason; every message was sent under one id; and nothing else is wrong with
the home or its hosts.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from core import failpoints
from tests.crash import fires, flow_verdict, verdict
from tests.crash.fires import Fires
from tests.crash.flow_points import BEFORE, BESIDE, NEVER, leave_work, moves
from tests.crash.flow_work import (
    BAD,
    FAR,
    GOOD,
    NEAR,
    SLOW,
    documents,
    name_of,
)
from tests.crash.world import World, world
from tests.support.unixhttp import GONE
from tests.support.waiting import until
from tests.support.webserver import Reply, WebServer

LIVES = 10
"""Engines a round."""
LONGEST_LIFE_S = 2.5
QUIET_S = 120.0
_STILLBORN = 0.25
"""Part of the engines whose time begins with their process; the others' when they listen."""
POINTS = tuple(point for point in failpoints.POINTS if point not in NEVER)
_CAUSES = (fires.ONCE, fires.HOOK, fires.NOTE, fires.FILE)


@dataclass
class Flows:
    """What was asked for on one home, and what became of it."""

    world: World
    seed: int
    fires: Fires
    web: WebServer
    """Where the channel leads."""
    lives: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    """How flows came to be started, and how often by an engine that was then killed."""
    asked: dict[str, str] = field(default_factory=dict)
    """Key of a start -> the run's id; "" until an engine has answered."""
    ended: Counter[str] = field(default_factory=Counter)
    """Name of a flow -> runs of it that have ended and were looked at."""
    judged: set[str] = field(default_factory=set)
    """Runs that were looked at."""
    killed_at: set[str] = field(default_factory=set)
    """Failpoints at which an engine has died."""
    complaints: list[str] = field(default_factory=list)

    @property
    def ledger(self) -> Path:
        return self.world.folder / "flows"

    def line(self) -> str:
        """One line for people."""
        ended = ", ".join(f"{count} {name}" for name, count in sorted(self.ended.items()))
        happened = ", ".join(f"{count} {name}" for name, count in self.happened.most_common())
        wrong = len(self.complaints)
        return f"{self.lives} lives; asked: {happened}; ended: {ended}; {wrong} wrong"

    def furnish(self) -> None:
        self.web.serve("/told", Reply(204))
        self.world.apply(*documents(self.ledger, self.web.url("/told")), *self.fires.documents())
        until(self.fires.is_watching)

    # --- what people and the world do ----------------------------------------------------------

    def ask(self, name: str, place: str) -> None:
        """Start another run of a flow."""
        key = f"{name_of(name, place)}:{len(self.asked)}"
        self.asked[key] = ""
        self.happened["by a person"] += 1
        self._start(key)

    def _start(self, key: str) -> None:
        body = {"flow": key.partition(":")[0]}
        answer = self.world.line.call("POST", "/runs", body, **{"Idempotency-Key": key})
        assert answer.status == 202, answer.content
        self.asked[key] = answer.json()["id"]

    def ask_again(self) -> None:
        """Ask once more for what never had an answer, as consoles and callers do."""
        for key in [key for key, run_id in self.asked.items() if not run_id]:
            self._start(key)
        self.fires.call_again(self.world.line)

    def cause(self, kind: str) -> None:
        """Make a schedule due that starts a flow."""
        self.happened[f"by {kind}"] += 1
        self.fires.cause(self.world.line, kind)

    def act(self, action: str, run_id: str = "") -> None:
        """Ask something of a run, or of the one asked for last; its state may forbid it."""
        run_id = run_id or [*self.asked.values()][-1]
        answer = self.world.line.call("POST", f"/runs/{run_id}/actions", {"action": action})
        assert answer.status in (202, 409), answer.content

    def approve(self) -> None:
        """Approve everything that is asked; what was decided meanwhile is refused."""
        shown = self.world.line.call("GET", "/approvals?state=open&limit=100").json()
        for asked in shown["items"]:
            path = f"/approvals/{asked['id']}/votes"
            answer = self.world.line.call("POST", path, {"choice": "approve"})
            assert answer.status in (200, 201, 202, 409), answer.content

    def noted_begins(self, step: str) -> int:
        """How often a step has begun, as far as the ledger tells."""
        return sum(place[1] == step for place in flow_verdict.noted(self.ledger))

    def is_under_way(self) -> bool:
        """Whether a flow goes on, or would if there were an engine."""
        return bool(flow_verdict.unfinished(self.world.home))

    # --- the end of a round --------------------------------------------------------------------

    def settle(self) -> None:
        """Nothing breaks any more: everything ends, and all of it is looked at."""
        assert self.world.start(), "the engine does not start again"
        self.world.line.call("POST", "/engine/unfreeze", {})
        self.ask_again()
        for run_id in self.asked.values():
            if run_id not in self.judged:
                self.act("resume", run_id)
        self.world.line.call("POST", f"/schedules/{fires.INTERVAL}/pause", {"reason": "to judge"})
        with suppress(AssertionError):
            until(lambda: not self.unfinished(), QUIET_S)
        self.complaints += self.unfinished()
        self.complaints += flow_verdict.judge(self)
        self.complaints += self.fires.judge()
        found = verdict.judge(self.world)
        self.complaints += [*found.wrong, *found.unjustified]
        self.world.line.call("POST", f"/schedules/{fires.INTERVAL}/resume", {})
        self.world.kill()

    def unfinished(self) -> list[str]:
        """What is left to do, once what waits for people has been given."""
        self.approve()
        # Runs last: a slot that got its run meanwhile is seen as one or the other.
        return [*self.fires.unfinished(), *flow_verdict.unfinished(self.world.home)]


def random_rounds(seed: int, lives: int) -> Iterator[Flows]:
    """Kill engines at random instants of flows; what is known after each round."""
    chance = random.Random(seed)
    fate = random.Random(chance.random())  # of another thread: this one's order stays its own

    def once(flows: Flows) -> None:
        engine = flows.world.spawn()
        at = threading.Timer(fate.uniform(0, LONGEST_LIFE_S), engine.signal, (signal.SIGKILL,))
        from_birth = fate.random() < _STILLBORN
        if from_birth:
            at.start()
        with suppress(*GONE):
            listens = flows.world.meet()
            if not from_birth:
                at.start()
            if listens:
                flows.ask_again()
                if chance.random() < 0.6:
                    flows.ask(
                        chance.choice((GOOD, GOOD, BAD, BAD, SLOW)), chance.choice((NEAR, FAR))
                    )
                else:
                    flows.cause(chance.choice(_CAUSES))
            while engine.is_alive:
                flows.approve()
                time.sleep(chance.uniform(0, 0.1))
        at.join()
        assert flows.world.gone() == -signal.SIGKILL, "the engine ended by itself"

    return _rounds(seed, [once] * lives)


def failpoint_rounds(seed: int, hits: int, points: Sequence[str] = POINTS) -> Iterator[Flows]:
    """Kill at failpoints while a flow goes on, each at its first to its `hits`-th hit."""

    def at(point: str, hit: int) -> Callable[[Flows], None]:
        def once(flows: Flows) -> None:
            before = moves(BEFORE, point) or (() if flows.is_under_way() else (leave_work,))
            for move in before:
                move(flows)
            with suppress(*GONE):
                if flows.world.start(f"{point}=kill@{hit}"):
                    flows.ask_again()
                    flows.ask(BAD, FAR)
                    for beside in moves(BESIDE, point):
                        beside(flows)
                    _outlive(flows)
            if flows.world.gone() == -signal.SIGKILL:
                flows.killed_at.add(point)
            elif hit == 1:
                flows.complaints.append(f"no flow ever came to {point}")

        return once

    plan = [at(point, hit) for hit in range(1, hits + 1) for point in points]
    return _rounds(seed, plan)


def _outlive(flows: Flows) -> None:
    """Approve what is asked until nothing is left to do, then ask the engine to stop."""
    engine = flows.world.engine
    assert engine is not None
    while engine.is_alive:
        if not flows.unfinished():
            engine.stop()
        time.sleep(0.05)


def _rounds(seed: int, lives: Sequence[Callable[[Flows], None]]) -> Iterator[Flows]:
    with world(seed, workers=0, hosts=1) as made, WebServer() as web:
        work = {"flow": name_of(GOOD, NEAR)}
        flows = Flows(made, seed, Fires(made.home, made.folder, work), web)
        flows.furnish()
        made.kill()
        for begin in range(0, len(lives), LIVES):
            for live in lives[begin : begin + LIVES]:
                live(flows)
                flows.lives += 1
            flows.settle()
            yield flows
            if flows.complaints:
                return
