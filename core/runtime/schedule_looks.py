"""Looks at schedules: every slot behind a cursor gets its verdict, in the write that moves it.

When a schedule is looked at next is on disk beside its cursor, so that an engine that starts
reads no schedule of which no slot has come. It holds for one revision, one set of calendars and
one set of time zones; under others the schedule is looked at anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from msgspec.structs import replace

from core import failpoints
from core.clock import Clock
from core.domain.documents import Document
from core.domain.schedule import BY_EVENT, ScheduleSpec
from core.runtime import timerules
from core.runtime.schedule_answers import calendars_of
from core.scheduling import ledger, occurrences
from core.scheduling.agenda import Agenda
from core.scheduling.calendars import Calendar
from core.scheduling.ledger import Entry, Look
from core.scheduling.triggers import Trigger
from core.storage import documents, journal, schedules
from core.storage.documents import StoredDocument
from core.storage.reading import Connection
from core.storage.schedules import Head, Looked, State
from core.storage.snapshot import changed_between
from core.storage.store import Store
from core.storage.writer import Transaction

log = structlog.get_logger(__name__)

_MOST_LOOKS = 1000
"""Schedules that one look, and one write, is about."""
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
_BUGS = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a look that goes wrong by itself raises; a database raises none of these."""
_AGAIN = timedelta(minutes=1)
"""After that a schedule is looked at again whose look went wrong."""


@dataclass(frozen=True, slots=True)
class _News:
    """What changed among the schedules since it was asked last."""

    seq: int
    heads: Mapping[str, Head]
    gone: frozenset[str]
    is_all: bool
    """Whether `heads` are all that there are."""
    calendars: Mapping[str, Calendar] | None
    """All of them, where one changed."""
    basis: str


