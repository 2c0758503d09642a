"""Tells people of single nodes, as their `notify` says: how they ended, and that they take long.

A notice has its key before it is kept, and is kept before the end that it tells of: whatever an
engine that comes back does again, nobody is told twice, and nobody is told nothing. What cannot be
told (a channel that is gone, a disk that refuses) is logged, and changes nothing for the node.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import structlog

from core.clock import Clock
from core.domain.run import RunState
from core.domain.steps.base import NodeBase
from core.domain.telling import Telling
from core.errors import NotFound, StorageFault
from core.flow.definition import RunDefinition
from core.runtime.nodes import Notify
from core.storage import runs
from core.storage.database import Reader

log = structlog.get_logger(__name__)

_LONGEST_SLEEP_S = 600.0
"""Then the clock is looked at again: it may have been set."""


class NodeTelling:
    """What is told of the nodes of one run."""

    def __init__(
        self, run_id: str, definition: RunDefinition, reader: Reader, clock: Clock, notify: Notify
    ) -> None:
        self._run_id = run_id
        self._title = definition.title
        self._reader = reader
        self._clock = clock
        self._notify = notify

    @asynccontextmanager
    async def going_on(self, node: NodeBase, attempt: int) -> AsyncIterator[None]:
        """While an attempt of a node goes on, people are told when it takes long."""
        reminding = None
        if node.notify is not None and next(node.notify.moments(), None) is not None:
            work = self._remind(node.name, attempt, node.notify)
            reminding = asyncio.get_running_loop().create_task(work)
        try:
            yield
        finally:
            if reminding is not None:
                reminding.cancel()
                with suppress(asyncio.CancelledError):
                    await reminding

    async def ended(self, node: NodeBase, attempt: int, state: RunState, reason: str) -> None:
        """Tell of the end of a node, where somebody wants to know of such an end."""
        told = node.notify
        if told is None or state not in told.on:
            return
        subject = f"{self._title}: {node.name} {state}"
        await self._tell(told.channels, subject, reason, node.name, attempt, "end")

    async def _remind(self, node: str, attempt: int, told: Telling) -> None:
        try:
            began_at = await self._began_at(node, attempt)
        except StorageFault as fault:
            log.warning("node.not-told", run=self._run_id, node=node, reason=str(fault))
            return
        for moment in told.moments():
            at = began_at + timedelta(seconds=moment.after_s)
            while (left_s := (at - self._clock.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time
                await asyncio.sleep(min(left_s, _LONGEST_SLEEP_S))
            said = f"goes on since {began_at:%Y-%m-%d %H:%M:%S} UTC"
            subject = f"{self._title}: {node} {said}"
            await self._tell(moment.channels, subject, "", node, attempt, moment.name)

    async def _began_at(self, node: str, attempt: int) -> datetime:
        """When the attempt began; of one that is not on record yet, that is now."""
        steps = await self._reader.read(lambda c: runs.steps_of(c, self._run_id))
        known = [each.started_at for each in steps if (each.step, each.attempt) == (node, attempt)]
        return datetime.fromisoformat(known[0]) if known and known[0] else self._clock.now()

    async def _tell(
        self,
        channels: Sequence[str],
        subject: str,
        reason: str,
        node: str,
        attempt: int,
        moment: str,
    ) -> None:
        place = f"run {self._run_id}, node {node}, attempt {attempt}"
        key = f"told/{self._run_id}/{node}/{attempt}/{moment}"
        for channel in channels:
            try:
                await self._notify(
                    [channel], subject, "\n".join(filter(None, (reason, place))), key
                )
            except (NotFound, StorageFault) as fault:
                log.warning("node.not-told", run=self._run_id, node=node, reason=str(fault))
