"""Files of a target whose account has no shell, by SFTP: each is read once to know it, once to have it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from asyncssh import SFTPClient

from core.executors.files.bare import BareLink
from core.executors.files.failures import check_number, refused
from core.executors.files.pulling import Listed
from core.executors.files.sftp import FILE, FOLDER, at_home, digest_of, read, translated


class SftpOrigin:
    """A client for each file."""

    def __init__(self, link: BareLink) -> None:
        self._link = link

    async def list_(self, pattern: str) -> Sequence[Listed]:
        found: list[Listed] = []
        with translated("missing", pattern):
            async with self._link.sftp() as client:
                for top in sorted(map(str, await client.glob(at_home(pattern)))):
                    found += [file async for file in _walk(client, top)]
                    check_number(len(found), pattern)
        return found

    @asynccontextmanager
    async def open(self, file: Listed) -> AsyncIterator[_SftpGiven]:
        with translated("read", file.path):
            async with self._link.sftp() as client:
                yield _SftpGiven(client, file.path)


class _SftpGiven:
    def __init__(self, client: SFTPClient, path: str) -> None:
        self._client = client
        self._path = path
        self._size = self._offset = 0

    async def looked_at(self) -> tuple[int, str]:
        self._size = (await self._client.stat(self._path)).size or 0
        return self._size, await digest_of(self._client, self._path, self._size)

    async def begin(self, part_bytes: int, part_digest: str | None) -> int:
        if part_bytes and await digest_of(self._client, self._path, part_bytes) == part_digest:
            self._offset = part_bytes
        return self._offset

    async def data(self) -> AsyncIterator[bytes]:
        async for piece in read(self._client, self._path, self._offset, self._size):
            yield piece


async def _walk(client: SFTPClient, top: str) -> AsyncIterator[Listed]:
    """A file, or all plain files below a folder; links in a folder are not followed."""
    seen, name = await client.stat(top), top.rstrip("/").rpartition("/")[2]
    if seen.type == FILE:
        yield Listed(name, top, (seen.permissions or 0o600) & 0o777)
    elif seen.type != FOLDER:
        raise refused("read", f"{top} is no plain file", top)
    folders = [(name, top)] if seen.type == FOLDER else []
    while folders:
        below, folder = folders.pop()
        async for entry in client.scandir(folder):
            part = str(entry.filename)
            where = (f"{below}/{part}", f"{folder}/{part}")
            if part not in (".", "..") and entry.attrs.type == FOLDER:
                folders.append(where)
            elif entry.attrs.type == FILE:
                yield Listed(*where, (entry.attrs.permissions or 0o600) & 0o777)
