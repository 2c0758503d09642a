"""The HTTP side of the WS-Management server for tests: who is let in, and how messages are sealed.

NTLM with its encryption and CredSSP are pyspnego's, as the accepting side; Basic is compared here.
"""

from __future__ import annotations

import base64
import socket
import ssl
import struct
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Protocol

import spnego

USER, PASSWORD = "ada", "correct horse"
_BOUNDARY = b"--Encrypted Boundary"
_SCHEMES = {
    "ntlm": ("Negotiate", "ntlm", spnego.NegotiateOptions.use_ntlm),
    "credssp": ("CredSSP", "credssp", spnego.NegotiateOptions.use_negotiate),
}
"""What a server takes -> as it says so, and pyspnego's name of it; never a library of the system."""
_ANSWER_S = 5.0
_PROTOCOL = b"application/HTTP-SPNEGO-session-encrypted"


class Cut(Exception):
    """The connection breaks in the place of an answer."""


class Service(Protocol):
    """What answers messages."""

    proof: str
    asks_late: bool
    tls: bool
    seen: list[bytes]
    logins: int
    handed_on: Any
    """The login that CredSSP brought, with which a host could log in further on."""

    def answer(self, message: bytes) -> tuple[bytes, int]: ...

    def connected(self, its: socket.socket, *, is_open: bool) -> None: ...


class Server(ThreadingHTTPServer):
    """Each connection has a thread, which also shakes hands: nobody holds up anybody."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._tls = tls

    def get_request(self) -> tuple[socket.socket, Any]:
        its, address = super().get_request()
        if self._tls is not None:
            try:
                its = self._tls.wrap_socket(its, server_side=True, do_handshake_on_connect=False)
            except OSError:  # it is gone already
                its.close()
                raise
        return its, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or refuses our certificate, is no news."""


class Handler(BaseHTTPRequestHandler):
    """One connection: NTLM proves a connection, not a request."""

    owner: ClassVar[Service]
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self._context: Any = None
        self.owner.connected(self.connection, is_open=True)

    def finish(self) -> None:
        self.owner.connected(self.connection, is_open=False)
        super().finish()

    def log_message(self, *args: object) -> None:
        """Tests look at what came, not at a log."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.owner.seen.append(body)
        if not self._is_proved():
            return
        if not body:
            self._reply(200, b"")
            return
        sealed = _BOUNDARY in body
        if not sealed and not self.owner.tls:
            self._reply(403, b"")
            return
        message = self._unsealed(body) if sealed else body
        try:
            answer, status = self.owner.answer(message)
        except Cut:
            close(self.connection)
            self.close_connection = True
            return
        kind = "application/soap+xml;charset=UTF-8"
        if sealed:
            answer, kind = self._sealed(answer)
        self._reply(status, answer, {"Content-Type": kind})

    def _is_proved(self) -> bool:
        scheme, _, proof = (self.headers.get("Authorization") or "").partition(" ")
        if self.owner.proof == "certificate":
            if self.owner.asks_late:
                self._ask_for_certificate()
            is_known = scheme.endswith("/mutual") and bool(self.connection.getpeercert())
            if not is_known:
                self._reply(401, b"")
            return is_known
        if self.owner.proof == "basic":
            expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if (scheme, proof) == ("Basic", expected):
                return True
            self._reply(401, b"", {"WWW-Authenticate": 'Basic realm="WSMAN"'})
            return False
        if self._context is not None and self._context.complete and not proof:
            return True
        offered, protocol, options = _SCHEMES[self.owner.proof]
        if not proof:
            self._reply(401, b"", {"WWW-Authenticate": offered})
            return False
        if self._context is None or self._context.complete:
            self._context = spnego.server(protocol=protocol, options=options)
        try:
            token = self._context.step(base64.b64decode(proof))
        except spnego.exceptions.SpnegoError:
            self._context = None
            self._reply(401, b"", {"WWW-Authenticate": offered})
            return False
        if self._context.complete:
            self.owner.logins += 1
            self.owner.handed_on = self._context.get_extra_info("client_credential")
            return True
        challenge = base64.b64encode(token).decode()
        self._reply(401, b"", {"WWW-Authenticate": f"{offered} {challenge}"})
        return False

    def _ask_for_certificate(self) -> None:
        its = self.connection
        assert isinstance(its, ssl.SSLSocket)
        if its.getpeercert():
            return
        its.verify_client_post_handshake()
        # The question goes with whatever is written next, and the answer comes with what is read.
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        its.settimeout(_ANSWER_S / 100)
        for _ in range(100):
            with suppress(TimeoutError):
                its.recv(1)
            if its.getpeercert():
                break
        its.settimeout(None)

    def _unsealed(self, body: bytes) -> bytes:
        _, _, payload = body.partition(b"application/octet-stream\r\n")
        payload = payload.removesuffix(_BOUNDARY + b"--\r\n")
        size = struct.unpack("<i", payload[:4])[0]
        assert size == 16
        unsealed: bytes = self._context.unwrap(payload[4:]).data
        return unsealed

    def _sealed(self, answer: bytes) -> tuple[bytes, str]:
        data = self._context.wrap(answer, encrypt=True).data
        head = (
            _BOUNDARY + b"\r\n\tContent-Type: " + _PROTOCOL + b"\r\n"
            b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length="
            + str(len(answer)).encode()
            + b"\r\n"
            + _BOUNDARY
            + b"\r\n\tContent-Type: application/octet-stream\r\n"
        )
        kind = f'multipart/encrypted;protocol="{_PROTOCOL.decode()}";boundary="Encrypted Boundary"'
        return head + struct.pack("<i", 16) + data + _BOUNDARY + b"--\r\n", kind

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def close(its: socket.socket) -> None:
    """Break a connection."""
    with suppress(OSError):
        its.shutdown(socket.SHUT_RDWR)
