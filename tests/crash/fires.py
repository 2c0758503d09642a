"""Schedules of every kind of trigger, what makes them due, and what the ledger must say of it."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.home import Home
from tests.crash.engines import Line

EVERY_S = 2
_AHEAD_S = 0.5
TOKEN = "let-me-in-please"
NOTED_HOST = "here"
VERDICTS = frozenset({"started", "missed", "skipped", "refused"})

INTERVAL, ONCE, HOOK, NOTE, FILE, AFTER = "interval", "once", "hook", "note", "file", "after"


@dataclass
class Fires:
    """Schedules on one home, and everything that made them due."""

    home: Home
    folder: Path
    work: Mapping[str, str]
    """What the schedules start: `{"flow": name}` or `{"job": name}`."""
    onces: list[str] = field(default_factory=list)
    """Schedules by `once` that were acknowledged."""
    delivered: dict[str, bool] = field(default_factory=dict)
    """Id of a call from outside -> whether it was acknowledged."""
    files: int = 0
    """Changes of the file that is watched."""

    @property
    def file(self) -> Path:
        return self.folder / "watched"

    def documents(self, *, interval: bool = True) -> Iterator[dict[str, Any]]:
        """The schedules; `after` follows runs of what the others start."""
        followed = {f"{kind}s": [name] for kind, name in self.work.items()}
        triggers: dict[str, dict[str, Any]] = {
            HOOK: {"webhook": {"secret": TOKEN, "auth": "token", "per_minute": 600}},
            NOTE: {"journal": {"types": ["host.noted"]}},
            FILE: {"file": {"path": str(self.file), "stable_s": 0}},
            AFTER: {"after": followed},
        }
        if interval:
            triggers[INTERVAL] = {"every_s": EVERY_S}
        yield {"kind": "job", "name": "follows", "spec": {"targets": NOTED_HOST, "steps": [
            {"kind": "command", "name": "follow", "command": "true"}]}}  # fmt: skip
        for name, trigger in triggers.items():
            work = {"job": "follows"} if name == AFTER else self.work
            overlap = {} if name == INTERVAL else {"overlap": "parallel", "overlap_max": 100}
            spec = {"trigger": trigger, "misfire": "all", **overlap, **work}
            yield {"kind": "schedule", "name": name, "spec": spec}

    # --- what makes them due -------------------------------------------------------------------

    def cause(self, line: Line, kind: str) -> None:
        """Make a schedule due, once; GONE where the engine died over it."""
        {ONCE: self._once, HOOK: self._call, NOTE: self._note, FILE: self._change}[kind](line)

    def _once(self, line: Line) -> None:
        """Save a schedule for a moment that has surely not come when it is saved."""
        moment = saved_at = datetime.now(UTC)
        while moment <= saved_at:
            moment = datetime.now(UTC) + timedelta(seconds=_AHEAD_S)
            name = f"{ONCE}-{secrets.token_hex(4)}"
            spec = {"trigger": {"once": moment.isoformat()}, "misfire": "last", **self.work}
            body = {"documents": [{"kind": "schedule", "name": name, "spec": spec}]}
            assert line.call("POST", "/apply", body).status == 200
            saved_at = datetime.now(UTC)
        self.onces.append(name)

    def _call(self, line: Line) -> None:
        delivery = secrets.token_hex(8)
        self.delivered[delivery] = False
        self._deliver(line, delivery)

    def _deliver(self, line: Line, delivery: str) -> None:
        proof = {"Authorization": f"Bearer {TOKEN}", "webhook-id": delivery}
        answer = line.call("POST", f"/hooks/{HOOK}", {"n": 1}, **proof)
        assert answer.status == 202, answer.content
        self.delivered[delivery] = True

    def _note(self, line: Line) -> None:
        line.call("POST", f"/hosts/{NOTED_HOST}/notes", {"text": "seen"})

    def _change(self, _: Line) -> None:
        """Put another file in its place at once: one that is being written would be seen twice."""
        self.files += 1
        other = self.file.with_suffix(".new")
        other.write_text("x" * self.files)
        other.replace(self.file)

    def call_again(self, line: Line) -> None:
        """Send again what never had an answer, as whoever calls from outside does."""
        for delivery in [each for each, is_known in self.delivered.items() if not is_known]:
            self._deliver(line, delivery)

    # --- what the ledger says ------------------------------------------------------------------

    def is_watching(self) -> bool:
        """Whether what happens from now on is seen."""
        with self._database() as database:
            query = "SELECT schedule FROM schedule_state WHERE looked_revision > 0"
            looked = {name for (name,) in database.execute(query)}
            query = "SELECT memory FROM schedule_state WHERE schedule = ? AND memory != ''"
            knows = database.execute(query, (FILE,)).fetchone()
        return looked >= {HOOK, NOTE, AFTER} and knows is not None

    def unfinished(self) -> list[str]:
        """Slots without a verdict, and what has happened and has no slot."""
        with self._database() as database:
            query = "SELECT schedule, slot FROM schedule_fire WHERE verdict = 'due'"
            due = [f"{name} {slot} is due" for name, slot in database.execute(query)]
            return [*due, *self._lost(database)]

    def judge(self) -> Iterator[str]:
        """What is wrong with the ledger of fires."""
        with self._database() as database:
            yield from self._lost(database)
            yield from _doubled(database)
            yield from _without_reason(database)
            yield from _with_holes(database)
            query = "SELECT count(*) FROM schedule_fire WHERE schedule = ?"
            (slots,) = database.execute(query, (FILE,)).fetchone()
        if slots > self.files:
            yield f"a file that was changed {self.files} times has {slots} slots"

    def _lost(self, database: sqlite3.Connection) -> Iterator[str]:
        """Happenings that have no slot."""
        rows = database.execute("SELECT schedule, cause FROM schedule_fire").fetchall()
        causes = {(name, cause) for name, cause in rows}
        yield from (f"{name} never had its slot" for name in self.onces
                    if name not in {each for each, _ in rows})  # fmt: skip
        wanted = [
            (HOOK, f"delivery {each}") for each, is_known in self.delivered.items() if is_known
        ]
        noted = database.execute("SELECT seq FROM journal WHERE type = 'host.noted'")
        wanted += [(NOTE, f"entry {seq}") for (seq,) in noted]
        wanted += [(AFTER, f"run {run}") for run in self._followed(database)]
        yield from (f"{name}: {cause} has no slot" for name, cause in wanted
                    if (name, cause) not in causes)  # fmt: skip
        files = [cause for name, cause in rows if name == FILE]
        if self.files and not any(cause.endswith(self._identity()) for cause in files):
            yield f"{FILE}: the last change has no slot"

    def _identity(self) -> str:
        """How a cause tells of the file as it stands."""
        seen = self.file.stat()
        return f"{seen.st_dev:x}-{seen.st_ino:x}-{seen.st_size:x}-{seen.st_mtime_ns:x}"

    def _followed(self, database: sqlite3.Connection) -> Iterator[str]:
        """Runs of which the end is in the journal, behind the schedule that follows them."""
        ((kind, name),) = self.work.items()
        written = "SELECT min(seq) FROM journal WHERE subject = ?"
        (first,) = database.execute(written, (f"schedule/{AFTER}",)).fetchone()
        ends = "SELECT subject, data FROM journal WHERE type = 'run.state' AND seq > ?"
        of_work = "SELECT id FROM run WHERE origin LIKE ?"
        runs = {row[0] for row in database.execute(of_work, (f"{kind}/{name}@%",))}
        for run, data in database.execute(ends, (first,)):
            if run in runs and json.loads(data)["state"] == "succeeded":
                yield run

    def _database(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(f"file:{self.home.database}?mode=ro", uri=True))


def _doubled(database: sqlite3.Connection) -> Iterator[str]:
    """Slots without their run, runs without their slot, and more of either than one."""
    query = "SELECT run_id, actor FROM schedule_fire WHERE verdict = 'started'"
    slots = Counter(f"{run} by {actor}" for run, actor in database.execute(query))
    query = "SELECT id, actor FROM run WHERE actor LIKE 'schedule/%'"
    runs = Counter(f"{run} by {actor}" for run, actor in database.execute(query))
    yield from (f"run {each} stands in {n} slots" for each, n in slots.items() if n != 1)
    yield from (f"slot of run {each}: there is no such run" for each in slots.keys() - runs.keys())
    yield from (f"run {each} has no slot" for each in runs.keys() - slots.keys())


def _without_reason(database: sqlite3.Connection) -> Iterator[str]:
    query = "SELECT schedule, slot, verdict, reason FROM schedule_fire"
    for schedule, slot, verdict, reason in database.execute(query):
        if verdict not in VERDICTS:
            yield f"{schedule} {slot} is {verdict}"
        if verdict != "started" and not reason:
            yield f"{schedule} {slot} is {verdict} for no reason"


def _with_holes(database: sqlite3.Connection) -> Iterator[str]:
    """Slots of the interval that nobody decided, or that were decided twice."""
    query = "SELECT slot, last_slot, count FROM schedule_fire WHERE schedule = ? ORDER BY slot"
    step, before = timedelta(seconds=EVERY_S), None
    for first, last, count in database.execute(query, (INTERVAL,)):
        begins, ends = datetime.fromisoformat(first), datetime.fromisoformat(last)
        if before is not None and begins - before != step:
            yield f"{INTERVAL}: {begins} follows {before}"
        if ends - begins != (count - 1) * step:
            yield f"{INTERVAL}: {count} slots from {begins} to {ends}"
        before = ends
