"""Files of a target that has neither a shell nor SFTP, both ways, by SCP."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from core.domain.files.paths import WILDCARDS, joined
from core.domain.files.resuming import Found
from core.domain.tasks import Push
from core.executors.files.bare import BareLink
from core.executors.files.failures import refused
from core.executors.files.pulling import Listed
from core.executors.files.scp import Offered, Refused, given, send, translated
from core.executors.files.sftp import at_home
from core.executors.files.sources import Piece

_NEW_MODE = 0o755
"""Of its source's mode, what a new file gets, less the umask there."""


class ScpPlaces:
    """Where files go: into folders that are there."""

    def __init__(self, task: Push, link: BareLink) -> None:
        self._task = task
        self._link = link

    @asynccontextmanager
    async def open(self, piece: Piece, digest: str) -> AsyncIterator[_ScpPlace]:
        if "/" in piece.name:
            raise refused("folder", "SCP alone makes no folders", piece.name)
        if self._task.owner is not None:
            raise refused("owner", "SCP alone gives no owner", piece.name)
        with translated("write", piece.name):
            yield _ScpPlace(self._link, self._task, piece, digest)


class _ScpPlace:
    def __init__(self, link: BareLink, task: Push, piece: Piece, digest: str) -> None:
        self._link = link
        self._task = task
        self._piece = piece
        self._digest = digest
        self._path = joined(at_home(task.folder), piece.name)
        self._before: int | None = None
        """Mode of the file that was there."""

    async def found(self) -> Found:
        try:
            async with given(self._link, self._path) as there:
                self._before = there.mode
                is_equal = there.size == self._piece.size
                return Found(exists=True, digest=await _digest(there) if is_equal else None)
        except Refused as error:
            if error.is_absent:
                return Found(exists=False)
            raise

    async def content(self, most: int) -> bytes | None:
        async with given(self._link, self._path) as there:
            if there.size > most:
                return None
            return b"".join([part async for part in there.data])

    async def keep(self) -> None:
        if self._task.mode is not None and int(self._task.mode, 8) != self._before:
            raise refused("mode", "SCP alone changes no mode of a file that stays", self._path)

    async def take(self, offset: int, data: AsyncIterator[memoryview]) -> None:
        assert offset == 0, "there is no unfinished copy"
        mode, exact = self._piece.mode & _NEW_MODE, False
        if self._task.mode is not None:
            mode, exact = int(self._task.mode, 8), True
        elif self._before is not None:
            mode, exact = self._before, True
        await send(self._link, self._path, self._piece.size, mode, data, exact=exact)
        async with given(self._link, self._path) as there:
            if await _digest(there) != self._digest:
                raise refused("overwritten", "", self._path)


class ScpOrigin:
    """Plain files, each named by its whole path."""

    def __init__(self, link: BareLink) -> None:
        self._link = link

    async def list_(self, pattern: str) -> Sequence[Listed]:
        if WILDCARDS & set(pattern):
            raise refused("read", f"SCP alone knows no patterns: {pattern}", pattern)
        path = at_home(pattern)
        with translated("read", pattern):
            async with given(self._link, path) as there:
                return [Listed(path.rpartition("/")[2], path, there.mode)]

    @asynccontextmanager
    async def open(self, file: Listed) -> AsyncIterator[_ScpGiven]:
        with translated("read", file.path):
            yield _ScpGiven(self._link, file.path)


class _ScpGiven:
    def __init__(self, link: BareLink, path: str) -> None:
        self._link = link
        self._path = path

    async def looked_at(self) -> tuple[int, str]:
        async with given(self._link, self._path) as there:
            return there.size, await _digest(there)

    async def begin(self, part_bytes: int, part_digest: str | None) -> int:
        return 0

    async def data(self) -> AsyncIterator[bytes]:
        async with given(self._link, self._path) as there:
            async for part in there.data:
                yield part


async def _digest(there: Offered) -> str:
    digest = hashlib.sha256()
    async for part in there.data:
        digest.update(part)
    return digest.hexdigest()
