"""Retention: what is kept no longer goes, once a day by itself and whenever somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import msgspec
import structlog

from core.clock import Clock
from core.errors import Conflict, StorageFault
from core.runtime.contents import Contents
from core.storage import retention
from core.storage.retention import Plan, Rules
from core.storage.store import Store

log = structlog.get_logger(__name__)

ACTOR = "retention"
"""Who removes what goes by itself, in the journal."""

_EVERY_S = 24 * 3600.0
_FIRST_S = 600.0
"""After its start an engine has better things to do."""
_ROWS = 200
"""Rows (of up to 64 KiB) that one write removes; other writes come between."""
_NAMED = 1000
"""Of each that the journal names; it counts the others."""


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What a retention removed."""

    runs: int
    outputs: int
    size_bytes: int
    contents: int
    contents_bytes: int


class Retention:
    """Plans by the rules of the settings, and carries plans out."""

    def __init__(self, store: Store, contents: Contents, rules: Rules, clock: Clock) -> None:
        self._store = store
        self._contents = contents
        self.rules = rules
        self._clock = clock
        self._removing = asyncio.Lock()
        self._daily: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to remove by itself."""
        self._daily = asyncio.get_running_loop().create_task(self._run_daily())

    async def stop(self) -> None:
        """Stop after the slice that is under way; the next time takes up what is left."""
        if self._daily is not None:
            self._daily.cancel()
            await asyncio.gather(self._daily, return_exceptions=True)

    async def preview(self, as_of: datetime | None = None) -> Plan:
        """What would go at a moment; now, when none is given."""
        moment = as_of or self._clock.now()
        return await self._store.reader.read(
            partial(retention.plan, rules=self.rules, as_of=moment)
        )

    async def apply(self, previewed: str, as_of: datetime, actor: str) -> Removed:
        """Remove what was previewed; Conflict when that is no longer what would go."""
        async with self._removing:
            plan = await self.preview(as_of)
            if plan.digest != previewed:
                raise Conflict(
                    "what would be removed is no longer what was previewed; nothing was removed",
                    hint="look at it again: `jobdeck retention preview`",
                )
            return await self._remove(plan, actor)

    async def _run_daily(self) -> None:
        await asyncio.sleep(_FIRST_S)
        while True:
            try:
                async with self._removing:
                    await self._remove(await self.preview(), ACTOR)
            except StorageFault as fault:
                log.error("retention.refused", fault=str(fault))
            await asyncio.sleep(_EVERY_S)

    async def _remove(self, plan: Plan, actor: str) -> Removed:
        removed = Removed(
            runs=len(plan.runs),
            outputs=len(plan.outputs),
            size_bytes=plan.size_bytes,
            contents=len(plan.contents),
            contents_bytes=plan.contents_bytes,
        )
        if not (plan.runs or plan.outputs or plan.contents):
            return removed
        write = self._store.writer.write
        # First said, then done: a crash in between leaves no removal that nobody knows of.
        await write(
            lambda tx: tx.journal(
                actor,
                "retention.applied",
                "retention",
                {
                    **msgspec.to_builtins(removed),
                    "run_ids": plan.runs[:_NAMED],
                    "output_ids": plan.outputs[:_NAMED],
                    "content_ids": plan.contents[:_NAMED],
                },
            )
        )
        await self._in_slices(plan.outputs, record=False)
        await self._in_slices(plan.runs, record=True)
        before = datetime.fromisoformat(plan.as_of) - self.rules.contents_age
        await self._contents.remove(plan.contents, before)
        while await write(retention.give_back):
            pass
        log.info("retention.applied", **msgspec.to_builtins(removed))
        return removed

    async def _in_slices(self, ids: Sequence[str], *, record: bool) -> None:
        while ids:
            some = ids[:_ROWS]
            done = await self._store.writer.write(
                lambda tx, some=some: retention.remove(tx, some, _ROWS, record=record)  # type: ignore[misc]
            )
            ids = ids[done:]
