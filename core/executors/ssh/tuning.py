"""asyncssh without the work that nobody has use for. Each part is a WORKAROUND(asyncssh 2.24).

Measured on warm commands, each part is worth a few hundredths of their cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncssh
from asyncssh.connection import SSHConnection
from asyncssh.logging import SSHLogger

_MSG_IGNORE = 2


class _TerseLogger(SSHLogger):
    """Says what is wrong, and nothing else.

    asyncssh words every line of its log, command lines among them, before it asks whether
    anybody reads it. Channels take the class of their connection's logger.
    """

    def _leave_unsaid(self, *_: Any, **__: Any) -> None:
        pass

    debug = debug1 = debug2 = info = packet = _leave_unsaid


def spare_logs(connection: SSHConnection) -> None:
    """Word no line of the log below a warning."""
    inside: Any = connection
    logger = inside.logger
    inside._logger = _TerseLogger(logger.logger, context=logger._context)
    spare_packet_logs(connection)


def spare_packet_logs(of: SSHConnection | asyncssh.SSHClientChannel[bytes]) -> None:
    """Give no names to the packets of a connection, or of a channel."""
    inside: Any = of
    inside.log_sent_packet = inside.log_received_packet = _no_name


def _no_name(*_: Any, **__: Any) -> None:
    pass


def spare_chaff(connection: SSHConnection) -> None:
    """Leave out the empty packet that asyncssh sends before each one.

    It guards CBC ciphers against chosen plain text (RFC 4251, 9.3.1). GCM has no such
    weakness, and half of all packets cost a sixth of a warm command.
    """
    if "gcm" not in str(connection.get_extra_info("send_cipher")):
        return
    inside: Any = connection
    send = inside.send_packet

    def send_packet(pkttype: int, *args: bytes, handler: Any = None) -> None:
        if pkttype != _MSG_IGNORE:
            send(pkttype, *args, handler=handler)

    inside.send_packet = send_packet


@contextmanager
def one_write(connection: SSHConnection) -> Iterator[None]:
    """Put all packets of the block into one write: each is a system call, and wakes the host."""
    inside: Any = connection
    pieces: list[bytes] = []
    send = inside._send
    inside._send = pieces.append
    try:
        yield
    finally:
        inside._send = send
        if pieces:
            send(b"".join(pieces))
