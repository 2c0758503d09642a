"""Places on a target whose account has no shell, by SFTP: what was sent is read back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncssh import SFTPAttrs, SFTPClient

from core.domain.files.paths import joined
from core.domain.files.resuming import Found, temp_name
from core.domain.tasks import Push
from core.executors.files.bare import BareLink
from core.executors.files.failures import refused
from core.executors.files.sftp import (
    FILE,
    FOLDER,
    LINK,
    at_home,
    digest_of,
    look,
    read,
    translated,
)
from core.executors.files.sources import Piece

_NEW_MODE = 0o755
"""Of its source's mode, what a new file gets: SFTP tells no umask."""


class SftpPlaces:
    """A client for each file."""

    def __init__(self, task: Push, link: BareLink) -> None:
        self._task = task
        self._link = link

    @asynccontextmanager
    async def open(self, piece: Piece, digest: str) -> AsyncIterator[_SftpPlace]:
        with translated("write", piece.name):
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
        before = self._before = await look(self._client, self._path)
        if before is not None and before.type not in (FILE, LINK):
            raise refused("kind", f"{self._path} is a folder or no plain file", self._path)
        part = await look(self._client, self._temp)
        is_equal = before is not None and before.type == FILE and before.size == self._piece.size
        part_bytes = part.size or 0 if part is not None and part.type == FILE else 0
        return Found(
            exists=before is not None,
            digest=await digest_of(self._client, self._path) if is_equal else None,
            part_bytes=part_bytes,
            part_digest=await digest_of(self._client, self._temp) if part_bytes else None,
        )

    async def content(self, most: int) -> bytes | None:
        data = b"".join([piece async for piece in read(self._client, self._path, 0, most + 1)])
        return data if len(data) <= most else None

    async def keep(self) -> None:
        await self._client.setstat(self._path, self._attributes())

    async def take(self, offset: int, data: AsyncIterator[memoryview]) -> None:
        if offset == 0 and await look(self._client, self._temp) is not None:
            await self._client.remove(self._temp)
        attributes = SFTPAttrs(permissions=0o600)
        async with self._client.open(self._temp, "r+b" if offset else "xb", attributes) as file:
            async for part in data:
                await file.write(bytes(part), offset)
                offset += len(part)
        if await digest_of(self._client, self._temp) != self._digest:
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
        folder = at_home(task.folder)
        if not await self._client.isdir(folder):
            if not task.makes_folders:
                raise refused("folder", f"{folder} is not there", self._piece.name)
            if task.check:
                return None
            await self._client.makedirs(folder, exist_ok=True)
        for part in parts:
            folder = joined(folder, part)
            seen = await look(self._client, folder)
            if seen is None and task.makes_folders and not task.check:
                await self._client.mkdir(folder)
            elif seen is None and task.makes_folders:
                return None
            elif seen is None or seen.type != FOLDER:
                word = "folder" if seen is None else "link"
                why = (
                    f"{folder} is not there" if seen is None else f"{folder} is a link or no folder"
                )
                raise refused(word, why, self._piece.name)
        return folder

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
