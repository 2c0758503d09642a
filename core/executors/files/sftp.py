"""What SFTP is asked for, on a target whose account has no shell: half as fast, and it tells no SHA-256.

Whatever is to be compared is read through the line. Each part of a path is looked at before it is
used; unlike a shell, SFTP cannot hold on to a folder while it does.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import asyncssh
from asyncssh import SFTPAttrs, SFTPClient

from core.domain.files.paths import joined
from core.executors.files.exchange import LineLost
from core.executors.files.failures import refused
from core.executors.files.sources import BLOCK_BYTES

MAX_FILE_BYTES = 1 << 60
FILE, FOLDER = asyncssh.FILEXFER_TYPE_REGULAR, asyncssh.FILEXFER_TYPE_DIRECTORY
LINK = asyncssh.FILEXFER_TYPE_SYMLINK
_LOST = (
    *(asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection),
    *(asyncssh.DisconnectError, ConnectionError),
)
"""A broken line, in whichever layer it is noticed first."""
_ABSENT = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)


async def look(client: SFTPClient, path: str) -> SFTPAttrs | None:
    """What lies at `path`, a link itself; None where there is nothing."""
    try:
        return await client.lstat(path)
    except _ABSENT:
        return None


async def read(
    client: SFTPClient, path: str, start: int = 0, end: int = MAX_FILE_BYTES
) -> AsyncIterator[bytes]:
    """The bytes of a file from `start` to before `end`, or to its own end."""
    file: Any
    async with client.open(path, "rb") as file:
        while data := await file.read(min(BLOCK_BYTES, end - start), start):
            yield data
            start += len(data)


async def digest_of(client: SFTPClient, path: str, end: int = MAX_FILE_BYTES) -> str:
    """SHA-256 of a file, or of its bytes before `end`."""
    digest = hashlib.sha256()
    async for data in read(client, path, 0, end):
        digest.update(data)
    return digest.hexdigest()


def at_home(path: str) -> str:
    """`path` as the server takes it: one that begins with ~ is relative to where it starts."""
    if path == "~":
        return "."
    return joined(".", path[2:]) if path.startswith("~/") else path


@contextmanager
def translated(word: str, name: str) -> Iterator[None]:
    """What SFTP refuses about `name`, in our words; `word` says what was tried."""
    try:
        yield
    except _LOST as error:
        raise LineLost(str(error) or "the connection was lost") from error
    except asyncssh.SFTPError as error:
        raise refused(word, error.reason, name) from error
