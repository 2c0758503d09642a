"""Watches over what makes schedules due by events: ended runs, the journal, files, hosts.

Each watch sees what happened since it looked last, asks the pure rule, and keeps what the trigger
remembers together with the slots: whatever dies in between, both are on record or neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from core import failpoints
from core.clock import Clock
from core.domain import targets
from core.domain.facts import fresh
from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.domain.schedule import ScheduleSpec, TriggerSpec
from core.domain.targets import Inventory
from core.errors import NotFound, OpsError
from core.runtime.schedule_looks import Looks
from core.scheduling import ledger, occurrences
from core.scheduling.ledger import Look
from core.scheduling.occurrences import EndedRun, Memory, Occurrence, Seen, Written
from core.scheduling.triggers import Trigger
from core.storage import documents, fires, journal, runs, schedules
from core.storage.documents import Snapshot, StoredDocument, snapshot
from core.storage.reading import Connection
from core.storage.schedules import Looked, State
from core.storage.store import Store
from core.storage.writer import timestamp

_PAGE = 500
"""Entries of the journal that are read together."""
_LONGEST_CHAIN = 16
"""Slots of schedules one after the other, each of which is there by the one before."""
_KEPT_AFTER = 5000
"""Entries behind which it is noted how far the journal was read, though none of them fitted."""

_SAMPLE_KEPT, _LEAST_KEPT = timedelta(days=1), timedelta(minutes=15)
"""An older sample says nothing of a host: one gathered by hand, and at least of any host."""

Happened = tuple[Memory, list[Occurrence]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """A schedule that events make due."""

    stored: StoredDocument
    state: State
    memory: Memory

    @property
    def trigger(self) -> TriggerSpec:
        spec: ScheduleSpec = self.stored.document.spec
        return spec.trigger


class Watches:
    """Looks at what happened, on the beat and whenever it is asked."""

    def __init__(self, store: Store, clock: Clock, looks: Looks) -> None:
        self._store = store
        self._clock = clock
        self._looks = looks
        self._read_to: dict[tuple[str, int], int] = {}
        """Schedule and revision -> the journal's entry up to which nothing is left to be seen."""

    async def settle(self) -> None:
        """Give a slot to everything that happened."""
        if names := self._looks.by_trigger("after", "journal"):
            while await self._settle_journal(names):
                pass
        if names := self._looks.by_trigger("condition"):
            await self._keep(await self._store.reader.read(lambda c: self._conditions(c, names)))
        if names := self._looks.by_trigger("file"):
            await self._keep(await self._files(names))

    async def deliver(self, name: str, happened: Occurrence) -> fires.Fire | None:
        """Give a slot to a call from outside; the slot that it has, None where there is none."""

        def read(c: Connection) -> dict[str, Looked]:
            watched = _watched(c, [name])
            found = {each: (one.memory, [happened]) for each, one in watched.items()}
            return self._looked(watched, found)

        await self._keep(await self._store.reader.read(read))
        return await self._store.reader.read(lambda c: fires.known(c, name, happened.cause))

    async def _keep(self, looked: Mapping[str, Looked]) -> None:
        if looked:
            failpoints.reach("schedule.settling")
            await self._store.writer.write(lambda tx: schedules.keep(tx, looked))
            failpoints.reach("schedule.settled")

    def _looked(
        self, watched: Mapping[str, _Watched], happened: Mapping[str, Happened]
    ) -> dict[str, Looked]:
        """What is to be kept: of schedules that are due, or that remember something else now."""
        now = self._clock.now()
        found: dict[str, Looked] = {}
        for name, (memory, occurred) in happened.items():
            each = watched[name]
            if not occurred and memory == each.memory:
                continue
            state, stored = each.state, each.stored
            look = Look(
                name=name,
                trigger=Trigger.of(stored.document.spec, self._looks.calendars),
                cursor=schedules.begins_at(state, stored.updated_at),
                now=now,
                paused=schedules.pause_of(state, stored),
                counted=state.counted,
            )
            found[name] = Looked(
                settled=ledger.settle_events(look, occurred),
                trigger=each.trigger.kind,
                revision=stored.revision,
                looked_as=self._looks.basis,
                next_look=None,
                memory=occurrences.as_text(memory),
            )
        return found

    # --- the journal, and runs that end -------------------------------------------------------

    async def _settle_journal(self, names: Sequence[str]) -> bool:
        """Read on; whether there is more to read."""
        looked, read_to, is_all = await self._store.reader.read(lambda c: self._journal(c, names))
        await self._keep(looked)
        self._read_to = read_to
        return not is_all

    def _journal(
        self, c: Connection, names: Sequence[str]
    ) -> tuple[dict[str, Looked], dict[tuple[str, int], int], bool]:
        watched = _watched(c, names)
        places = {name: self._place(each) for name, each in watched.items()}
        if not places:
            return {}, {}, True
        last, first = journal.last_seq(c), min(places.values())
        if first >= last:
            return {}, self._read_to, True
        types = {kind for each in watched.values() for kind in _types(each.trigger)}
        entries = journal.read_after(c, first, _PAGE, types=sorted(types))
        is_all = len(entries) < _PAGE
        until = last if is_all else entries[-1].seq
        happened = {
            name: self._seen(
                c, each, [entry for entry in entries if entry.seq > places[name]], until
            )
            for name, each in watched.items()
        }
        read_to = {(name, each.stored.revision): until for name, each in watched.items()}
        return self._looked(watched, happened), read_to, is_all

    def _place(self, each: _Watched) -> int:
        noted = self._read_to.get((each.stored.document.name, each.stored.revision), 0)
        return max(noted, int(each.memory.get("seq", 0)))

    def _seen(
        self, c: Connection, each: _Watched, entries: Sequence[journal.Entry], until: int
    ) -> Happened:
        memory, found = each.memory, list[Occurrence]()
        name, trigger = each.stored.document.name, each.trigger
        for entry in entries:
            occurrence = None
            if trigger.after is not None and (run := _ended(c, entry)) is not None:
                memory, occurrence = occurrences.after(trigger.after, memory, run)
            elif trigger.journal is not None:
                occurrence = occurrences.written(trigger.journal, _written(entry))
            if occurrence is not None and not _is_its_own(c, name, entry):
                found.append(occurrence)
        if found or memory != each.memory or until - int(memory.get("seq", 0)) > _KEPT_AFTER:
            memory = {**memory, "seq": until}
        return memory, found

    # --- hosts and files ----------------------------------------------------------------------

    def _conditions(self, c: Connection, names: Sequence[str]) -> dict[str, Looked]:
        watched, now = _watched(c, names), self._clock.now()
        inventory = _inventory(snapshot(c), now)
        happened = {}
        for name, each in watched.items():
            assert each.trigger.condition is not None
            try:
                hosts = targets.resolve(targets.parse(each.trigger.condition.hosts), inventory)
            except OpsError:
                hosts = ()  # a group that went after it was saved: nobody is so
            happened[name] = _one(
                occurrences.condition(each.trigger.condition, each.memory, hosts, now)
            )
        return self._looked(watched, happened)

    async def _files(self, names: Sequence[str]) -> dict[str, Looked]:
        watched = await self._store.reader.read(lambda c: _watched(c, names))
        now = self._clock.now()

        def look() -> dict[str, Happened]:
            # In a thread: a file system that hangs must not hold up the loop.
            return {
                name: _one(occurrences.file(spec, each.memory, _stat(spec.path), now))
                for name, each in watched.items()
                if (spec := each.trigger.file) is not None
            }

        return self._looked(watched, await asyncio.to_thread(look))


