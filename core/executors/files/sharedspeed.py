"""A speed that the transfers of many targets keep together, in whatever processes they go.

They agree through a small file: when the bytes that went so far are paid for, by the machine's
monotonic clock, which all its processes share. Nothing depends on the file: one that is gone, or
is from before a restart of the machine, costs a moment in which more goes than should.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where there are no worker processes
    fcntl = None  # type: ignore[assignment]

_FREE_AT = struct.Struct("<d")
_LONGEST_QUEUE_S = 3600.0
"""Nobody waits longer for its turn; what says so is from another clock."""


class SharedSpeed:
    """One of those who keep it."""

    def __init__(self, path: str, bytes_per_s: int) -> None:
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._bytes_per_s = bytes_per_s

    def close(self) -> None:
        os.close(self._file)

    def wait_s(self, size: int, now: float) -> float:
        """Take the next free time for `size` bytes; how long it is until then."""
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)  # held for two system calls
        try:
            kept = os.pread(self._file, _FREE_AT.size, 0)
            free_at = _FREE_AT.unpack(kept)[0] if len(kept) == _FREE_AT.size else now
            if not now <= free_at <= now + _LONGEST_QUEUE_S:
                free_at = now
            os.pwrite(self._file, _FREE_AT.pack(free_at + size / self._bytes_per_s), 0)
        finally:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        return float(free_at - now)
