"""Files of the engine's machine, as they are sent: found, hashed once, read once for many targets.

A file that goes to many targets is read in blocks that are kept for a moment: the targets are
near each other in it. Its SHA-256 is worked out once for as long as it stays the same file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path
from typing import TypeVar

from core.domain.files.paths import WILDCARDS, check_below, shown
from core.domain.filling import fill
from core.domain.run import TargetCode, TargetState
from core.domain.tasks import FileSource, Push
from core.executors.files.failures import TransferFailed, check_number
from core.plainfiles import open_plain

BLOCK_BYTES = 1 << 20
MAX_TEMPLATE_BYTES = 4 << 20
_KEPT_BLOCKS = 32
_KEPT_DIGESTS = 10_000
_THREADS = 4
_ADD_AGAIN = "`jobdeck contents add` of the same file mends it"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """One file to send."""

    name: str
    """Below the folder that it goes to."""
    size: int
    mode: int
    """Permission bits."""
    path: str = ""
    content: bytes | None = None
    identity: tuple[int, ...] = ()
    """Changes when the file does."""
    sha256: str = ""
    """What it must be, where that is known beforehand."""


class Sources:
    """Reads files for all targets of one process; everything slow happens in threads."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="jobdeck-files")
        self._digests: OrderedDict[tuple[object, ...], asyncio.Future[str]] = OrderedDict()
        self._blocks: OrderedDict[tuple[object, ...], asyncio.Future[bytes]] = OrderedDict()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def pieces(self, push: Push, values: Mapping[str, str]) -> Sequence[Piece]:
        """All files that `push` stands for, filled with `values` where they are templates."""
        return await self.apart(lambda: list(_pieces(push, values)))

    async def digest(self, piece: Piece, first: int | None = None) -> str:
        """SHA-256 of the file, or of its `first` bytes.

        TransferFailed where the whole file is not what it must be.
        """
        size = piece.size if first is None else first
        if piece.content is not None:
            return hashlib.sha256(piece.content[:size]).hexdigest()
        key = (piece.path, *piece.identity, size)
        found = await self._once(self._digests, _KEPT_DIGESTS, key, lambda: _digest(piece, size))
        if first is None and piece.sha256 not in ("", found):
            raise _damaged(piece)
        return found

    async def block(self, piece: Piece, offset: int) -> bytes:
        """The bytes from `offset` on, to the next multiple of a block."""
        if piece.content is not None:
            return piece.content[offset : offset + BLOCK_BYTES]
        start = offset - offset % BLOCK_BYTES
        key = (piece.path, *piece.identity, start)
        whole = await self._once(self._blocks, _KEPT_BLOCKS, key, lambda: _read(piece, start))
        return whole[offset - start :]

    async def apart(self, work: Callable[[], T]) -> T:
        """What `work` returns, done in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _once(
        self,
        kept: OrderedDict[tuple[object, ...], asyncio.Future[T]],
        most: int,
        key: tuple[object, ...],
        work: Callable[[], T],
    ) -> Awaitable[T]:
        """The value of `key`, whoever asked for it first. A failure is not kept."""
        future = kept.get(key)
        if future is None:
            future = kept[key] = asyncio.ensure_future(self.apart(work))
            future.add_done_callback(lambda done: _drop_failed(kept, key, done))
            while len(kept) > most:
                kept.popitem(last=False)
        else:
            kept.move_to_end(key)
        return asyncio.shield(future)


def _drop_failed(
    kept: OrderedDict[tuple[object, ...], asyncio.Future[T]],
    key: tuple[object, ...],
    done: asyncio.Future[T],
) -> None:
    if (done.cancelled() or done.exception() is not None) and kept.get(key) is done:
        del kept[key]


def _pieces(push: Push, values: Mapping[str, str]) -> Iterator[Piece]:
    names: dict[str, str] = {}
    for source in push.sources:
        if push.name and source.path and Path(source.path).is_dir():
            what = f"{shown(source.path)} is a folder, and `to` names a file; write `to` with a /"
            whole = f"{what} at its end"
            raise TransferFailed(TargetState.INVALID_TARGET, TargetCode.INVALID_OPTIONS, whole)
        for piece in _files(source):
            name = push.name or _checked(piece.name)
            if (other := names.setdefault(name, piece.path)) != piece.path:
                both = f"{shown(other)} and {shown(piece.path)} would both become {shown(name)}"
                raise TransferFailed(TargetState.INVALID_TARGET, TargetCode.INVALID_OPTIONS, both)
            check_number(len(names), source.path)
            named = replace(piece, name=name)
            yield _filled(named, values) if push.fills else named


def _checked(name: str) -> str:
    """`name` as the file system here has it; TransferFailed where no target may have it."""
    try:
        return check_below(name)
    except ValueError as error:
        refused = f"{error}; nothing was sent (rename the file)"
        raise TransferFailed(TargetState.FILE_FAILED, TargetCode.IO_FAILURE, refused) from error


def _files(source: FileSource) -> Iterator[Piece]:
    if source.content is not None:
        yield Piece("", len(source.content), 0o644, content=source.content)
        return
    if source.sha256:
        yield _content(source)
        return
    found = [source.path]
    if WILDCARDS & set(source.path) and not os.path.lexists(source.path):
        # As a shell: `*` stands for no hidden file.
        found = sorted(glob(source.path))  # noqa: PTH207
    if not found or not all(map(os.path.exists, found)):
        raise TransferFailed(
            TargetState.FILE_SOURCE_MISSING,
            TargetCode.IO_FAILURE,
            f"{shown(source.path)} is not there on the engine's machine",
        )
    for path in found:
        yield from _walk(Path(path))


def _content(source: FileSource) -> Piece:
    try:
        piece = _piece(Path(source.path), source.name)
    except TransferFailed as error:
        missing = f"the content of {shown(source.name)} is not in the engine's home: {error}"
        raise TransferFailed(error.state, error.code, f"{missing}; {_ADD_AGAIN}") from error
    return replace(piece, mode=source.mode, sha256=source.sha256)


def _walk(top: Path) -> Iterator[Piece]:
    """A file, or all plain files below a folder; links in a folder are not followed."""
    if not top.is_dir():
        yield _piece(top, top.name)
        return
    for folder, folders, files in os.walk(top):
        folders.sort()
        for file in sorted(files):
            path = Path(folder, file)
            if stat.S_ISREG(path.lstat().st_mode):
                yield _piece(path, str(Path(top.name) / path.relative_to(top)))


def _piece(path: Path, name: str) -> Piece:
    try:
        with open_plain(path) as file:
            seen = os.fstat(file.fileno())
    except OSError as error:
        raise _unreadable(str(path), error) from error
    identity = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)
    mode = stat.S_IMODE(seen.st_mode) & 0o777
    return Piece(name, seen.st_size, mode, str(path), identity=identity)


def _filled(piece: Piece, values: Mapping[str, str]) -> Piece:
    try:
        if piece.size > MAX_TEMPLATE_BYTES:
            raise ValueError(f"it has more than {MAX_TEMPLATE_BYTES:,} bytes")
        raw = piece.content if piece.content is not None else Path(piece.path).read_bytes()
        if piece.sha256 and hashlib.sha256(raw).hexdigest() != piece.sha256:
            raise _damaged(piece)
        content = fill(raw.decode("utf-8"), values).encode("utf-8")
    except ValueError as error:
        what = f"the template {shown(piece.path)}" if piece.path else "the template"
        reason = "it is no UTF-8 text" if isinstance(error, UnicodeError) else str(error)
        raise TransferFailed(
            TargetState.SUBMIT_FAILED, TargetCode.INVALID_OPTIONS, f"{what}: {reason}"
        ) from error
    return replace(piece, size=len(content), content=content, sha256="")


def _digest(piece: Piece, size: int) -> str:
    digest = hashlib.sha256()
    try:
        with Path(piece.path).open("rb", buffering=0) as file:
            while size > 0 and (data := file.read(min(size, BLOCK_BYTES))):
                digest.update(data)
                size -= len(data)
    except OSError as error:
        raise _unreadable(piece.path, error) from error
    return digest.hexdigest()


def _read(piece: Piece, start: int) -> bytes:
    try:
        with Path(piece.path).open("rb", buffering=0) as file:
            file.seek(start)
            data = bytearray()
            while len(data) < BLOCK_BYTES and (more := file.read(BLOCK_BYTES - len(data))):
                data += more
            return bytes(data)
    except OSError as error:
        raise _unreadable(piece.path, error) from error


def _damaged(piece: Piece) -> TransferFailed:
    return TransferFailed(
        TargetState.CHECKSUM_MISMATCH,
        TargetCode.IO_FAILURE,
        f"the content of {shown(piece.name)} is damaged in the engine's home ({piece.path});"
        f" nothing of it was sent; {_ADD_AGAIN}",
    )


def _unreadable(path: str, error: OSError) -> TransferFailed:
    return TransferFailed(
        TargetState.FILE_SOURCE_MISSING,
        TargetCode.IO_FAILURE,
        f"{shown(path)} on the engine's machine cannot be read: {error.strerror}",
    )
