"""A disk whose n-th write, sync, open … fails: a layer under SQLite, and hooks under Python's own files.

SQLite reaches files through a table of functions, its VFS (sqlite.org/vfs.html). Ours passes
everything on to the real one, counts, and says "disk full" or "I/O error" once, when its
number is up: what SQLite and all above it then do is the real thing. Python's own `open`,
`fsync` and `rename` are counted beside it, for files below one folder.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_P, _INT, _LONG = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
_OPEN = ctypes.CFUNCTYPE(_INT, _P, _P, _P, _INT, _P)
_WRITE = ctypes.CFUNCTYPE(_INT, _P, _P, _INT, _LONG)
_TRUNCATE = ctypes.CFUNCTYPE(_INT, _P, _LONG)
_SYNC = ctypes.CFUNCTYPE(_INT, _P, _INT)
_SHM_MAP = ctypes.CFUNCTYPE(_INT, _P, _INT, _INT, _INT, _P)

_FULL, _CANTOPEN = 13, 14
_IOERR_WRITE, _IOERR_FSYNC, _IOERR_TRUNCATE, _IOERR_SHMMAP = 778, 1034, 1546, 5386

_METHODS = 19
"""Fields of `sqlite3_io_methods`, its version counted as one."""


class _Vfs(ctypes.Structure):
    """The head of `sqlite3_vfs`; what follows is copied and never looked at."""

    _fields_ = (
        ("version", _INT),
        ("file_bytes", _INT),
        ("longest_path", _INT),
        ("next", _P),
        ("name", ctypes.c_char_p),
        ("data", _P),
        ("open", _P),
        ("rest", _P * 15),
    )


@dataclass(frozen=True, slots=True)
class Failure:
    """What fails, and how: `sqlite` is its result code, `number` the errno of Python's calls."""

    operation: str
    sqlite: int
    number: int
    stride: int = 1
    """Every how manieth is tried: all of them, unless another failure tries all of the same."""


FAILURES: Mapping[str, Failure] = {
    "write: disk full": Failure("write", _FULL, errno.ENOSPC),
    "write: I/O error": Failure("write", _IOERR_WRITE, errno.EIO, stride=5),
    "sync: I/O error": Failure("sync", _IOERR_FSYNC, errno.EIO),
    "open: too many files": Failure("open", _CANTOPEN, errno.EMFILE),
    "truncate: I/O error": Failure("truncate", _IOERR_TRUNCATE, errno.EIO),
    "shared memory: disk full": Failure("map", _IOERR_SHMMAP, errno.ENOSPC),
}


class Disk:
    """Counts operations; the one whose number is up fails."""

    def __init__(self) -> None:
        self._failure: Failure | None = None
        self._failing = 0
        self.count = 0
        """Operations of the failing kind so far."""

    @contextmanager
    def fails(self, failure: Failure, number: int) -> Iterator[None]:
        """In this block, the `number`-th operation of the kind fails, once."""
        self._failure, self._failing, self.count = failure, number, 0
        try:
            yield
        finally:
            self._failure = None

    @property
    def struck(self) -> bool:
        return self.count >= self._failing

    def verdict(self, operation: str) -> Failure | None:
        """The failure of this operation, if it is the one."""
        failure = self._failure
        if failure is None or failure.operation != operation:
            return None
        self.count += 1
        return failure if self.count == self._failing else None


@contextmanager
def failing_disk(folder: Path) -> Iterator[Disk]:
    """A disk under every database that is opened in the block, and Python's files in `folder`."""
    disk = Disk()
    library = ctypes.CDLL(ctypes.util.find_library("sqlite3"))
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
    library.sqlite3_vfs_register.argtypes = [ctypes.POINTER(_Vfs), _INT]
    library.sqlite3_vfs_unregister.argtypes = [ctypes.POINTER(_Vfs)]
    real = library.sqlite3_vfs_find(None)
    layer = _Layer(disk, real)
    library.sqlite3_vfs_register(ctypes.byref(layer.vfs), 1)
    _KEPT.append(layer)
    try:
        with _python_files(disk, folder):
            yield disk
    finally:
        library.sqlite3_vfs_register(real, 1)
        library.sqlite3_vfs_unregister(ctypes.byref(layer.vfs))


_KEPT: list[Any] = []
"""Functions that SQLite may call as long as the process lives."""


class _Layer:
    """Our VFS over the real one."""

    def __init__(self, disk: Disk, real: Any) -> None:
        self._disk = disk
        self._real = real
        self._real_open = _OPEN(real.contents.open)
        self._tables: dict[int, Any] = {}
        self._functions: list[Any] = []
        self.vfs = _Vfs.from_buffer_copy(real.contents)
        self.vfs.name = b"failing"
        self.vfs.open = self._pointer(_OPEN(self._open))

    def _pointer(self, function: Any) -> int:
        self._functions.append(function)
        address = ctypes.cast(function, _P).value
        assert address is not None
        return address

    def _open(self, _vfs: int, name: int, file: int, flags: int, out: int) -> int:
        if failure := self._disk.verdict("open"):
            ctypes.cast(file, ctypes.POINTER(_P))[0] = None  # not open: nothing to close
            return failure.sqlite
        code = self._real_open(ctypes.cast(self._real, _P), name, file, flags, out)
        slot = ctypes.cast(file, ctypes.POINTER(_P))
        if slot[0]:
            slot[0] = self._table(slot[0])
        return code

    def _table(self, methods: int) -> int:
        """The functions of an open file, with ours in front of those that can fail."""
        if methods not in self._tables:
            table = (_P * _METHODS)(*(_P * _METHODS).from_address(methods))
            for place, kind, operation in (
                (3, _WRITE, "write"),
                (4, _TRUNCATE, "truncate"),
                (5, _SYNC, "sync"),
                (13, _SHM_MAP, "map"),
            ):
                if table[place]:
                    table[place] = self._pointer(self._guarded(kind, table[place], operation))
            self._tables[methods] = table
        return ctypes.addressof(self._tables[methods])

    def _guarded(self, kind: Any, address: int, operation: str) -> Any:
        real = kind(address)

        def call(*arguments: Any) -> int:
            failure = self._disk.verdict(operation)
            return int(real(*arguments)) if failure is None else failure.sqlite

        return kind(call)


@contextmanager
def _python_files(disk: Disk, folder: Path) -> Iterator[None]:
    """Python's own opening and syncing of files in `folder`."""
    below = str(folder)
    real_sync = os.fsync

    def sync(descriptor: int) -> None:
        if failure := disk.verdict("sync"):
            raise OSError(failure.number, os.strerror(failure.number))
        real_sync(descriptor)

    _WATCHED[below] = disk
    if not _HOOKED:
        _HOOKED.append(True)
        sys.addaudithook(_before_open)
    os.fsync = sync
    try:
        yield
    finally:
        os.fsync = real_sync
        del _WATCHED[below]


_WATCHED: dict[str, Disk] = {}
_HOOKED: list[bool] = []
"""An audit hook stays for ever: there is one, and it looks at what is watched at the moment."""


def _before_open(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _WATCHED:
        return
    path = str(arguments[0])
    for folder, disk in _WATCHED.items():
        if path.startswith(folder) and (failure := disk.verdict("open")):
            raise OSError(failure.number, os.strerror(failure.number), path)