class Looks:
    """Settles what is due, and knows when the next slot of all is."""

    def __init__(self, store: Store, clock: Clock, version: str) -> None:
        self._store = store
        self._clock = clock
        self._engine_started = clock.now()
        self._rules = timerules.fingerprint(version)
        self._agenda = Agenda()
        self._seq: int | None = None
        self._calendars: Mapping[str, Calendar] = {}
        self._basis = ""
        self._gone: frozenset[str] = frozenset()
        self._triggers: dict[str, str] = {}

    @property
    def basis(self) -> str:
        """By which rules of time and calendars schedules are looked at."""
        return self._basis

    @property
    def calendars(self) -> Mapping[str, Calendar]:
        """All that there are."""
        return self._calendars

    def by_trigger(self, *kinds: str) -> list[str]:
        """Schedules whose trigger is of these kinds, which are such as events make due."""
        return [name for name, kind in self._triggers.items() if kind in kinds]

    @property
    def next_at(self) -> datetime | None:
        """When the next slot of all is to be started."""
        return self._agenda.next_at

    async def settle(self) -> bool:
        """Give their verdicts to slots that are due by now; whether some are left."""
        now = self._clock.now()
        self._hear(await self._store.reader.read(self._news))
        taken = self._agenda.take(now, _MOST_LOOKS)
        if not taken and not self._gone:
            return False
        try:
            looked, stuck = await self._store.reader.read(lambda c: self._look(c, taken, now))
            failpoints.reach("schedule.settling")
            await self._store.writer.write(lambda tx: _keep(tx, looked, self._gone))
            failpoints.reach("schedule.settled")
        except BaseException:
            # What could not be written is looked at again.
            for name, moment in taken.items():
                self._agenda.put(name, moment)
            raise
        self._gone = frozenset()
        for name in stuck:
            self._agenda.put(name, now + _AGAIN)
        for name, each in looked.items():
            self._agenda.put(name, each.settled.next_due)
            self._note_trigger(name, each.trigger)
        return len(taken) == _MOST_LOOKS or any(each.settled.more for each in looked.values())

    # --- what changed -------------------------------------------------------------------------

    def _news(self, c: Connection) -> _News:
        seq = journal.last_seq(c)
        changed = None if self._seq is None else changed_between(c, self._seq, seq)
        is_all = changed is None or any(kind == "calendar" for kind, _ in changed)
        if is_all:
            found = documents.every(c, "calendar")
            revisions = "\n".join(f"{each.document.name} {each.revision}" for each in found)
            basis = hashlib.sha256(f"{self._rules}\n{revisions}".encode()).hexdigest()[:32]
            heads = {head.name: head for head in schedules.heads(c, None)}
            gone = frozenset(schedules.left(c))
            return _News(seq, heads, gone, True, calendars_of(found), basis)
        names = {name for kind, name in changed or () if kind == "schedule"}
        heads = {head.name: head for head in schedules.heads(c, names)} if names else {}
        return _News(seq, heads, frozenset(names - heads.keys()), False, None, self._basis)

    def _hear(self, news: _News) -> None:
        self._seq, self._basis = news.seq, news.basis
        self._gone |= news.gone
        if news.calendars is not None:
            self._calendars = news.calendars
        if news.is_all:
            self._agenda = Agenda()
        for name in news.gone:
            self._agenda.put(name, None)
            self._triggers.pop(name, None)
        for name, head in news.heads.items():
            self._agenda.put(name, self._when(head))
            self._note_trigger(name, head.trigger or "")

    def _note_trigger(self, name: str, kind: str) -> None:
        if kind in BY_EVENT:
            self._triggers[name] = kind
        else:
            self._triggers.pop(name, None)

    def _when(self, head: Head) -> datetime | None:
        """When to look: as it is on record, where that still holds."""
        if (head.looked_revision, head.looked_as) != (head.revision, self._basis):
            return _AT_ONCE
        return None if head.next_look is None else datetime.fromisoformat(head.next_look)

    # --- looking ------------------------------------------------------------------------------

    def _look(
        self, c: Connection, names: Mapping[str, object], now: datetime
    ) -> tuple[dict[str, Looked], list[str]]:
        """What was found, and the schedules whose look went wrong: they hold up no other."""
        found = documents.find_all(c, [("schedule", name) for name in names])
        states = schedules.states(c, names)
        looked, stuck = dict[str, Looked](), list[str]()
        for (_, name), stored in found.items():
            try:
                looked[name] = self._look_at(c, stored, states.get(name), now)
            except _BUGS:
                log.exception("schedule.bug", schedule=name)
                stuck.append(name)
        return looked, stuck

    def _look_at(
        self, c: Connection, stored: StoredDocument, state: State | None, now: datetime
    ) -> Looked:
        spec: ScheduleSpec = stored.document.spec
        look = Look(
            name=stored.document.name,
            trigger=Trigger.of(spec, self._calendars),
            cursor=schedules.begins_at(state, stored.updated_at),
            now=now,
            paused=schedules.pause_of(state, stored),
            engine_started=self._engine_started,
            counted=0 if state is None else state.counted,
        )
        earlier: tuple[Entry, ...] = ()
        if state is not None and _had_slots(state, stored):
            before = schedules.as_it_was(c, look.name, state.looked_revision)
            earlier = () if before is None else self._due_before(before, stored, state, look)
        counted = look.counted + sum(entry.count for entry in earlier)
        settled = ledger.settle(replace(look, counted=counted))
        return Looked(
            settled=replace(settled, entries=(*earlier, *settled.entries)),
            trigger=spec.trigger.kind,
            revision=stored.revision,
            looked_as=self._basis,
            # An engine that starts has to look, and only then.
            next_look=now if spec.trigger.at_start else settled.next_due,
            memory=_memory(c, stored, state),
        )

    def _due_before(
        self, before: tuple[Document, str], stored: StoredDocument, state: State, look: Look
    ) -> tuple[Entry, ...]:
        """Slots of the schedule as it was that no look had come to when it was changed."""
        then, written_at = before
        earlier = replace(
            look,
            trigger=Trigger.of(then.spec, self._calendars),
            cursor=schedules.begins_at(state, written_at),
            now=datetime.fromisoformat(stored.updated_at),
        )
        return ledger.settle(earlier).entries


def _memory(c: Connection, stored: StoredDocument, state: State | None) -> str:
    """What its trigger remembers: the journal from the change of the document on, at first."""
    if state is not None and state.looked_revision == stored.revision:
        return state.memory
    if not stored.document.spec.trigger.is_by_event:
        return ""
    return occurrences.as_text({"seq": schedules.written_as(c, stored.document.name)})


def _had_slots(state: State, stored: StoredDocument) -> bool:
    """Whether a slot of an earlier revision may have come before the present one was written."""
    is_another = state.looked_revision not in (0, stored.revision)
    return is_another and state.next_look is not None and state.next_look <= stored.updated_at


def _keep(tx: Transaction, looked: Mapping[str, Looked], gone: frozenset[str]) -> None:
    schedules.keep(tx, looked)
    schedules.forget(tx, gone)
