"""HTTP over an engine's Unix socket with the lightest client there is, and the same for httpx."""

from __future__ import annotations

import http.client
import socket
from contextlib import closing
from pathlib import Path

import httpx

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


class UnixTransport(httpx.BaseTransport):
    """For an `httpx.Client`; each call has a connection of its own.

    httpx's own transport leaves a socket open whose connection was refused; the warning about
    it then comes in the middle of a later test, and fails that one.
    """

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with closing(UnixConnection(self._path, self._timeout_s)) as connection:
            try:
                connection.request(
                    request.method,
                    request.url.raw_path.decode("ascii"),
                    request.read() or None,
                    dict(request.headers),
                )
                answer = connection.getresponse()
                body = answer.read()
            except GONE as error:
                raise httpx.TransportError(str(error), request=request) from error
            return httpx.Response(answer.status, headers=answer.getheaders(), content=body)
