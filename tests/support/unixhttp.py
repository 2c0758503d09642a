"""HTTP over an engine's Unix socket with the lightest client there is: for benches and crash tests."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

GONE = (OSError, http.client.HTTPException)
"""What a call raises when nobody answers it to its end."""


class UnixConnection(http.client.HTTPConnection):
    """A connection to the engine that listens on `path`."""

    def __init__(self, path: Path, timeout_s: float | None = 60) -> None:
        super().__init__("jobdeck", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(self.timeout)
            sock.connect(str(self._path))
        except BaseException:
            sock.close()
            raise
        self.sock = sock
