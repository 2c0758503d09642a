"""The host-key record in memory, for handshakes to ask.

Loaded from storage when the engine starts; `put` follows every decision, and
`on_new` hands each key that a host shows for the first time to storage. Nothing
here waits: a handshake asks in the middle of a callback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

import msgspec

from core.domain.hostkeys import (
    KeyJudgement,
    KeySource,
    KeyStatus,
    KeyVerdict,
    KnownKey,
    covers,
    is_exact,
    judge,
    name_on_record,
    normalised,
    place_on_record,
)
from core.executors.protocol import Target


class KeyFollower(Protocol):
    """Keeps copies of the record elsewhere."""

    def put(self, key: KnownKey) -> None:
        """The record was added, or replaces the one with the same pattern, key and role."""

    def removed(self, key: KnownKey) -> None:
        """The record with the same pattern, key and role is no more."""

    async def caught_up(self) -> None:
        """Returns when every copy has all that was `put` so far."""


MAX_PENDING_A_HOST = 16
"""A host that shows a new key at every visit must not fill memory and storage."""

_RULE = "rule: accept-new"


class InMemoryHostKeys:
    """The `HostKeyBook` of a running engine."""

    def __init__(
        self, now: Callable[[], datetime], on_new: Callable[[KnownKey], None] | None = None
    ) -> None:
        self._now = now
        self._on_new = on_new
        self._keys: dict[tuple[str, str, bool], KnownKey] = {}
        self._by_name: dict[str, dict[str, KnownKey]] = {}
        self._wide: list[KnownKey] = []
        """Records that may be about many hosts: patterns, authorities, revoked keys."""
        self.followers: list[KeyFollower] = []

    def load(self, keys: Iterable[KnownKey]) -> None:
        """Replace everything."""
        self._keys, self._by_name, self._wide = {}, {}, []
        for key in keys:
            self.put(key)

    def put(self, key: KnownKey) -> None:
        """Add a record, or replace the one with the same pattern, key and role."""
        self._drop(key)
        self._keys[_identity(key)] = key
        if _is_wide(key):
            self._wide.append(key)
        else:
            self._by_name.setdefault(key.pattern.lower(), {})[key.public_key] = key
        for follower in self.followers:
            follower.put(key)

    def remove(self, key: KnownKey) -> None:
        """Forget the record with the same pattern, key and role; nothing happens without one."""
        self._drop(key)
        for follower in self.followers:
            follower.removed(key)

    async def caught_up(self) -> None:
        """Returns when what was put on record is known wherever handshakes are judged."""
        for follower in self.followers:
            await follower.caught_up()

    def adopt(self, new: KnownKey) -> None:
        """Take over what a copy of this record found out, by the rules that hold here.

        Two copies may each see a first key of one host, and approve it by rule: only the one
        that comes first is, the other waits for a person. What is on record already counts.
        """
        known = self._of(*place_on_record(new.pattern))
        same = self._keys.get(_identity(new))
        if same is not None:
            new = same
        elif known:
            waiting = sum(key.status is KeyStatus.PENDING for key in known)
            if waiting >= MAX_PENDING_A_HOST:
                return
            new = KnownKey(
                pattern=new.pattern,
                public_key=new.public_key,
                status=KeyStatus.PENDING,
                host=new.host,
            )
        self.put(new)
        if same is None and self._on_new is not None:
            self._on_new(new)

    def records(self) -> tuple[KnownKey, ...]:
        return tuple(self._keys.values())

    def authorities(self, address: str, port: int) -> tuple[str, ...]:
        return tuple(
            key.public_key
            for key in self._wide
            if key.authority and key.status is KeyStatus.APPROVED and covers(key, address, port)
        )

    def approved(self, address: str, port: int) -> tuple[str, ...]:
        return tuple(
            key.public_key for key in self._of(address, port) if key.status is KeyStatus.APPROVED
        )

    def revoked(self, address: str, port: int) -> tuple[str, ...]:
        return tuple(
            key.public_key
            for key in self._wide
            if key.status is KeyStatus.REVOKED and covers(key, address, port)
        )

    def judge(self, target: Target, public_key: str) -> KeyJudgement:
        shown = normalised(public_key)
        known = self._of(target.address, target.port)
        rule = target.host_key
        judgement = judge(known, shown, pinned=rule.pinned, accept_new=rule.accept_new)
        if rule.pinned is None:
            self._record(target, shown, judgement.verdict, known)
        return judgement

    def _drop(self, key: KnownKey) -> None:
        old = self._keys.pop(_identity(key), None)
        if old is None:
            return
        if _is_wide(old):
            self._wide.remove(old)
        else:
            del self._by_name[old.pattern.lower()][old.public_key]

    def _of(self, address: str, port: int) -> list[KnownKey]:
        """The host's own keys on record."""
        own = self._by_name.get(name_on_record(address, port), {})
        wide = [key for key in self._wide if not key.authority and covers(key, address, port)]
        return [*own.values(), *wide]

    def _record(
        self, target: Target, shown: str, verdict: KeyVerdict, known: list[KnownKey]
    ) -> None:
        """Keep what a verdict found out: a key that waits, or one that a rule approved."""
        same = [key for key in known if key.public_key == shown]
        new = KnownKey(
            pattern=name_on_record(target.address, target.port),
            public_key=shown,
            status=KeyStatus.PENDING,
            host=target.host,
        )
        if verdict is KeyVerdict.TRUSTED:
            if any(key.status is KeyStatus.APPROVED for key in same):
                return
            new = msgspec.structs.replace(
                new,
                status=KeyStatus.APPROVED,
                source=KeySource.ACCEPT_NEW,
                decided_by=_RULE,
                decided_at=self._now(),
            )
        else:
            waiting = sum(key.status is KeyStatus.PENDING for key in known)
            if same or waiting >= MAX_PENDING_A_HOST:
                return
        self.put(new)
        if self._on_new is not None:
            self._on_new(new)


def _is_wide(key: KnownKey) -> bool:
    return key.authority or key.status is KeyStatus.REVOKED or not is_exact(key.pattern)


def _identity(key: KnownKey) -> tuple[str, str, bool]:
    return key.pattern.lower(), key.public_key, key.authority
