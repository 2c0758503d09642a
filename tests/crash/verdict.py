"""Looks at everything after the last engine has ended its work, and names what is wrong.

The database is read as it lies on disk, the ledgers as hosts and services wrote them; only
output is asked of the API, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.domain.run import (
    LIVE_TARGET_STATES,
    TARGET_TRANSITIONS,
    TERMINAL_RUN_STATES,
    TargetState,
)
from tests.crash.services import HTTP, SQL
from tests.crash.work import AskedRun
from tests.crash.world import World
from tests.support.waiting import until

RAN = frozenset({TargetState.SUCCESS, TargetState.FAILED})
"""Began and ended there, once each."""
MAY_HAVE_RUN = frozenset({TargetState.UNKNOWN, TargetState.TERMINATED})

Place = tuple[str, str, int, str]
"""Run id, step, attempt, host."""


@dataclass
class Verdict:
    """What was found."""

    runs: int = 0
    targets: int = 0
    states: Counter[str] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)
    """Targets of which nothing could be known."""
    unjustified: list[str] = field(default_factory=list)
    """Targets that are unknown, though their host could have said how they went."""
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Verdict) -> None:
        self.runs += other.runs
        self.targets += other.targets
        self.states += other.states
        self.unknown += other.unknown
        self.unjustified += other.unjustified
        self.wrong += other.wrong


@dataclass(frozen=True, slots=True)
class _Target:
    """One row of the table of targets."""

    place: Place
    attempt_id: str
    state: TargetState
    message: str


def judge(world: World) -> Verdict:
    """Compare what was asked, what the database says, and what the hosts noted."""
    found = Verdict()
    asked = {run.run_id: run for run in world.runs}
    ledger = _ledger(world)
    with closing(sqlite3.connect(f"file:{world.home.database}?mode=ro", uri=True)) as database:
        found.wrong += _damage(database)
        found.wrong += _journal(database)
        found.wrong += _forgotten(database, world)
        found.wrong += _contents(database, world)
        for run_id, state in database.execute("SELECT id, state FROM run ORDER BY id"):
            if run_id not in asked:
                continue  # a stranger's
            found.runs += 1
            if state not in TERMINAL_RUN_STATES:
                found.wrong.append(f"run {run_id} is {state} and never ends")
        ended, places = set(), set()
        for target in _targets(database):
            if target.state not in LIVE_TARGET_STATES:
                ended.add(target.attempt_id)
            places.add(target.place)
            if target.place[0] in asked:
                _judge_target(world, asked[target.place[0]], target, ledger, found)
    for place in ledger.keys() - places:
        found.wrong.append(f"{' '.join(map(str, place))} ran and is not on record")
    found.wrong += [
        f"the key {key} was sent {times} times"
        for key, times in world.services.keys().items()
        if times != 1
    ]
    found.wrong += _sealed_for_ever(world)
    found.wrong += _backups(world)
    found.wrong += _left_behind(world, ended)
    return found


def _judge_target(
    world: World, run: AskedRun, target: _Target, ledger: dict[Place, Counter[str]], found: Verdict
) -> None:
    noted = ledger.get(target.place, Counter())
    begun, ended = noted["begin"], noted["end"]
    name = " ".join(map(str, target.place)) + f" is {target.state}"
    found.targets += 1
    found.states[target.state] += 1
    if run.idempotent:  # may be done again where the outcome was lost, and as often as that was
        doubted = target.state in RAN and not ended
    elif run.service == SQL:  # a later attempt finds what an earlier one has done
        times = _in_all_attempts(ledger, target.place)
        doubted = times > 1 or (target.state is TargetState.SUCCESS and times != 1)
    elif target.state in RAN:
        doubted = (begun, ended) != (1, 1)
        found.wrong += _output(world, run, target, name)
    else:
        doubted = max(begun, ended) > (1 if target.state in MAY_HAVE_RUN else 0)
    if doubted:
        found.wrong.append(f"{name}; it began {begun} times and ended {ended} times")
    if target.state is TargetState.UNKNOWN:
        known = found.unknown if run.direct or run.service == HTTP else found.unjustified
        known.append(f"{name}: {target.message}")


def _output(world: World, run: AskedRun, target: _Target, name: str) -> Iterator[str]:
    """What is wrong with the output of a target that ran to its end."""
    run_id, step, attempt, host = target.place
    where = f"/runs/{run_id}/output?step={step}&attempt={attempt}&host={host}"
    for stream, expected in (("out", run.out), ("err", run.err)):
        stored = world.line.raw(f"{where}&streams={stream}")
        if expected is not None and stored != expected:
            yield f"{name}; its std{stream} is {_difference(stored, expected)}"


def _difference(stored: bytes, expected: bytes) -> str:
    pairs = enumerate(zip(stored, expected, strict=False))
    same = next((at for at, (a, b) in pairs if a != b), min(len(stored), len(expected)))
    sizes = f"{len(stored)} bytes instead of {len(expected)}, the same for {same}"
    return f"{sizes}, then {stored[same : same + 40]!r}"


def _targets(database: sqlite3.Connection) -> Iterator[_Target]:
    query = (
        "SELECT run_id, step, attempt, host, attempt_id, state, message FROM target_run ORDER BY id"
    )
    for *place, attempt_id, state, message in database.execute(query):
        yield _Target(tuple(place), attempt_id, TargetState(state), message)


def _ledger(world: World) -> dict[Place, Counter[str]]:
    """What every host and service noted: place -> begin and end, each with its number."""
    noted: dict[Place, Counter[str]] = {
        place: Counter(begin=times, end=times)
        for place, times in (world.services.requests() + world.services.effects()).items()
    }
    for host, home in world.homes.items():
        file = home / "ledger"
        for line in file.read_text().splitlines() if file.exists() else ():
            what, run_id, step, attempt = line.split()
            noted.setdefault((run_id, step, int(attempt), host), Counter())[what] += 1
    return noted


def _in_all_attempts(ledger: dict[Place, Counter[str]], place: Place) -> int:
    """How often it began under any attempt of the step on that host."""
    run_id, step, _attempt, host = place
    return sum(
        noted["begin"]
        for (its_run, its_step, _, its_host), noted in ledger.items()
        if (its_run, its_step, its_host) == (run_id, step, host)
    )


def _damage(database: sqlite3.Connection) -> Iterator[str]:
    said = [row[0] for row in database.execute("PRAGMA integrity_check(3)")]
    if said != ["ok"]:
        yield f"the database is damaged: {said}"
    if database.execute("PRAGMA foreign_key_check").fetchone():
        yield "the database has rows without their parents"


def _journal(database: sqlite3.Connection) -> Iterator[str]:
    """Numbers without a hole, states that follow from one another and end where the tables are."""
    count, last = database.execute("SELECT count(*), max(seq) FROM journal").fetchone()
    if count != last:
        yield f"the journal has {count} entries and ends at {last}"
    states: dict[Any, TargetState] = {}
    query = "SELECT subject, data FROM journal WHERE type = 'run.targets' ORDER BY seq"
    for run_id, text in database.execute(query):
        data = json.loads(text)
        for ordinal, state, *_ in data["targets"]:
            place = (run_id, data["step"], data["attempt"], ordinal)
            before, after = states.get(place, TargetState.WAITING), TargetState(state)
            if not (_leads(before, after) or _leads(before, after, via=TargetState.UNKNOWN)):
                yield f"the journal leads {place} from {before} to {after}"
            states[place] = after
    query = "SELECT run_id, step, attempt, ordinal, state FROM target_run"
    for *key, state in database.execute(query):
        said = states.get(tuple(key))
        if said is not None and said != state:
            yield f"the journal ends {key} as {said}, the record as {state}"


def _leads(before: TargetState, after: TargetState, via: TargetState | None = None) -> bool:
    """Whether the table leads there; an entry may tell of two changes at once."""
    if via is not None:
        return _leads(before, via) and _leads(via, after)
    return after is before or after in TARGET_TRANSITIONS[before]


def _sealed_for_ever(world: World) -> Iterator[str]:
    """Secrets that do not open any more."""
    verdict = world.line.call("GET", "/vault/verify").json()
    yield from (f"the secret of {owner} does not open" for owner in verdict["owners"])


def _forgotten(database: sqlite3.Connection, world: World) -> Iterator[str]:
    """What was acknowledged and is not there."""
    stored = {row[0] for row in database.execute("SELECT id FROM run")}
    for run in world.runs:
        if run.run_id not in stored:
            yield f"run {run.run_id or run.key} was acknowledged and is lost"
    query = "SELECT key, count(DISTINCT run_id) FROM idempotency GROUP BY key"
    for key, count in database.execute(query):
        if count != 1:
            yield f"{key} started {count} runs"
    known = world.judged | {run.run_id for run in world.runs}
    if surplus := len(stored - known) - world.strangers:
        yield f"{surplus} runs are stored that nobody asked for"
    row = database.execute("SELECT spec FROM document WHERE name = 'mark'").fetchone()
    number = 0 if row is None else int(json.loads(row[0])["text"].split()[1])
    if not world.applied <= number <= world.sent:
        yield f"document mark says {number}; {world.applied} was acknowledged"
    last = database.execute("SELECT max(seq) FROM journal").fetchone()[0]
    if world.heard and max(world.heard) > last:
        yield f"a follower heard of entry {max(world.heard)}; the journal ends at {last}"


def _backups(world: World) -> Iterator[str]:
    while world.backups:
        path = world.backups.pop()
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
            said = [row[0] for row in copy.execute("PRAGMA integrity_check(3)")]
        if said != ["ok"]:
            yield f"the backup {path} is damaged: {said}"


def _contents(database: sqlite3.Connection, world: World) -> Iterator[str]:
    """What is on record is whole on the disk, and what a document names is on record."""
    rows = {row[0] for row in database.execute("SELECT sha256 FROM content")}
    for sha256 in sorted(world.contents - rows):
        yield f"the content {sha256} was acknowledged, is named, and is gone"
    for sha256 in sorted(rows):
        file = world.home.contents / sha256[:2] / sha256[2:]
        if not file.exists() or hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            yield f"the content {sha256} is on record, and not whole on the disk"
    for draft in world.home.contents.glob("incoming/*"):
        yield f"{draft} is left of a content that never came"


def _left_behind(world: World, ended: Collection[str]) -> Iterator[str]:
    """Processes and claims that hosts still hold; `ended`: attempts whose end is on record."""
    with suppress(AssertionError):
        until(lambda: not _processes(world), 5)
    for pid, words in _processes(world):
        yield f"process {pid} is left on a host: {words}"
    for host, home in world.homes.items():
        for claim in sorted(home.glob(".jobdeck/*")):
            if not _may_stay(claim, ended):
                yield f"{host} still holds {claim.name}"


def _may_stay(claim: Path, ended: Collection[str]) -> bool:
    """Whether a host may hold this until its sweep, seven days later.

    Fences and void claims turn late packets of dead engines away. And where an engine was
    killed after it had recorded an end, nobody told the host that it may forget the claim.
    """
    if claim.name.startswith("fence-"):
        return True
    with suppress(OSError):
        return claim.name in ended or (claim / "pid").read_text() == "void\n"
    return False


def _processes(world: World) -> list[tuple[int, str]]:
    """Work that lives: processes whose home is a host's."""
    homes = {f"HOME={home}".encode() for home in world.homes.values()}
    own = {os.getpid()} | ({world.engine.pid} if world.engine else set())
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in own:
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if words and homes.intersection(variables):
            found.append((int(entry.name), words))
    return found
