"""Watching hosts that ask for it: whether they can be reached, and what they are.

A host says in its document how often. When an engine starts, everybody is due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from core.clock import Clock
from core.domain import gathering
from core.domain.health import knock
from core.domain.inventory import HostSpec, Protocol
from core.domain.tasks import Program
from core.errors import OpsError, StorageFault
from core.executors.protocol import Outcome
from core.runtime.asking import Reply
from core.runtime.gathering import MOST_HOSTS, Gathering
from core.storage import facts, hosts
from core.storage.documents import snapshot
from core.storage.store import Store

ACTOR = "engine"
"""Who looks, in the journal."""
_GROUPS = 4
"""Groups of hosts that are asked side by side: silent hosts hold up their own group."""

_INTERVALS: Mapping[str, Callable[[HostSpec], float | None]] = {
    "health": lambda spec: spec.health_s,
    "facts": lambda spec: spec.facts_s,
}


class Watching:
    """Asks the hosts that are due; who is being asked already is not asked again."""

    def __init__(self, store: Store, gathering: Gathering, clock: Clock) -> None:
        self._store = store
        self._gathering = gathering
        self._clock = clock
        self._asked_s: dict[tuple[str, str], float] = {}
        """(What, host) -> when it was asked for the last time, on the monotonic clock."""
        self._busy: set[tuple[str, str]] = set()
        self._room = asyncio.Semaphore(_GROUPS)

    async def tick(self) -> None:
        """Ask everybody who is due now; returns when all have answered."""
        documents = await self._store.reader.read(snapshot)
        async with asyncio.TaskGroup() as group:
            for what in _INTERVALS:
                due = self._due(what, documents.hosts)
                for first in range(0, len(due), MOST_HOSTS):
                    group.create_task(self._ask(what, due[first : first + MOST_HOSTS]))

    def _due(self, what: str, specs: Mapping[str, HostSpec]) -> list[str]:
        now_s = self._clock.monotonic()
        due = []
        for name, spec in specs.items():
            every_s, key = _INTERVALS[what](spec), (what, name)
            if every_s is None or key in self._busy:
                continue
            asked_s = self._asked_s.get(key)
            if asked_s is None or now_s - asked_s >= every_s:
                due.append(name)
        return due

    async def _ask(self, what: str, names: Sequence[str]) -> None:
        keys = {(what, name) for name in names}
        self._asked_s.update(dict.fromkeys(keys, self._clock.monotonic()))
        self._busy |= keys
        try:
            async with self._room:
                await (self._check if what == "health" else self._gather)(names)
        finally:
            self._busy -= keys

    async def _check(self, names: Sequence[str]) -> None:
        replies, refused = await self._replies(names, knock)
        looks = {host: "" if reply.is_good else _why(reply.outcome) for host, reply in replies}
        looks |= refused
        await self._store.writer.write(lambda tx: hosts.look(tx, looks, ACTOR))

    async def _gather(self, names: Sequence[str]) -> None:
        replies, _ = await self._replies(names, gathering.program)
        seen = {host: gathering.read(reply.text, reply.came_s) for host, reply in replies}
        known = {host: values for host, values in seen.items() if values}
        await self._store.writer.write(lambda tx: facts.record(tx, known, ACTOR))

    async def _replies(
        self, names: Sequence[str], program: Callable[[Protocol], Program]
    ) -> tuple[list[tuple[str, Reply]], dict[str, str]]:
        """The replies of those that could be asked, and why the others could not."""
        with suppress(OpsError):
            return [*(await self._gathering.ask(names, program)).items()], {}
        # One that cannot be asked, such as one without an account, must not hide the others.
        replies: list[tuple[str, Reply]] = []
        refused: dict[str, str] = {}
        for name in names:
            try:
                replies += (await self._gathering.ask([name], program)).items()
            except StorageFault:
                raise
            except OpsError as error:
                refused[name] = str(error)
        return replies, refused


def _why(outcome: Outcome) -> str:
    return outcome.message or str(outcome.code)
