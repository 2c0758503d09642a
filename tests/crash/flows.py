"""Flows whose engines are killed: branches, items, rounds, a call, an approval, and undoing.

Every work notes its begin and its end in one ledger; at the end each effect that a flow promises
stands there once, and no other does.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import failpoints
from core.domain.run import TERMINAL_RUN_STATES
from tests.crash.engines import Zygote
from tests.crash.life import Life
from tests.support.unixhttp import GONE
from tests.support.waiting import until

HOST = "here"
LIVES = 10
"""Engines a round."""
LONGEST_LIFE_S = 1.5
QUIET_S = 90.0
_STILLBORN = 0.25
"""Part of the engines whose time begins with their process; the others' when they listen."""

GOOD, BAD = "good", "bad"
"""A flow that succeeds, and one whose last step fails, so that it is undone."""
_DONE = {"left": 1, "right": 2, "item 1": 1, "item 2": 1, "item 3": 1, "round": 2, "called": 1,
         "last": 1}  # fmt: skip
EFFECTS = {GOOD: _DONE, BAD: _DONE | {"un-left": 1, "un-right": 1}}
"""Flow -> what it does, and how often: the right branch fails once and is tried again."""
ENDS = {GOOD: "succeeded", BAD: "rolled_back"}

POINTS = tuple(
    point
    for point in failpoints.POINTS
    if point.startswith(("run.retry", "run.ended", "event.", "step.", "batch.", "approval."))
    or point in ("run.created", "run.accepted", "run.begun", "target.intent.kept", "target.ended")
)
"""Around what a flow remembers."""


def documents(ledger: Path) -> list[dict[str, Any]]:
    """The host, the job that is called, and both flows."""

    def work(name: str, then: str = "true", **more: Any) -> dict[str, Any]:
        about = '"$JOBDECK_RUN" "$JOBDECK_STEP" "$JOBDECK_ATTEMPT" "${ITEM:-}"'
        begin, end = (
            f"printf '%s %s %s %s %s\\n' {word} {about} >> {ledger}" for word in ("begin", "end")
        )
        command = f"{begin}; sleep 0.05; {end}; {then}"
        return {"kind": "command", "name": name, "targets": HOST, "command": command, **more}

    retried = '[ "$JOBDECK_ATTEMPT" -gt 1 ]'
    nodes = [
        {"kind": "parallel", "name": "split"},
        work("left", undo="un-left"),
        work("right", retried, undo="un-right", retry={"times": 1, "delay_s": 0.05}),
        {"kind": "for-each", "name": "every", "items": "[1, 2, 3]", "concurrency": 2,
         "step": work("item")},
        {"kind": "loop", "name": "again", "repeat_until": "round >= 2", "most": 3,
         "step": work("round")},
        {"kind": "run", "name": "call", "job": "called"},
        {"kind": "converge", "name": "join"},
        {"kind": "approval", "name": "ask", "message": "May it go on?", "forbid_requester": False},
    ]  # fmt: skip
    edges = ["split -> left, right, every, again", "left -> call",
             "call, right, every, again -> join -> ask -> last"]  # fmt: skip
    undoes = [work("un-left"), work("un-right")]

    def flow(name: str, last: str, on_failure: str) -> dict[str, Any]:
        spec = {"targets": HOST, "nodes": [*nodes, work("last", last), *undoes], "edges": edges}
        return {"kind": "flow", "name": name, "spec": {**spec, "on_failure": on_failure}}

    return [
        {"kind": "host", "name": HOST, "spec": {"protocol": "local"}},
        {"kind": "job", "name": "called", "spec": {"targets": HOST, "steps": [work("called")]}},
        flow(GOOD, "true", "stop"),
        flow(BAD, "false", "roll_back"),
    ]


