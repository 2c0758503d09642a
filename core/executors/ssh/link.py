"""Starts programs on a leased connection; a stale connection is replaced once.

As long as nothing of the program was sent, a broken or full connection is no
failure: the next one is tried. Once its text has left, a broken connection is the
attempt's to explain.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncssh

from core import failpoints
from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.attempt import Attempt
from core.executors.files.bare import NoSftp
from core.executors.protocol import BecomeLogin, Stream, Target
from core.executors.ssh import tuning
from core.executors.ssh.pool import Lease, Pool
from core.executors.ssh.window import hold_to_one_window

WINDOW_BYTES = 512 << 10
"""What the far side may send ahead: bounds the memory of a session whose sink is full."""
_PACKET_BYTES = 32 << 10
_LEAVING_S = 30.0
"""How long a program that was left may take to end; its channel is then closed."""


class SshLink:
    """One session's way into a host."""

    def __init__(self, pool: Pool, target: Target, lease: Lease) -> None:
        self._pool = pool
        self._target = target
        self._leases = [lease]
        self._channels: list[tuple[Lease, _Channel]] = []
        self._is_released = False

    @property
    def become(self) -> BecomeLogin | None:
        return self._target.login.become

    async def start(self, request: str, attempt: Attempt) -> None:
        while True:
            lease = self._leases[-1] if self._leases else await self._take()
            try:
                await self._start_on(lease, request, attempt)
            except _NothingSent as failure:
                if attempt.turn.done() or not _may_replace(lease, failure):
                    raise self._refusal(failure) from failure
                await self._replace(lease, is_full=failure.is_full)
            else:
                lease.is_fresh, lease.is_used = False, True
                lease.connection.has_served = True
                return

    @asynccontextmanager
    async def sftp(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """A client of the host's SFTP server, as the login user."""
        lease = await self._open()
        try:
            client = await lease.connection.ssh.start_sftp_client()
        except (asyncssh.Error, OSError) as error:
            why = f"{self._target.place} gives no SFTP ({_words(error)})"
            raise NoSftp(why) from error
        lease.is_fresh, lease.is_used = False, True
        lease.connection.has_served = True
        async with client:
            yield client

    @asynccontextmanager
    async def process(self, command: str) -> AsyncIterator[asyncssh.SSHClientProcess[bytes]]:
        """A command as it is, as the login user."""
        lease = await self._open()
        async with await lease.connection.ssh.create_process(command, encoding=None) as process:
            lease.is_fresh, lease.is_used = False, True
            lease.connection.has_served = True
            yield process

    async def _open(self) -> Lease:
        """The lease in use, on a connection that is open."""
        lease = self._leases[-1] if self._leases else await self._take()
        if lease.connection.ssh.is_closed():
            await self._replace(lease, is_full=False)
            lease = self._leases[-1]
        return lease

    def release(self) -> None:
        """Give everything back; a connection with a program that still ends, when it has ended.

        The host counts that program's session too, and refuses more than it allows.
        """
        self._is_released = True
        while self._leases:
            lease = self._leases.pop()
            channel = next(
                (each for on, each in self._channels if on is lease and each.is_left), None
            )
            if channel is None:
                self._pool.release(lease)
            else:
                channel.when_lost(partial(self._pool.release, lease))

    async def _start_on(self, lease: Lease, request: str, attempt: Attempt) -> None:
        channel = _Channel(attempt)
        self._channels = [(on, each) for on, each in self._channels if not each.is_lost]
        self._channels.append((lease, channel))
        connection = lease.connection.ssh
        try:
            await connection.create_session(
                lambda: channel,
                request,
                encoding=None,
                window=WINDOW_BYTES,
                max_pktsize=_PACKET_BYTES,
            )
        except asyncio.CancelledError:
            if channel.is_open:
                channel.close()
            else:
                # The host may open the channel yet, and nobody would ever close it.
                self._pool.discard(lease.connection)
            raise
        except (asyncssh.Error, OSError) as error:
            if connection.is_closed() or channel.is_lost:
                if attempt.handed_over:
                    return  # the channel has told the attempt
                raise _NothingSent(_words(error), is_full=False) from error
            if not channel.is_open:
                raise _NothingSent(_words(error), is_full=True) from error
            attempt.handed_over = False
            raise TargetError(
                TargetCode.IO_FAILURE,
                f"{self._target.place} refuses to run a command ({_words(error)})",
                hint="does the account have a shell there?",
            ) from error
        if channel.is_lost and not attempt.handed_over:
            raise _NothingSent("the connection was lost", is_full=False)
        failpoints.reach("ssh.requested")
        channel.accept()

    async def _replace(self, lease: Lease, *, is_full: bool) -> None:
        """Take another connection; one that something was started on stays leased beside it."""
        connection = lease.connection
        taken = connection.sessions - (not lease.is_used)
        if is_full and taken:
            # The host allows fewer sessions than we would use (MaxSessions).
            connection.place.capacity = min(connection.place.capacity, taken)
        else:
            # It is broken, or the host counts a session for an instant longer than we do.
            self._pool.discard(connection)
        if not lease.is_used:
            self._leases.remove(lease)
            self._pool.release(lease)
        await self._take()

    async def _take(self) -> Lease:
        """Lease one more connection."""
        lease = await self._pool.acquire(self._target)
        if self._is_released:
            self._pool.release(lease)
            raise TargetError(TargetCode.CONNECTION_FAILURE, "nobody waits for it any more")
        self._leases.append(lease)
        return lease

    def _refusal(self, failure: _NothingSent) -> TargetError:
        if failure.is_full:
            return TargetError(
                TargetCode.CONNECTION_FAILURE,
                f"{self._target.place} refuses to open a session ({failure})",
                hint="does its sshd allow sessions (MaxSessions)?",
            )
        return TargetError(
            TargetCode.CONNECTION_FAILURE,
            f"the connection to {self._target.place} broke before the work was sent ({failure})",
        )


def _may_replace(lease: Lease, failure: _NothingSent) -> bool:
    """Whether another connection may do better than this one."""
    if failure.is_full:
        return lease.connection.has_served or lease.connection.sessions > 1
    return not lease.is_fresh


class _NothingSent(Exception):
    """The program could not be started, and nothing of it has left."""

    def __init__(self, reason: str, *, is_full: bool) -> None:
        super().__init__(reason)
        self.is_full = is_full
        """The connection stands, but takes no further session."""


class _Channel(asyncssh.SSHClientSession[bytes]):
    """One SSH channel as an attempt's wire."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._is_accepted = False
        self._is_left = False
        self._when_lost: Callable[[], None] | None = None
        self.is_lost = False

    @property
    def is_left(self) -> bool:
        """Whether it is open, and only waits for its program to end."""
        return self._is_left and not self.is_lost

    def when_lost(self, call: Callable[[], None]) -> None:
        """`call` once the channel is closed, which is soon."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(_LEAVING_S, self.close)

        def lost() -> None:
            timer.cancel()
            call()

        self._when_lost = lost

    @property
    def is_open(self) -> bool:
        """Whether the host has opened the channel."""
        return self._channel is not None

    def accept(self) -> None:
        """The host runs the request."""
        self._is_accepted = True
        self._attempt.accepted()

    # ------------------------------------------------------------------ asyncssh -> attempt

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan
        hold_to_one_window(chan)
        tuning.spare_packet_logs(chan)
        self._attempt.opened(self)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._attempt.received(Stream.OUT if datatype is None else Stream.ERR, data)

    def eof_received(self) -> bool:
        return True  # Standard input stays open: the program may still read what was sent.

    def pause_writing(self) -> None:
        self._attempt.pause_writing()

    def resume_writing(self) -> None:
        self._attempt.resume_writing()

    def exit_status_received(self, status: int) -> None:
        self._attempt.exited(status, None)

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._attempt.exited(None, signal)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self._is_accepted or self._attempt.handed_over:
            self._attempt.closed(_words(exc) if exc is not None else "")
        if self._when_lost is not None:
            self._when_lost()

    # ------------------------------------------------------------------ attempt -> asyncssh

    def send(self, data: bytes, *, last: bool) -> None:
        channel = self._open_channel()
        if channel is not None and not channel.is_closing():
            channel.write(data)
            if last:
                channel.write_eof()

    def pause(self) -> None:
        if (channel := self._open_channel()) is not None:
            channel.pause_reading()

    def resume(self) -> None:
        if (channel := self._open_channel()) is not None:
            channel.resume_reading()

    def part(self, last_word: bytes) -> None:
        self._is_left = True
        channel = self._open_channel()
        if channel is not None and not channel.is_closing():
            # The host takes in what was sent before it closes, and its program then ends by itself.
            with tuning.one_write(channel.get_connection()):
                channel.write(last_word)
                channel.close()

    def close(self) -> None:
        if (channel := self._open_channel()) is not None:
            channel.close()

    def _open_channel(self) -> asyncssh.SSHClientChannel[bytes] | None:
        return None if self.is_lost else self._channel


def _words(error: Any) -> str:
    return str(getattr(error, "reason", "") or error or type(error).__name__)
