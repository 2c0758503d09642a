"""The host keys of a running engine: the record on disk and its copy in memory.

Handshakes ask the copy; it follows every committed decision. A key that a host
shows first is put into the copy at once and on disk right after: losing that
row in a crash only means that the key is shown, and recorded, again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core import failpoints
from core.clock import Clock
from core.domain.hostkeys import KeySource, KeyStatus, KnownKey, name_on_record, normalised
from core.domain.knownhosts import read_known_hosts
from core.errors import NotFound, Problem
from core.executors.hostkeybook import InMemoryHostKeys
from core.ids import Ids
from core.storage import host_keys
from core.storage.documents import snapshot
from core.storage.host_keys import KeyRow
from core.storage.store import Store
from core.storage.writer import Transaction

_BY_RULE = "engine"


class HostKeys:
    """Lists, approves, revokes and imports; every change is journalled."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self.book = InMemoryHostKeys(clock.now, on_new=self._remember)

    async def load(self) -> None:
        """Read the record into memory."""
        rows = await self._store.reader.read(host_keys.list_keys)
        self.book.load(row.key for row in rows)

    @property
    def pending(self) -> int:
        """Keys that wait for a person."""
        return sum(key.status is KeyStatus.PENDING for key in self.book.records())

    async def on_record(
        self, status: KeyStatus | None = None, *, after: str = "", limit: int = 100_000
    ) -> list[KeyRow]:
        """Keys on record, oldest first."""
        return await self._store.reader.read(
            lambda c: host_keys.list_keys(c, status=status, after=after, limit=limit)
        )

    async def decide(
        self, ids: Sequence[str], hosts: Sequence[str], status: KeyStatus, actor: str
    ) -> list[KeyRow]:
        """Approve or revoke: keys by id, and for hosts named in the inventory or by address.

        Approving hosts takes their pending keys. Revoking takes the approved ones, and the
        pending ones where none is approved: a new key that waits to take the place of the
        old one goes on waiting. All or nothing; NotFound names what has no such key.
        """
        documents = await self._store.reader.read(snapshot)
        places = {
            name: name_on_record(spec.address or name, spec.port)
            for name, spec in documents.hosts.items()
        }
        chosen = _choose(await self.on_record(), ids, hosts, status, places)

        def write(tx: Transaction) -> list[KeyRow]:
            decided = [host_keys.decide(tx, row.id, status, actor) for row in chosen]
            failpoints.reach("hostkeys.decided")
            return decided

        return await self._follow(await self._store.writer.write(write))

    async def add(self, keys: Sequence[KnownKey], actor: str) -> list[KeyRow]:
        """Put approved keys, revoked keys or authorities on record; those known already stay."""

        def write(tx: Transaction) -> list[KeyRow]:
            added = [host_keys.add(tx, self._ids.new(), key, actor) for key in keys]
            return [row for row in added if row is not None]

        return await self._follow(await self._store.writer.write(write))

    async def add_authority(self, pattern: str, public_key: str, actor: str) -> list[KeyRow]:
        """Trust a certificate authority for the hosts that `pattern` names."""
        key = KnownKey(
            pattern=pattern,
            public_key=normalised(public_key),
            status=KeyStatus.APPROVED,
            authority=True,
            source=KeySource.IMPORT,
            decided_by=actor,
        )
        return await self.add([key], actor)

    async def import_known_hosts(
        self, text: str, actor: str, *, dry_run: bool
    ) -> tuple[list[KnownKey], tuple[Problem, ...]]:
        """Put the keys of an OpenSSH known_hosts file on record, as approved by who imports it.

        The keys that are (or with `dry_run` would be) added, and the lines left out.
        """
        documents = await self._store.reader.read(snapshot)
        hosts = [(name, spec.address or name, spec.port) for name, spec in documents.hosts.items()]
        found = read_known_hosts(text, hosts, approved_by=actor, at=self._clock.now())
        if dry_run:
            known = {(key.pattern, key.public_key, key.authority) for key in self.book.records()}
            new = [k for k in found.keys if (k.pattern, k.public_key, k.authority) not in known]
            return new, found.notices
        return [row.key for row in await self.add(found.keys, actor)], found.notices

    async def _follow(self, rows: Sequence[KeyRow]) -> list[KeyRow]:
        """Handshakes obey what was decided, in every process, before it is acknowledged."""
        failpoints.reach("hostkeys.kept")
        for row in rows:
            self.book.put(row.key)
        await self.book.caught_up()
        return list(rows)

    def _remember(self, key: KnownKey) -> None:
        failpoints.reach("hostkeys.seen")
        id_ = self._ids.new()
        self._store.writer.submit(lambda tx: host_keys.add(tx, id_, key, _BY_RULE))


def _choose(
    rows: Sequence[KeyRow],
    ids: Sequence[str],
    hosts: Sequence[str],
    status: KeyStatus,
    places: Mapping[str, str],
) -> list[KeyRow]:
    """The keys that a decision is about. `places`: host of the inventory -> name on record."""
    chosen: dict[str, KeyRow] = {}
    for id_ in ids:
        found = [row for row in rows if row.id == id_ or row.key.fingerprint == id_]
        if not found:
            raise NotFound("host key", id_, [row.id for row in rows])
        chosen.update((row.id, row) for row in found)
    for host in hosts:
        # Two names of one machine share its keys, which bear the name that met them first.
        own = [
            row
            for row in rows
            if host in (row.key.host, row.key.pattern) or places.get(host) == row.key.pattern
        ]
        found = next(filter(None, (_in_state(own, state) for state in _DECIDED_FROM[status])), [])
        if not found:
            states = _DECIDED_FROM[status]
            known = [row.key.host or row.key.pattern for row in rows if row.key.status in states]
            what = "pending key of host" if status is KeyStatus.APPROVED else "key of host"
            raise NotFound(what, host, known)
        chosen.update((row.id, row) for row in found)
    return list(chosen.values())


def _in_state(rows: Sequence[KeyRow], status: KeyStatus) -> list[KeyRow]:
    return [row for row in rows if row.key.status is status]


_DECIDED_FROM: Mapping[KeyStatus, Sequence[KeyStatus]] = {
    KeyStatus.APPROVED: (KeyStatus.PENDING,),
    KeyStatus.REVOKED: (KeyStatus.APPROVED, KeyStatus.PENDING),
}
"""Which keys of a host a decision takes: those in the first of these states that it has any in."""
