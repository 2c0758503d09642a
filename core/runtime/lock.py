"""Exactly one engine per home: a lock that the system releases when its holder dies.

The lock is on the open file, not its existence, so a crash leaves nothing to
clean up (flock(2); on Windows msvcrt's byte lock has the same property).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.errors import Conflict, EnvironmentFault


class HomeLock:
    """Held from `acquire` until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock and write our process id in it; Conflict names the holder's."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EnvironmentFault(
                f"{self._path} cannot be opened: {error.strerror}",
                hint="check the home folder's owner, mode and space",
            ) from error
        try:
            _lock(descriptor)
        except OSError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise Conflict(
                f"an engine (process {holder or 'unknown'}) already runs in {self._path.parent}",
                hint="`jobdeck engine status` shows it",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    @property
    def held(self) -> bool:
        """Whether we hold the lock that others would ask for: the file may have been replaced."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:
            return False

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
