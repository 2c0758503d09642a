"""Places on a target that has a shell, in talk with put.sh."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.domain.files.resuming import Found, temp_name
from core.domain.tasks import Push
from core.executors.files.exchange import Exchange, Talker, words_after
from core.executors.files.programs import FileProgram
from core.executors.files.sources import Piece

_SEND_BYTES = 256 << 10


class ShellPlaces:
    """A program for each file."""

    def __init__(self, task: Push, talker: Talker) -> None:
        self._task = task
        self._talker = talker

    @asynccontextmanager
    async def open(self, piece: Piece, digest: str) -> AsyncIterator[_ShellPlace]:
        task = self._task
        self._talker.check(task.folder, piece.name)
        values = {
            "folder": task.folder,
            "path": piece.name,
            "temp": temp_name(task.key, piece.name, digest),
            "want": digest,
            "size": str(piece.size),
            "mode": task.mode or "",
            "owner": task.owner or "",
            "made": f"{piece.mode:o}",
            "makes": "yes" if task.makes_folders else "",
            "check": "yes" if task.check else "",
        }
        async with self._talker.talk(FileProgram.PUT, **values) as there:
            yield _ShellPlace(there, piece.name)


class _ShellPlace:
    def __init__(self, there: Exchange, name: str) -> None:
        self._there = there
        self._name = name

    async def found(self) -> Found:
        exists, digest, part, part_digest = await self._words("have")
        return Found(
            exists=exists == "yes",
            digest=None if digest == "-" else digest,
            part_bytes=int(part),
            part_digest=None if part_digest == "-" else part_digest,
        )

    async def content(self, most: int) -> bytes | None:
        await self._there.say("show")
        (size,) = map(int, await self._words("content"))
        return await self._there.exactly(size) if size <= most else None

    async def keep(self) -> None:
        await self._there.say("same")
        await self._finish()

    async def take(self, offset: int, data: AsyncIterator[memoryview]) -> None:
        """Stops early where the program says why it will not take it."""
        await self._there.say(f"put {offset}")
        async for part in data:
            for start in range(0, len(part), _SEND_BYTES):
                if not self._there.has_spoken:
                    await self._there.send(part[start : start + _SEND_BYTES])
            if self._there.has_spoken:
                break
        await self._finish()

    async def _finish(self) -> None:
        self._there.end_input()
        await self._words("done")

    async def _words(self, expected: str) -> list[str]:
        return words_after(expected, await self._there.line(), self._name)
