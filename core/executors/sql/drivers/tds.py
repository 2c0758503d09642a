"""pytds as an attempt needs it: a line that can be broken and has a limit, and results that are read
to their end. Everything that goes wrong is one of pytds's own errors.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import OpenSSL.crypto
import OpenSSL.SSL
import pytds
from cryptography import x509


def _is_named(cert: OpenSSL.crypto.X509, name: bytes) -> bool:
    """Whether a certificate is of the server that was asked for (RFC 9525: by its own names)."""
    try:
        kind = x509.SubjectAlternativeName
        own = cert.to_cryptography().extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return False
    host = name.decode("ascii").lower()
    above = "*." + host.partition(".")[2]
    named = {each.lower() for each in own.get_values_for_type(x509.DNSName)}
    addresses = {str(each) for each in own.get_values_for_type(x509.IPAddress)}
    return host in addresses or not named.isdisjoint((host, above))


# WORKAROUND(python-tds 1.17.1): its own calls what pyOpenSSL 26 no longer has.
pytds.tls.validate_host = _is_named


@contextmanager
def as_pytds_errors() -> Iterator[None]:
    """What a socket or OpenSSL says, said as pytds would: it lets them through as they are."""
    try:
        yield
    except OpenSSL.SSL.Error as error:
        reasons = [reason[-1] for reason in error.args[0]] if error.args else []
        raise pytds.InterfaceError(f"TLS: {', '.join(reasons) or 'it broke'}") from error
    except OSError as error:
        raise pytds.InterfaceError(error.strerror or str(error) or "timed out") from error


_NO_ERROR = 10
"""Severity of what a server only says."""


def _unheard(_said: str) -> None:
    pass


class Line:
    """The socket of one connection."""

    def __init__(self, made: socket.socket, monotonic: Callable[[], float]) -> None:
        self._socket = made
        self._monotonic = monotonic
        self._timeout_s: float | None = None
        self.ends_s: float | None = None
        """When what runs has used up its time, on the monotonic clock."""
        self.is_overdue = False
        self.is_entered = False

    def sever(self) -> None:
        """Break the line under a thread that waits for it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        self._socket.close()

    # ------------------------------------------------------------------ called by pytds

    def close(self) -> None:
        error = sys.exception()
        self.end()
        if not self.is_entered and error is None:
            # Without an error it leaves a server for one reason only, and would go there unjudged.
            raise pytds.InterfaceError(
                "the server sends its clients on to another one; give that one as `address`"
            )
        if not self.is_entered and isinstance(error, pytds.OperationalError):
            # pytds would wait, and try the login again on this line; this error stops it.
            raise pytds.InterfaceError from error

    def setsockopt(self, level: int, option: int, value: int) -> None:
        self._socket.setsockopt(level, option, value)

    def gettimeout(self) -> float | None:
        return self._timeout_s

    def settimeout(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s

    def sendall(self, data: bytes, flags: int = 0) -> None:
        with as_pytds_errors():
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(data, flags)

    def recv(self, size: int, flags: int = 0) -> bytes:
        with self._in_time():
            return self._socket.recv(size, flags)

    def recv_into(self, buffer: bytearray | memoryview, size: int = 0, flags: int = 0) -> int:
        with self._in_time():
            return self._socket.recv_into(buffer, size, flags)

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        left_s = self._timeout_s
        if self.ends_s is not None:
            left_s = max(self.ends_s - self._monotonic(), 0.001)
        with as_pytds_errors():
            self._socket.settimeout(left_s)
            try:
                yield
            except TimeoutError:
                self.is_overdue = self.ends_s is not None
                raise


class Connection:
    """What SQLAlchemy is given for pytds's connection."""

    def __init__(self, raw: Any, line: Line) -> None:
        self._raw = raw
        self._line = line
        self.heard: Callable[[str], None] = _unheard
        """Is told what the server says aside (PRINT, and its own remarks)."""

    @property
    def in_transaction(self) -> bool:
        """As the server has reported it."""
        tds = self._raw._tds_socket
        return tds is not None and bool(tds.tds72_transaction)

    @property
    def autocommit(self) -> bool:
        return bool(self._raw.autocommit)

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self._raw.autocommit = value

    def cursor(self) -> Cursor:
        with as_pytds_errors():
            return Cursor(self._raw.cursor(), self._line, self.heard)

    def commit(self) -> None:
        with as_pytds_errors():
            self._raw.commit()

    def rollback(self) -> None:
        with as_pytds_errors():
            self._raw.rollback()

    def close(self) -> None:
        with suppress(pytds.Error), as_pytds_errors():
            self._raw.close()
        self._line.end()


class Cursor:
    """Reads what a batch brings to its end, so an error behind its first result is not missed.

    What is left unread would be cancelled by the next statement, and the transaction with it.
    """

    def __init__(self, raw: Any, line: Line, heard: Callable[[str], None]) -> None:
        self._raw = raw
        self._line = line
        self._heard = heard
        self._told = 0
        """Messages of the batch that were told, or were errors."""
        self.rowcount = -1
        """Rows touched by all statements before the first that brings rows."""

    @property
    def description(self) -> Any:
        return self._raw.description

    @property
    def arraysize(self) -> int:
        return int(self._raw.arraysize)

    def execute(self, statement: str, values: Mapping[str, Any]) -> None:
        self._told = 0
        with self._telling(), as_pytds_errors():
            self._raw.execute(statement, dict(values))
            while self._raw.description is None:
                if (touched := self._raw.rowcount) >= 0:
                    self.rowcount = max(self.rowcount, 0) + touched
                if not self._raw.nextset():
                    break
        if self._raw.description is None:
            self._line.ends_s = None

    def fetchone(self) -> Any:
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def fetchmany(self, size: int) -> Sequence[Any]:
        with self._telling(), as_pytds_errors():
            rows: Sequence[Any] = self._raw.fetchmany(size)
            if not rows:
                while self._raw.nextset():
                    pass
                self._line.ends_s = None
        return rows

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        finally:
            for _, said in (self._raw.messages or [])[self._told :]:
                self._told += 1
                if said.severity <= _NO_ERROR:
                    self._heard(said.text)

    def fetchall(self) -> Sequence[Any]:
        rows: list[Any] = []
        while more := self.fetchmany(500):
            rows += more
        return rows

    def close(self) -> None:
        self._raw.close()
