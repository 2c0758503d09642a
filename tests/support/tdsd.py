"""A double of SQL Server: enough of TDS 7.4 for a login and for answers that a test writes down.

It knows no SQL. It stands in for the real thing where none can be had: what is proved with it is what
a client sends, and what it makes of each answer; not that a server would answer so.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

_BATCH, _RPC, _REPLY, _ATTENTION, _LOGIN, _PRELOGIN = 1, 3, 4, 6, 16, 18
_MORE, _ERROR, _COUNT = 1, 2, 16
_TRANSACTION = struct.pack("<Q", 77)
SILENCE = b"silence"
"""The answer to a statement that does not end."""
HANG_UP = b"hang up"


def done(*, count: int | None = None, more: bool = False, error: bool = False) -> bytes:
    status = (
        (_MORE if more else 0) | (_ERROR if error else 0) | (_COUNT if count is not None else 0)
    )
    return struct.pack("<BHHQ", 0xFD, status, 0, count or 0)


def remark(words: str) -> bytes:
    """What PRINT makes the server say."""
    body = struct.pack("<IBBH", 0, 1, 0, len(words)) + words.encode("utf-16-le")
    body += b"\0\0" + struct.pack("<I", 1)
    return struct.pack("<BH", 0xAB, len(body)) + body


def failure(number: int, words: str, *, more: bool = False) -> bytes:
    body = struct.pack("<IBBH", number, 1, 16, len(words)) + words.encode("utf-16-le")
    body += b"\0\0" + struct.pack("<I", 1)
    return struct.pack("<BH", 0xAA, len(body)) + body + done(error=True, more=more)


def rows(name: str, *values: int, more: bool = False) -> bytes:
    """A result with one column of whole numbers."""
    column = struct.pack("<BHIHBB", 0x81, 1, 0, 0, 0x38, len(name)) + name.encode("utf-16-le")
    found = b"".join(struct.pack("<Bi", 0xD1, value) for value in values)
    return column + found + done(count=len(values), more=more)


def _change(kind: int, new: bytes, old: bytes = b"") -> bytes:
    body = bytes([kind, len(new)]) + new + bytes([len(old)]) + old
    return struct.pack("<BH", 0xE3, len(body)) + body


def sent_on(name: str, port: int) -> bytes:
    """The answer to a login of a server that is a gateway to others."""
    route = struct.pack("<BHH", 0, port, len(name)) + name.encode("utf-16-le")
    body = b"\x14" + struct.pack("<H", len(route)) + route + b"\0\0"
    return struct.pack("<BH", 0xE3, len(body)) + body + LOGGED_IN


LOGGED_IN = (
    _change(7, b"\x09\x04\xd0\x00\x34")
    + struct.pack("<BHB4sB4s", 0xAD, 10, 1, b"\x74\x00\x00\x04", 0, b"\x10\x00\x00\x00")
    + done()
)
_OF_TRANSACTIONS: Mapping[str, bytes] = {
    "BEGIN TRANSACTION": _change(8, _TRANSACTION) + done(),
    "COMMIT": _change(9, b"", _TRANSACTION) + done(),
    "ROLLBACK": _change(10, b"", _TRANSACTION) + done(),
}


class Tdsd:
    """Listens on a loopback address; what it was sent is in `heard`."""

    def __init__(self, tls: ssl.SSLContext | None, login: bytes) -> None:
        self.answers: dict[str, bytes] = {}
        """A piece of a statement -> tokens; any other statement does nothing, and succeeds."""
        self.heard: list[str] = []
        self.has_login = False
        self.asked = threading.Event()
        """Set when a statement came that does not end."""
        self._tls = tls
        self._login = login
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                with line, suppress(OSError, EOFError):
                    self._attend(line)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _attend(self, line: socket.socket) -> None:
        read, write = _reader(line.recv), line.sendall
        _packet(read)
        encryption = 1 if self._tls is not None else 2
        write(
            _framed(
                _REPLY, struct.pack(">BHHBHHB6sB", 0, 11, 6, 1, 17, 1, 255, b"\x10", encryption)
            )
        )
        if self._tls is not None:
            read, write = _encrypted(self._tls, line, read)
        _packet(read)
        self.has_login = True
        write(_framed(_REPLY, self._login))
        while True:
            kind, body = _packet(read)
            text = body.decode("utf-16-le", "replace")
            if kind in (_BATCH, _RPC):
                text = body[22:].decode("utf-16-le", "replace")
            self.heard.append("(attention)" if kind == _ATTENTION else text)
            answer = next((self.answers[piece] for piece in self.answers if piece in text), None)
            answer = answer or _OF_TRANSACTIONS.get(text, done())
            if answer == HANG_UP:
                return
            if answer == SILENCE:
                self.asked.set()
            else:
                write(_framed(_REPLY, answer))


@contextmanager
def tdsd(tls: ssl.SSLContext | None = None, login: bytes = LOGGED_IN) -> Iterator[Tdsd]:
    server = Tdsd(tls, login)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(10)
        assert not thread.is_alive()


_Read = Callable[[int], bytes]
_Write = Callable[[bytes], None]


def _reader(receive: _Read) -> _Read:
    def read(size: int) -> bytes:
        found = b""
        while len(found) < size:
            piece = receive(size - len(found))
            if not piece:
                raise EOFError
            found += piece
        return found

    return read


def _packet(read: _Read) -> tuple[int, bytes]:
    body, status, kind = b"", 0, 0
    while not status & 1:
        kind, status, length = struct.unpack(">BBH4x", read(8))
        body += read(length - 8)
    return kind, body


def _framed(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBHHBB", kind, 1, len(body) + 8, 0, 1, 0) + body


def _encrypted(context: ssl.SSLContext, line: socket.socket, read: _Read) -> tuple[_Read, _Write]:
    """The handshake travels in packets; what follows does not."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            if outgoing.pending:
                line.sendall(_framed(_PRELOGIN, outgoing.read()))
            incoming.write(_packet(read)[1])
    if outgoing.pending:
        line.sendall(_framed(_PRELOGIN, outgoing.read()))

    def receive(size: int) -> bytes:
        while True:
            try:
                return tls.read(size)
            except ssl.SSLWantReadError:
                incoming.write(line.recv(65536) or _end())

    def write(data: bytes) -> None:
        tls.write(data)
        line.sendall(outgoing.read())

    return _reader(receive), write


def _end() -> bytes:
    raise EOFError
