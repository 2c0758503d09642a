"""Files of a target that has a shell, in talk with list.sh and get.sh."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from core.executors.files.exchange import Exchange, Talker, words_after
from core.executors.files.failures import check_number
from core.executors.files.programs import FileProgram
from core.executors.files.pulling import Listed


class ShellOrigin:
    """A program for each file."""

    def __init__(self, talker: Talker) -> None:
        self._talker = talker

    async def list_(self, pattern: str) -> Sequence[Listed]:
        self._talker.check(pattern)
        found: list[Listed] = []
        async with self._talker.talk(FileProgram.LIST, pattern=pattern) as there:
            while (first := await there.record()) != ".":
                if not first.isdecimal():
                    words_after("", first, pattern)
                mode, name, path = [await there.record() for _ in range(3)]
                found.append(Listed(name, path, int(mode, 8) & 0o777))
                check_number(len(found), pattern)
        return found

    @asynccontextmanager
    async def open(self, file: Listed) -> AsyncIterator[_ShellGiven]:
        async with self._talker.talk(FileProgram.GET, path=file.path) as there:
            yield _ShellGiven(there, file.path)


class _ShellGiven:
    def __init__(self, there: Exchange, path: str) -> None:
        self._there = there
        self._path = path
        self._size = self._offset = 0

    async def looked_at(self) -> tuple[int, str]:
        size, digest = words_after("has", await self._there.line(), self._path)
        self._size = int(size)
        return self._size, digest

    async def begin(self, part_bytes: int, part_digest: str | None) -> int:
        await self._there.say(f"get {part_bytes} {part_digest or '-'}")
        self._there.end_input()
        (offset,) = words_after("from", await self._there.line(), self._path)
        self._offset = int(offset)
        return self._offset

    async def data(self) -> AsyncIterator[bytes]:
        left = self._size - self._offset
        while left > 0:
            piece = (await self._there.some())[:left]
            left -= len(piece)
            yield piece
