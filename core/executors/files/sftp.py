"""Places on a target that has no shell, by SFTP: half as fast, and what was sent is read back.

SFTP tells no SHA-256, so whatever is to be compared there is read through the line: a file of the
same size, an unfinished copy, and in the end all that was sent. Each part of a path is looked at
before it is used; unlike a shell, SFTP cannot hold on to a folder while it does.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, Protocol, runtime_checkable

import asyncssh
from asyncssh import SFTPAttrs, SFTPClient

from core.domain.files.paths import joined
from core.domain.files.resuming import Found, temp_name
from core.domain.tasks import Push
from core.executors.files.exchange import LineLost
from core.executors.files.failures import refused
from core.executors.files.sources import BLOCK_BYTES, Piece

MAX_FILE_BYTES = 1 << 60
_NEW_MODE = 0o755
"""Of its source's mode, what a new file gets: SFTP tells no umask."""
_LOST = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
_ABSENT = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)


@runtime_checkable
class SftpLink(Protocol):
    """A link that can speak SFTP, too."""

    def sftp(self) -> AbstractAsyncContextManager[SFTPClient]:
        """A client behind the same login; TargetError where there is none."""


class SftpPlaces:
    """A client for each file."""

    def __init__(self, task: Push, link: SftpLink) -> None:
        self._task = task
        self._link = link

    @asynccontextmanager
    async def open(self, piece: Piece, digest: str) -> AsyncIterator[_SftpPlace]:
        with _translated(piece.name):
            async with self._link.sftp() as client:
                yield _SftpPlace(client, self._task, piece, digest)


class _SftpPlace:
    def __init__(self, client: SFTPClient, task: Push, piece: Piece, digest: str) -> None:
        self._client = client
        self._task = task
        self._piece = piece
        self._digest = digest
        self._temp = self._path = ""
        self._before: SFTPAttrs | None = None
        """The file that was there."""

    async def found(self) -> Found:
        *parts, name = self._piece.name.split("/")
        folder = await self._entered(parts)
        if folder is None:
            return Found(exists=False)
        self._path = joined(folder, name)
        self._temp = joined(folder, temp_name(self._task.key, self._piece.name, self._digest))
        before = self._before = await self._look(self._path)
        if before is not None and before.type not in _FILES:
            raise refused("kind", f"{self._path} is a folder or no plain file", self._path)
        part = await self._look(self._temp)
        is_equal = before is not None and before.type == _FILE and before.size == self._piece.size
        part_bytes = part.size or 0 if part is not None and part.type == _FILE else 0
        return Found(
            exists=before is not None,
            digest=await self._digest_of(self._path) if is_equal else None,
            part_bytes=part_bytes,
            part_digest=await self._digest_of(self._temp) if part_bytes else None,
        )

    async def content(self, most: int) -> bytes | None:
        data = b"".join([piece async for piece in self._read(self._path, most + 1)])
        return data if len(data) <= most else None

    async def keep(self) -> None:
        await self._client.setstat(self._path, self._attributes())

    async def take(self, offset: int, data: AsyncIterator[memoryview]) -> None:
        if offset == 0 and await self._look(self._temp) is not None:
            await self._client.remove(self._temp)
        attributes = SFTPAttrs(permissions=0o600)
        async with self._client.open(self._temp, "r+b" if offset else "xb", attributes) as file:
            async for part in data:
                await file.write(bytes(part), offset)
                offset += len(part)
        if await self._digest_of(self._temp) != self._digest:
            await self._client.remove(self._temp)
            raise refused("damaged", "", self._path)
        mode = self._piece.mode & _NEW_MODE
        if self._before is not None and self._before.permissions is not None:
            mode = self._before.permissions & 0o777
        await self._client.setstat(self._temp, self._attributes(mode))
        await self._client.posix_rename(self._temp, self._path)

    async def _entered(self, parts: list[str]) -> str | None:
        """The folder that the file goes to; None where a check finds that it is not there."""
        task = self._task
        folder = task.folder
        if folder == "~" or folder.startswith("~/"):
            folder = joined(".", folder[2:]) if folder != "~" else "."
        if not await self._client.isdir(folder):
            if not task.makes_folders:
                raise refused("folder", f"{folder} is not there", self._piece.name)
            if task.check:
                return None
            await self._client.makedirs(folder, exist_ok=True)
        for part in parts:
            folder = joined(folder, part)
            seen = await self._look(folder)
            if seen is None and task.makes_folders and not task.check:
                await self._client.mkdir(folder)
            elif seen is None and task.makes_folders:
                return None
            elif seen is None or seen.type != asyncssh.FILEXFER_TYPE_DIRECTORY:
                word = "folder" if seen is None else "link"
                why = (
                    f"{folder} is not there" if seen is None else f"{folder} is a link or no folder"
                )
                raise refused(word, why, self._piece.name)
        return folder

    async def _look(self, path: str) -> SFTPAttrs | None:
        try:
            return await self._client.lstat(path)
        except _ABSENT:
            return None

    async def _digest_of(self, path: str) -> str:
        digest = hashlib.sha256()
        async for data in self._read(path):
            digest.update(data)
        return digest.hexdigest()

    async def _read(self, path: str, most: int = MAX_FILE_BYTES) -> AsyncIterator[bytes]:
        """The first bytes of a file there, `most` of them."""
        file: Any
        async with self._client.open(path, "rb") as file:
            offset = 0
            while data := await file.read(min(BLOCK_BYTES, most - offset), offset):
                yield data
                offset += len(data)

    def _attributes(self, mode: int | None = None) -> SFTPAttrs:
        """What the step gives the file; `mode` where it says nothing."""
        given = mode if self._task.mode is None else int(self._task.mode, 8)
        if (owner := self._task.owner) is None:
            return SFTPAttrs(permissions=given)
        user, _, group = owner.partition(":")
        if not (user.isdecimal() and group.isdecimal()):
            why = "SFTP knows owners by number only: write UID:GID"
            raise refused("owner", why, self._path)
        return SFTPAttrs(permissions=given, uid=int(user), gid=int(group))


_FILE = asyncssh.FILEXFER_TYPE_REGULAR
_FILES = (_FILE, asyncssh.FILEXFER_TYPE_SYMLINK)
"""What may be replaced."""


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """What SFTP says, in our words."""
    try:
        yield
    except (*_LOST, asyncssh.ConnectionLost) as error:
        raise LineLost(error.reason or "the connection was lost") from error
    except asyncssh.SFTPError as error:
        raise refused("write", error.reason, name) from error
