"""All documents of one moment, parsed: what planning a run and previewing targets look at.

Parsing ten thousand hosts takes a good part of a second, so a reading engine
keeps its last snapshot and reads only what the journal says has changed since.
Schedules are left out: no run is planned from them, and there may be as many.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Set
from functools import cached_property
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, bindparam, func, select

from core.domain import targets
from core.domain.access import AccountSpec, EnvironmentSpec
from core.domain.command_rules import CommandRuleSpec
from core.domain.documents import KINDS
from core.domain.facts import Observed
from core.domain.flow import FlowSpec
from core.domain.inventory import GroupSpec, HostSpec
from core.domain.inventorysource import InventorySourceSpec
from core.domain.job import JobSpec, ScriptSpec
from core.domain.targets import GroupView, HostView, Inventory
from core.errors import NotFound
from core.storage import facts
from core.storage.database import READ_ONLY, read_with
from core.storage.document_rows import Key, StoredDocument, at_revision, find_all, stored_from
from core.storage.journal import last_seq
from core.storage.tables import document, journal

_CHANGES = ("document.created", "document.replaced", "document.deleted")
_LEFT_OUT = ("schedule",)
_FIRST = select(func.min(journal.c.seq)).where(journal.c.seq > bindparam("seq"))
_NEWS = select(journal.c.type, journal.c.subject).where(
    journal.c.seq > bindparam("seq"), journal.c.type.in_((*_CHANGES, facts.GATHERED))
)

Stored = Mapping[str, Mapping[str, StoredDocument]]


class Snapshot:
    """Documents by kind and name. Never changes; pinned revisions are read when asked for."""

    def __init__(self, stored: Stored, engine: Engine) -> None:
        self.stored = stored
        """Kind -> name -> document."""
        self._engine = engine

    @cached_property
    def hosts(self) -> Mapping[str, HostSpec]:
        return self._specs("host")

    @cached_property
    def groups(self) -> Mapping[str, GroupSpec]:
        return self._specs("group")

    @cached_property
    def accounts(self) -> Mapping[str, AccountSpec]:
        return self._specs("account")

    @cached_property
    def environments(self) -> Mapping[str, EnvironmentSpec]:
        return self._specs("environment")

    @cached_property
    def sources(self) -> Mapping[str, InventorySourceSpec]:
        return self._specs("inventory-source")

    @cached_property
    def scripts(self) -> Mapping[str, ScriptSpec]:
        return self._specs("script")

    @cached_property
    def jobs(self) -> Mapping[str, JobSpec]:
        return self._specs("job")

    @cached_property
    def flows(self) -> Mapping[str, FlowSpec]:
        return self._specs("flow")

    @cached_property
    def command_rules(self) -> Mapping[str, CommandRuleSpec]:
        return self._specs("command-rule")

    @cached_property
    def inventory(self) -> Inventory:
        """Hosts and groups as target expressions see them."""
        return targets.Inventory(
            hosts={
                name: HostView(name, stored.document.labels)
                for name, stored in self.stored["host"].items()
            },
            groups={
                name: GroupView(spec.hosts, spec.expression) for name, spec in self.groups.items()
            },
            facts=lambda: self.facts,
        )

    @cached_property
    def facts(self) -> Mapping[str, Observed]:
        """What was observed, by host; read when it is asked for."""
        return read_with(self._engine, facts.current)

    def job(self, name: str, revision: int | None = None) -> tuple[JobSpec, int]:
        """A job at a revision, None is the current one; NotFound suggests the nearest name."""
        return self._at("job", name, revision)

    def flow(self, name: str, revision: int | None = None) -> tuple[FlowSpec, int]:
        """A flow at a revision; None is the current one."""
        return self._at("flow", name, revision)

    def script(self, name: str, revision: int | None) -> tuple[ScriptSpec, int]:
        """A script at a revision; None is the current one."""
        return self._at("script", name, revision)

    def _at(self, kind: str, name: str, revision: int | None) -> tuple[Any, int]:
        current = self._current(kind, name)
        if revision in (None, current[1]):
            return current
        assert revision is not None
        # A revision never changes, so reading it later gives what this moment had.
        pinned = read_with(self._engine, lambda c: at_revision(c, kind, name, revision))
        return pinned.spec, revision

    def _current(self, kind: str, name: str) -> tuple[Any, int]:
        found = self.stored[kind].get(name)
        if found is None:
            raise NotFound(kind, name, list(self.stored[kind]))
        return found.document.spec, found.revision

    def _specs(self, kind: str) -> Mapping[str, Any]:
        return MappingProxyType(
            {name: stored.document.spec for name, stored in self.stored[kind].items()}
        )


class _Kept:
    """A reading engine's last snapshot, and the last journal entry that is part of it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seq = 0
        self.snapshot: Snapshot | None = None


