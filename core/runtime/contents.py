"""Contents: what comes is kept whole or not at all, and what nobody refers to goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Sequence
from datetime import datetime
from pathlib import Path

import structlog

from core import failpoints
from core.clock import Clock
from core.errors import Conflict, NotFound, StorageFault
from core.ids import Ids
from core.storage import contents
from core.storage.blobs import Blobs, Draft, refuse_other
from core.storage.contents import Content
from core.storage.store import Store
from core.storage.writer import Transaction, timestamp

log = structlog.get_logger(__name__)

_AT_ONCE = 100
"""Contents that one write takes off the record."""


class ContentsFull(Conflict):
    """There is no room for more contents: the settings say how much there may be."""

    code = "contents-full"


class Contents:
    """The engine's contents; files and rows change under one lock, in that order or its reverse."""

    def __init__(
        self, store: Store, blobs: Blobs, clock: Clock, ids: Ids, most_bytes: int | None
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._ids = ids
        self._most_bytes = most_bytes
        self._changing = asyncio.Lock()
        self._coming = 0
        """Bytes of drafts."""

    async def receive(self, sha256: str, data: AsyncIterable[bytes], actor: str) -> Content:
        """Keep what comes; on disk and on record when this returns.

        ContentsFull, or Conflict where it is something else than `sha256`; nothing is kept then.
        """
        stored = await self._store.reader.read(lambda c: contents.total_bytes(c, without=sha256))
        draft = await asyncio.to_thread(self._blobs.draft, self._ids.new())
        came = 0
        try:
            async for part in data:
                came += len(part)
                self._coming += len(part)
                self._refuse_beyond(stored)
                await asyncio.to_thread(draft.write, part)
            refuse_other(await asyncio.to_thread(draft.finish), sha256)
            failpoints.reach("content.synced")
            return await self._keep(draft, sha256, actor)
        finally:
            self._coming -= came
            draft.drop()

    async def _keep(self, draft: Draft, sha256: str, actor: str) -> Content:
        async with self._changing:
            await asyncio.to_thread(self._blobs.keep, draft, sha256)
            size = draft.size_bytes

            def write(tx: Transaction) -> Content:
                contents.add(tx, sha256, size, actor)
                return contents.get(tx.connection, sha256)

            return await self._store.writer.write(write)

    def _refuse_beyond(self, stored: int) -> None:
        if self._most_bytes is not None and stored + self._coming > self._most_bytes:
            raise ContentsFull(
                f"contents would take more than the {self._most_bytes:,} bytes that they may"
                " (contents_size in settings.toml); nothing was kept",
                hint="`jobdeck contents list` shows who uses what is there",
            )

    async def checked(self, sha256: str) -> Path:
        """Where a content lies, read and found right; NotFound or StorageFault."""
        await self._store.reader.read(lambda c: contents.get(c, sha256))
        return await asyncio.to_thread(self._blobs.check, sha256)

    async def fault(self, sha256: str) -> str:
        """What is wrong with a content that is on record: all of it is read; "" where nothing is."""
        await self._store.reader.read(lambda c: contents.get(c, sha256))
        try:
            await asyncio.to_thread(self._blobs.check, sha256)
        except NotFound:
            return "its file is gone"
        except StorageFault as fault:
            return str(fault)
        return ""

    async def remove(self, unused: Sequence[str], before: datetime) -> None:
        """Remove those of `unused` that nobody has referred to since `before`."""
        for start in range(0, len(unused), _AT_ONCE):
            some = unused[start : start + _AT_ONCE]
            async with self._changing:
                gone = await self._store.writer.write(
                    lambda tx, some=some: contents.forget(tx, some, timestamp(before))  # type: ignore[misc]
                )
                failpoints.reach("content.forgotten")
                for sha256 in gone:
                    await asyncio.to_thread(self._blobs.remove, sha256)

    async def tidy(self, before: datetime) -> None:
        """Remove what a lost engine left: drafts, and files that came before `before` and have no row.

        Called before anything is received.
        """
        known = await self._store.reader.read(contents.all_known)

        def clean() -> int:
            strays = list(self._blobs.strays(known, before.timestamp()))
            for path in strays:
                path.unlink(missing_ok=True)
            return len(strays)

        if left := await asyncio.to_thread(clean):
            log.info("contents.tidied", files=left)