def _inventory(documents: Snapshot, now: datetime) -> Inventory:
    """Hosts as conditions see them: of one that answers no more, its load of long ago is not asked."""

    def since(host: str) -> str:
        spec = documents.hosts.get(host)
        looked_at_s = spec.facts_s if spec is not None else None
        kept = _SAMPLE_KEPT if looked_at_s is None else timedelta(seconds=2 * looked_at_s)
        return timestamp(now - max(kept, _LEAST_KEPT))

    return replace(documents.inventory, facts=cache(lambda: fresh(documents.facts, since)))


def _watched(c: Connection, names: Collection[str]) -> dict[str, _Watched]:
    """Those whose last look was at the document as it is; others are looked at first."""
    found, states = (
        documents.find_all(c, [("schedule", n) for n in names]),
        schedules.states(c, names),
    )
    return {
        name: _Watched(stored=stored, state=state, memory=occurrences.as_memory(state.memory))
        for (_, name), stored in found.items()
        if (state := states.get(name)) is not None and state.looked_revision == stored.revision
    }


def _one(found: occurrences.Found) -> Happened:
    memory, occurrence = found
    return memory, [] if occurrence is None else [occurrence]


def _types(trigger: TriggerSpec) -> Sequence[str]:
    return ("run.state",) if trigger.journal is None else trigger.journal.types


def _ended(c: Connection, entry: journal.Entry) -> EndedRun | None:
    state = entry.data.get("state")
    if entry.type != "run.state" or state not in TERMINAL_RUN_STATES:
        return None
    try:
        work = runs.get(c, entry.subject).origin.rpartition("@")[0]
    except NotFound:
        return None  # it is no longer on record
    ended_at = datetime.fromisoformat(entry.at)
    return EndedRun(id=entry.subject, work=work, state=RunState(state), ended_at=ended_at)


def _written(entry: journal.Entry) -> Written:
    return Written(
        seq=entry.seq,
        at=datetime.fromisoformat(entry.at),
        actor=entry.actor,
        type=entry.type,
        subject=entry.subject,
        data=entry.data,
    )


def _is_its_own(c: Connection, name: str, entry: journal.Entry) -> bool:
    """Whether a schedule would follow itself: by its own entry, its own run, or an endless chain."""
    if entry.actor == fires.actor_of(name) or entry.subject == f"schedule/{name}":
        return True
    before = fires.chain(c, entry, _LONGEST_CHAIN)
    return name in before[:1] or len(before) == _LONGEST_CHAIN


def _stat(path: str) -> Seen | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return Seen(
        identity=f"{found.st_dev:x}-{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}",
        size_bytes=found.st_size,
        changed_at=datetime.fromtimestamp(found.st_mtime, UTC),
    )