_kept: WeakKeyDictionary[Engine, _Kept] = WeakKeyDictionary()
_kept_lock = threading.Lock()


def snapshot(connection: Connection) -> Snapshot:
    """The documents as this connection's transaction sees them.

    Quick on a reading connection, where only what changed since the last call is
    parsed. On a writing one everything is, as its changes may yet be undone.
    """
    if not connection.get_execution_options().get(READ_ONLY):
        return _load(connection)
    with _kept_lock:
        kept = _kept.setdefault(connection.engine, _Kept())
    with kept.lock:
        seq = last_seq(connection)
        if kept.snapshot is None or not _joins(connection, kept.seq, seq):
            kept.snapshot = _load(connection)
        else:
            changed, is_observed = _changed_since(connection, kept.seq)
            changed = {key for key in changed if key[0] not in _LEFT_OUT}
            if changed:
                kept.snapshot = _with(connection, kept.snapshot, changed)
            elif is_observed:
                kept.snapshot = Snapshot(kept.snapshot.stored, connection.engine)
        kept.seq = seq
        return kept.snapshot


def changed_between(connection: Connection, known: int, seq: int) -> set[Key] | None:
    """Documents that changed behind the entry `known`, up to `seq`; None: it cannot be told."""
    if known == seq:
        return set()
    return _changed_since(connection, known)[0] if _joins(connection, known, seq) else None


def _joins(connection: Connection, known: int, seq: int) -> bool:
    """Whether the journal still tells everything that happened between `known` and `seq`."""
    if seq <= known:
        return seq == known
    return connection.execute(_FIRST, {"seq": known}).scalar() == known + 1


def _load(connection: Connection) -> Snapshot:
    stored: dict[str, dict[str, StoredDocument]] = {k: {} for k in KINDS if k not in _LEFT_OUT}
    query = select(document).where(document.c.kind.not_in(_LEFT_OUT))
    for row in connection.execute(query.order_by(document.c.kind, document.c.name)):
        stored.setdefault(row.kind, {})[row.name] = stored_from(row)
    return Snapshot(stored, connection.engine)


def _changed_since(connection: Connection, seq: int) -> tuple[set[Key], bool]:
    """Documents that changed, and whether anything was observed."""
    rows = connection.execute(_NEWS, {"seq": seq}).all()
    keys = (row.subject.partition("/") for row in rows if row.type in _CHANGES)
    observed = any(row.type == facts.GATHERED for row in rows)
    return {(kind, name) for kind, _, name in keys}, observed


def _with(connection: Connection, old: Snapshot, changed: Set[Key]) -> Snapshot:
    """`old` with the present state of the documents that changed."""
    found = find_all(connection, changed)
    stored = dict(old.stored)
    for kind in {kind for kind, _ in changed}:
        kept = {name: doc for name, doc in stored[kind].items() if (kind, name) not in changed}
        new = {name: doc for (its_kind, name), doc in found.items() if its_kind == kind}
        stored[kind] = dict(sorted({**kept, **new}.items()))
    return Snapshot(stored, connection.engine)
