"""A real HTTP server for tests: answers by path, remembers what it was sent, can misbehave."""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from tests.support.certificates import Authority

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    peer: str = ""
    """Name in the certificate that the client showed."""


@dataclass(slots=True)
class Reply:
    """What a path answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    drop: bool = False
    """Close the connection after the request was read."""
    cut_at: int | None = None
    """Close it after so many bytes of the body."""
    ranges: bool = False
    """Send the rest of the body where that is asked for, of the version that its ETag names."""


class WebServer:
    """Serves `replies` (path -> what follows each other there, the last again and again)."""

    def __init__(
        self,
        authority: Authority | None = None,
        name: str = "localhost",
        *,
        asks_for_certificate: bool = False,
    ) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.received: list[Received] = []
        self.keys: Counter[str] = Counter()
        """How often each Idempotency-Key came."""
        self.released = threading.Event()
        """Set at the end: who is delayed goes on."""
        self._asked: Counter[str] = Counter()
        answers = {f"do_{method}": _Handler.answer for method in _METHODS}
        handler = type("Handler", (_Handler,), {"owner": self, **answers})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._scheme = "http"
        if authority is not None:
            context = authority.server_context(name)
            if asks_for_certificate:
                context.verify_mode = ssl.CERT_OPTIONAL
                context.load_verify_locations(cadata=authority.pem)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def serve(self, path: str, *replies: Reply) -> None:
        self.replies[path] = list(replies)

    def reply_to(self, path: str) -> Reply:
        replies = self.replies.get(path, [Reply(404)])
        number = self._asked[path]
        self._asked[path] += 1
        return replies[min(number, len(replies) - 1)]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tests kill who asks: a broken connection is nothing to print about."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: ClassVar[WebServer]

    def answer(self) -> None:
        owner = self.owner
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # who asked was killed in the middle of it: nothing was asked
            self.close_connection = True
            return
        headers, peer = dict(self.headers), self._peer()
        owner.received.append(Received(self.command, self.path, headers, body, peer))
        if key := self.headers.get("Idempotency-Key"):
            owner.keys[key] += 1
        reply = owner.reply_to(urlsplit(self.path).path)
        owner.released.wait(reply.delay_s)
        if reply.drop:
            self._hang_up()
            return
        if reply.ranges:
            reply = self._rest_of(reply)
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: reply.cut_at])
        if reply.cut_at is not None:
            self._hang_up()

    def _rest_of(self, reply: Reply) -> Reply:
        begins = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if begins is None or self.headers.get("If-Range") != reply.headers.get("ETag"):
            return reply
        first, size = int(begins[1]), len(reply.body)
        if first >= size:
            headers = {**reply.headers, "Content-Range": f"bytes */{size}"}
            return replace(reply, status=416, body=b"", headers=headers)
        headers = {**reply.headers, "Content-Range": f"bytes {first}-{size - 1}/{size}"}
        return replace(reply, status=206, body=reply.body[first:], headers=headers)

    def _peer(self) -> str:
        if not isinstance(self.connection, ssl.SSLSocket):
            return ""
        shown = self.connection.getpeercert() or {}
        names = dict(part[0] for part in shown.get("subject", ()))
        return str(names.get("commonName", ""))

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """What happened is in `received`."""


def json_reply(value: Any, **more: Any) -> Reply:
    headers = {"Content-Type": "application/json"}
    return Reply(body=json.dumps(value).encode(), headers=headers, **more)
