"""What SCP can do, on a target that has neither a shell nor SFTP: one plain file, whole, in its place.

The protocol is that of `scp -t` (takes) and `scp -f` (gives) over the channel of a command: a line
`C0644 SIZE NAME`, SIZE bytes, and a byte after each that says 0, or 1 and a sentence. It knows no
folder, no pattern, no rename, no owner and no digest: what is to be compared is read through the
line, and a file is written over what was there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import asyncssh

from core.domain.quoting import quote_posix
from core.executors.files.bare import BareLink, NoScp
from core.executors.files.exchange import LineLost
from core.executors.files.failures import refused
from core.executors.files.sources import BLOCK_BYTES

MAX_LINE_BYTES = 64 << 10
_GOOD = b"\0"
_FILE = re.compile(r"C(?P<mode>[0-7]{4}) (?P<size>\d{1,18}) .+")
_ABSENT = re.compile("no such file|not found", re.IGNORECASE)

Process = asyncssh.SSHClientProcess[bytes]


class Refused(Exception):
    """What `scp` there says against it, in its own words."""

    @property
    def is_absent(self) -> bool:
        """Whether it says that there is no such file."""
        return bool(_ABSENT.search(str(self)))


@dataclass(frozen=True, slots=True)
class Offered:
    """A file that is given."""

    size: int
    mode: int
    """Permission bits."""
    data: AsyncIterator[bytes]
    """All of it; need not be read."""


@asynccontextmanager
async def given(link: BareLink, path: str) -> AsyncIterator[Offered]:
    """The file at `path`, as the target gives it. Refused, NoScp, LineLost."""
    async with _spoken(link, f"scp -f {quote_posix(path)}") as process:
        process.stdin.write(_GOOD)
        line = await _line(process)
        found = _FILE.fullmatch(line)
        if found is None:
            raise Refused(line)
        process.stdin.write(_GOOD)
        size = int(found["size"])
        yield Offered(size, int(found["mode"], 8) & 0o777, _content(process, size))


async def send(
    link: BareLink, path: str, size: int, mode: int, data: AsyncIterator[memoryview], *, exact: bool
) -> None:
    """Write a file of `size` bytes to `path`; `exact`: with that mode, whatever the umask there.

    Refused, NoScp, LineLost.
    """
    flags = "-p -t" if exact else "-t"
    async with _spoken(link, f"scp {flags} {quote_posix(path)}") as process:
        await _answered(process, NoScp())
        process.stdin.write(f"C{mode:04o} {size} {path.rpartition('/')[2]}\n".encode())
        await _answered(process)
        async for part in data:
            process.stdin.write(bytes(part))
            await process.stdin.drain()
        process.stdin.write(_GOOD)
        await _answered(process)


async def _content(process: Process, left: int) -> AsyncIterator[bytes]:
    while left:
        part = await process.stdout.read(min(left, BLOCK_BYTES))
        if not part:
            raise LineLost("the file ended early")
        left -= len(part)
        yield part


async def _answered(process: Process, silence: Exception | None = None) -> None:
    """Returns when it says that all is well; `silence` is raised where it says nothing at all."""
    said = await process.stdout.read(1)
    if not said:
        raise silence or LineLost("the program there ended early")
    if said != _GOOD:
        raise Refused(await _sentence(process))


async def _line(process: Process) -> str:
    first = await process.stdout.read(1)
    if not first:
        raise NoScp
    sentence = await _sentence(process)
    if first in (b"\1", b"\2"):
        raise Refused(sentence)
    return first.decode("utf-8", "replace") + sentence


async def _sentence(process: Process) -> str:
    text: bytes = await process.stdout.readuntil(b"\n")
    return text[:-1].decode("utf-8", "replace").removeprefix("scp: ")


@asynccontextmanager
async def _spoken(link: BareLink, command: str) -> AsyncIterator[Process]:
    with _translated():
        async with link.process(command) as process:
            yield process


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (asyncssh.Error, ConnectionError, asyncio.IncompleteReadError) as error:
        raise LineLost(str(error) or "the connection was lost") from error


@contextmanager
def translated(word: str, name: str) -> Iterator[None]:
    """What is refused about `name`, in our words; `word` says what was tried."""
    try:
        yield
    except Refused as error:
        raise refused(
            "missing" if error.is_absent and word == "read" else word, str(error), name
        ) from error
