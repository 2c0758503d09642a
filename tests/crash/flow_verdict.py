"""What is wrong with the flows that have ended: their ends, their effects, and what they told."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.run import TERMINAL_RUN_STATES
from core.home import Home
from tests.crash.flow_work import EFFECTS, ENDS, TOLD

if TYPE_CHECKING:
    from tests.crash.flows import Flows

Place = tuple[str, str, str, str]
"""Run id, step, attempt, item."""


@dataclass(frozen=True, slots=True)
class FlowRun:
    """One row of the table of runs."""

    id: str
    state: str
    origin: str
    parent: str | None

    @property
    def flow(self) -> str:
        """Its name; "" for a run of anything else."""
        kind, _, name = self.origin.partition("/")
        return name.partition("@")[0] if kind == "flow" else ""


def judge(flows: Flows) -> Iterator[str]:
    """Look at every flow that nobody has looked at, and at what all of them have left behind."""
    effects = noted(flows.ledger)
    with _database(flows.world.home) as database:
        runs = _runs(database)
        unknown = [*database.execute("SELECT * FROM target_run WHERE state = 'unknown'")]
        deliveries = [*database.execute("SELECT state, id FROM delivery")]
        (notices,) = database.execute("SELECT count(*) FROM notice").fetchone()
    yield from (f"nobody knows how {row} ended" for row in unknown)
    yield from (f"{' '.join(place)}: {words}" for place, words in effects.items()
                if words != ["begin", "end"])  # fmt: skip
    by_id = {run.id: run for run in runs}
    for key, run_id in flows.asked.items():
        if run_id not in by_id or by_id[run_id].flow != key.partition(":")[0]:
            yield f"{key} was acknowledged as {run_id} and is lost"
    for run in runs:
        if run.flow and run.id not in flows.judged:
            its = [place for place in effects
                   if place[0] == run.id or by_id[place[0]].parent == run.id]  # fmt: skip
            yield from judge_flow(run, its)
            flows.ended[run.flow] += 1
    told = sum(TOLD[run.flow.partition("-")[0]] for run in runs if run.flow)
    yield from _judge_told(flows, told, notices, deliveries)
    flows.judged |= {run.id for run in runs if run.flow}
    flows.world.judged |= _asked_for(runs)


def _asked_for(runs: Collection[FlowRun]) -> set[str]:
    """Runs of flows, what these have called, and what follows them."""
    flows = {run.id for run in runs if run.flow}
    return flows | {
        run.id for run in runs if run.parent in flows or run.origin.startswith("job/follows@")
    }


def judge_flow(run: FlowRun, its: Sequence[Place]) -> Iterator[str]:
    """What is wrong with one run; `its`: what it has noted."""
    flow, name = run.flow.partition("-")[0], f"{run.flow} {run.id}"
    if run.state != ENDS[flow]:
        yield f"{name} is {run.state}"
    done = Counter(f"{step} {item}".strip() for _, step, _, item in its)
    if done != EFFECTS[flow]:
        yield f"{name} has done {dict(done)}"
    undone = [step for _, step, *_ in its if step.startswith("un-")]
    if undone != sorted(undone, reverse=True):
        yield f"{name} was undone in the order {undone}"


def _judge_told(
    flows: Flows, wanted: int, notices: int, deliveries: Sequence[tuple[str, str]]
) -> Iterator[str]:
    """Every flow has told its notices once, and a message that went out twice had one id."""
    if notices != wanted:
        yield f"{notices} notices were told instead of {wanted}"
    yield from (f"message {name} is {state}" for state, name in deliveries if state != "sent")
    bodies: dict[str, set[bytes]] = {}
    for request in flows.web.received:
        bodies.setdefault(request.headers["webhook-id"], set()).add(request.body)
    if bodies.keys() != {name for _, name in deliveries}:
        yield f"{len(deliveries)} messages are on record, {len(bodies)} have come"
    yield from (f"message {name} has come as {len(same)}" for name, same in bodies.items()
                if len(same) != 1)  # fmt: skip


def unfinished(home: Home) -> list[str]:
    """Runs that go on, and notices that are on their way or wait for one."""
    with _database(home) as database:
        live = [run for run in _runs(database) if run.state not in TERMINAL_RUN_STATES]
        query = """SELECT notice.id, state FROM notice LEFT JOIN delivery ON delivery_id = delivery.id
                   WHERE state IS NULL OR state = 'sending'"""
        waiting = database.execute(query).fetchall()
    return [
        *(f"run {run.id} of {run.origin} is {run.state}" for run in live),
        *(f"notice {name} is {state or 'waiting'}" for name, state in waiting),
    ]


def _runs(database: sqlite3.Connection) -> list[FlowRun]:
    """All but those on strangers, which wait until somebody knows their keys."""
    query = (
        "SELECT id, state, origin, parent FROM run WHERE origin != 'adhoc' OR parent IS NOT NULL"
    )
    return [FlowRun(*row) for row in database.execute(query)]


def noted(ledger: Path) -> dict[Place, list[str]]:
    """What every work noted, in the order of their begins."""
    found: dict[Place, list[str]] = {}
    for line in ledger.read_text().splitlines() if ledger.exists() else ():
        word, run_id, step, attempt, item = line.split(" ")
        found.setdefault((run_id, step, attempt, item), []).append(word)
    return found


def _database(home: Home) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"file:{home.database}?mode=ro", uri=True))