@dataclass
class Flows:
    """What was asked for on one home, and what became of it."""

    life: Life
    seed: int
    lives: int = 0
    asked: dict[str, str] = field(default_factory=dict)
    """Key of a start -> the run's id; "" until an engine has answered."""
    judged: set[str] = field(default_factory=set)
    """Keys of runs that were looked at."""
    complaints: list[str] = field(default_factory=list)

    def line(self) -> str:
        """One line for people."""
        ended = f"{len(self.judged)} flows ended"
        return f"{self.lives} lives; {ended}; {len(self.complaints)} wrong"

    def furnish(self) -> None:
        engine = self.life.engine()
        assert engine.wait_ready()
        body = {"documents": documents(self.life.effects)}
        applied = self.life.line.call("POST", "/apply", body)
        assert applied.status == 200, applied.content
        engine.kill()

    def ask(self, name: str) -> None:
        """Start another run of a flow."""
        key = f"{name}-{len(self.asked)}"
        self.asked[key] = ""
        self._start(key)

    def _start(self, key: str) -> None:
        body = {"flow": key.partition("-")[0]}
        answer = self.life.line.call("POST", "/runs", body, **{"Idempotency-Key": key})
        assert answer.status == 202, answer.content
        self.asked[key] = answer.json()["id"]

    def ask_again(self) -> None:
        """Ask once more for what never had an answer, as a console does."""
        for key in [key for key, run_id in self.asked.items() if not run_id]:
            self._start(key)

    def approve(self) -> None:
        """Approve everything that is asked; what was decided meanwhile is refused."""
        for asked in self.life.every("/approvals?state=open&"):
            path = f"/approvals/{asked['id']}/votes"
            answer = self.life.line.call("POST", path, {"choice": "approve"})
            assert answer.status in (200, 201, 202, 409), answer.content

    def settle(self) -> None:
        """Nothing breaks any more: everything ends, and all of it is looked at."""
        engine = self.life.engine()
        assert engine.wait_ready(), "the engine does not start again"
        self.ask_again()

        def quiet() -> bool:
            self.approve()
            return not self.life.get("/engine")["live_runs"]

        until(quiet, QUIET_S)
        engine.kill()
        self.complaints += self._judge()

    def _judge(self) -> Iterator[str]:
        noted = _noted(self.life.effects)
        with closing(sqlite3.connect(f"file:{self.life.home.database}?mode=ro", uri=True)) as rows:
            runs = dict(rows.execute("SELECT id, state FROM run"))
            parents = dict(rows.execute("SELECT id, parent FROM run"))
            unknown = list(rows.execute("SELECT * FROM target_run WHERE state = 'unknown'"))
        yield from (f"run {run} is {state}" for run, state in runs.items()
                    if state not in TERMINAL_RUN_STATES)  # fmt: skip
        yield from (f"nobody knows how {row} ended" for row in unknown)
        for (run_id, step, attempt, item), words in noted.items():
            if words != ["begin", "end"]:
                yield f"{run_id} {step} {attempt} {item}: {words}"
        for key in self.asked.keys() - self.judged:
            run_id, name = self.asked[key], key.partition("-")[0]
            if runs.get(run_id) != ENDS[name]:
                yield f"{key} {run_id} is {runs.get(run_id)}"
            done = Counter(
                f"{step} {item}".strip()
                for its_run, step, _, item in noted
                if run_id in (its_run, parents.get(its_run))
            )
            if done != EFFECTS[name]:
                yield f"{key} {run_id} has done {dict(done)}"
            undone = [step for its_run, step, *_ in noted
                      if its_run == run_id and step.startswith("un-")]  # fmt: skip
            if undone != sorted(undone, reverse=True):
                yield f"{key} {run_id} was undone in the order {undone}"
            self.judged.add(key)


Place = tuple[str, str, str, str]
"""Run id, step, attempt, item."""


def _noted(ledger: Path) -> dict[Place, list[str]]:
    """What every work noted, in the order of their begins."""
    noted: dict[Place, list[str]] = {}
    for line in ledger.read_text().splitlines() if ledger.exists() else ():
        word, run_id, step, attempt, item = line.split(" ")
        noted.setdefault((run_id, step, attempt, item), []).append(word)
    return noted


def random_rounds(folder: Path, seed: int, lives: int) -> Iterator[Flows]:
    """Kill engines at random instants of flows; what is known after each round."""
    chance = random.Random(seed)
    fate = random.Random(chance.random())  # of another thread: this one's order stays its own

    def once(flows: Flows) -> None:
        engine = flows.life.engine()
        at = threading.Timer(fate.uniform(0, LONGEST_LIFE_S), engine.signal, (signal.SIGKILL,))
        from_birth = fate.random() < _STILLBORN
        if from_birth:
            at.start()
        with suppress(*GONE):
            listens = engine.wait_ready()
            if not from_birth:
                at.start()
            if listens:
                flows.ask_again()
                flows.ask(chance.choice((GOOD, BAD)))
            while engine.is_alive:
                flows.approve()
                time.sleep(chance.uniform(0, 0.1))
        at.join()
        assert engine.wait_end() == -signal.SIGKILL, "the engine ended by itself"

    return _rounds(folder, seed, [once] * lives)


def failpoint_rounds(
    folder: Path, seed: int, hits: int, points: Sequence[str] = POINTS
) -> Iterator[Flows]:
    """Kill at failpoints that a flow comes to, each at its first to its `hits`-th hit."""

    def at(point: str, hit: int) -> Callable[[Flows], None]:
        def once(flows: Flows) -> None:
            engine = flows.life.engine(f"{point}=kill@{hit}")
            with suppress(*GONE):
                if engine.wait_ready():
                    flows.ask_again()
                    flows.ask(BAD)
                while engine.is_alive:
                    flows.approve()
                    if not flows.life.get("/engine")["live_runs"]:
                        engine.kill()
                        if hit == 1:
                            flows.complaints.append(f"no flow ever reached {point}")
            engine.wait_end()

        return once

    plan = [at(point, hit) for hit in range(1, hits + 1) for point in points]
    return _rounds(folder, seed, plan)


def _rounds(folder: Path, seed: int, lives: Sequence[Callable[[Flows], None]]) -> Iterator[Flows]:
    with Zygote() as zygote:
        flows = Flows(Life(zygote, folder), seed)
        flows.furnish()
        for begin in range(0, len(lives), LIVES):
            for live in lives[begin : begin + LIVES]:
                live(flows)
                flows.lives += 1
            flows.settle()
            yield flows
            if flows.complaints:
                return
