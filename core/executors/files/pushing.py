"""One file to its place on a target, however that is talked to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from core.domain.files.deciding import MAX_DIFF_BYTES, Fate, change_in_words, fate_of
from core.domain.files.paths import shown
from core.domain.files.resuming import Found, resume_at
from core.domain.tasks import Push
from core.executors.files.failures import refused
from core.executors.files.pace import Pace
from core.executors.files.report import Became
from core.executors.files.sources import BLOCK_BYTES, Piece, Sources

_LEAST_PART_BYTES = 4096
_PARTS_A_SECOND = 4


class Place(Protocol):
    """Where one file goes. LineLost and TransferFailed, from all of it."""

    async def found(self) -> Found:
        """What lies there; asked first, and once."""

    async def content(self, most: int) -> bytes | None:
        """All of the file there; None where it has more bytes than that."""

    async def keep(self) -> None:
        """Leave the file there as it is, but for the mode and owner that the step gives it."""

    async def take(self, offset: int, data: AsyncIterator[memoryview]) -> None:
        """Add `data` to the unfinished copy from `offset` on, and put it in place if it is right."""


class Places(Protocol):
    """A way to the places on a target."""

    def open(self, piece: Piece, digest: str) -> AbstractAsyncContextManager[Place]:
        """Where `piece`, with that SHA-256, goes."""


class Pushing:
    """The files of one push."""

    def __init__(self, task: Push, places: Places, sources: Sources, pace: Pace) -> None:
        self._task = task
        self._places = places
        self._sources = sources
        self._pace = pace

    @property
    def _limits(self) -> Iterator[int]:
        if self._task.bytes_per_s is not None:
            yield self._task.bytes_per_s
        if self._task.shared is not None:
            yield self._task.shared.bytes_per_s

    async def put(self, piece: Piece, note: Callable[[str], None]) -> Became:
        """Bring `piece` to its place there, or only say what would become of it."""
        digest = await self._sources.digest(piece)
        async with self._places.open(piece, digest) as place:
            found = await place.found()
            fate = fate_of(found, digest, self._task.exists)
            if fate is Fate.REFUSE:
                raise refused("exists", "", piece.name)
            if self._task.check:
                shows = fate is Fate.REPLACE and self._task.diff
                return Became(fate, digest, await self._change(place, piece) if shows else "")
            if fate is Fate.UNCHANGED:
                await place.keep()
            elif fate is not Fate.SKIP:
                offset = await self._missing_from(piece, found)
                if offset:
                    note(f"{shown(piece.name)}: going on at byte {offset:,}")
                await place.take(offset, self._data(piece, offset))
        self._pace.ended(piece.size)
        return Became(fate.done, digest)

    async def _change(self, place: Place, piece: Piece) -> str:
        """How the text there would change; "" where that is too much, or no text."""
        if piece.size > MAX_DIFF_BYTES or (old := await place.content(MAX_DIFF_BYTES)) is None:
            return ""
        return change_in_words(old, await self._sources.block(piece, 0))

    async def _missing_from(self, piece: Piece, found: Found) -> int:
        if found.part_digest is None or not 0 < found.part_bytes <= piece.size:
            return 0
        first = await self._sources.digest(piece, found.part_bytes)
        return resume_at(found, piece.size, lambda _: first)

    async def _data(self, piece: Piece, offset: int) -> AsyncIterator[memoryview]:
        """The file from `offset` on, no faster than the step says."""
        most = BLOCK_BYTES
        for limit in self._limits:
            most = min(most, max(limit // _PARTS_A_SECOND, _LEAST_PART_BYTES))
        self._pace.begin(shown(piece.name), piece.size, offset)
        while offset < piece.size:
            block = memoryview(await self._sources.block(piece, offset))
            part = block[: min(most, piece.size - offset)]
            if not part:
                raise refused("damaged", "", piece.name)
            await self._pace.turn(len(part))
            yield part
            offset += len(part)
            await self._pace.spend(len(part))
