"""A wire through WinRM: standard input in pieces, output as long as the host has some."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.attempt import Attempt
from core.executors.protocol import BecomeLogin, Stream, Target
from core.executors.winrm.clixml import Clixml
from core.executors.winrm.shells import Shell, Shells
from core.executors.winrm.statuses import signed

_MOST_SENT_BYTES = 64 << 10
"""In one message: with what surrounds it, it stays below the 150 kB that the oldest hosts take."""
_FULL_BYTES = 512 << 10
"""What is to be sent holds up whoever says more from here on, until half of it has left."""
_TURN_S = 0.25
"""A program that takes input has said something: so long its answer is waited for, before it is asked
for more, since a question of ours holds up the line until it has something to say."""
_LAST_LOOKS = 6
"""How often a program is waited for that has been told its last word."""


class WinrmLink:
    """Starts programs behind one login. Its first runs in the session that proved the login."""

    become: BecomeLogin | None = None

    def __init__(self, shells: Shells, first: Shell) -> None:
        self._shells = shells
        self._target: Target = first.target
        self._first: Shell | None = first

    async def start(self, request: str, attempt: Attempt) -> None:
        shell, self._first = self._first, None
        if shell is None:
            shell = await self._shells.enter(self._target)
        try:
            command = await self._shells.call(shell.connection.start, shell.id, request)
        except Exception as error:
            self._shells.discard(shell)
            raise await self._shells.call(_translated, error, self._target) from error
        except BaseException:
            self._shells.discard(shell)
            raise
        wire = _Wire(self._shells, shell, command, attempt)
        attempt.opened(wire)
        attempt.accepted()
        wire.begin()

    def release(self) -> None:
        """Give up what was not used."""
        if self._first is not None:
            self._shells.attend(self._shells.leave(self._first))
            self._first = None


class _Wire:
    """One command: every exchange is a request of ours and its answer, one at a time."""

    def __init__(self, shells: Shells, shell: Shell, command: str, attempt: Attempt) -> None:
        self._shells = shells
        self._shell = shell
        self._command = command
        self._attempt = attempt
        self._clixml = Clixml()
        self._to_send = bytearray()
        self._is_my_turn = False
        """A conversation goes on, and the host has just spoken."""
        self._has_all = False
        """Nothing more will be said."""
        self._wake = asyncio.Event()
        self._paused = False
        self._closing = False
        self._looks_left: int | None = None
        """After the last word: how often the program's end is still looked for."""

        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = self._shells.attend(self._talk())

    # ------------------------------------------------------------------ attempt -> host

    def send(self, data: bytes, *, last: bool) -> None:
        # Standard input stays open: programs of ours read up to lines of their own.
        self._to_send += data
        self._has_all = last
        if len(self._to_send) > _FULL_BYTES:
            self._attempt.pause_writing()
        self._wake.set()

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._wake.set()

    def part(self, last_word: bytes) -> None:
        self._looks_left = _LAST_LOOKS
        self._paused = False
        self.send(last_word, last=True)
        assert self._task is not None
        self._shells.await_end(self._task)

    def close(self) -> None:
        self._closing = True
        self._wake.set()

    # ------------------------------------------------------------------ host -> attempt

    async def _talk(self) -> None:
        """Exchange until the command is over, or nobody listens any more."""
        try:
            while not (self._closing or self._looks_left == 0):
                if await self._exchange():
                    break
        except Exception as error:  # noqa: BLE001 - whatever it is, the line is no use any more
            self._shells.discard(self._shell)
            self._end(await self._shells.call(_words, error))
        except BaseException:
            self._shells.discard(self._shell)
            raise
        else:
            self._end("")
            await self._shells.leave(self._shell)

    async def _exchange(self) -> bool:
        """One request and its answer; whether the command is over."""
        if self._to_send:
            await self._send_some()
            return False
        if self._is_my_turn:
            self._is_my_turn = False
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_TURN_S):
                    await self._wake.wait()
            return False
        if self._looks_left is not None:
            self._looks_left -= 1
        elif self._paused or self._attempt.gone.is_set():
            self._wake.clear()
            await self._wake.wait()
            return False
        came = await self._shells.receive(self._shell, self._command)
        if came is None or self._closing:
            return False
        self._is_my_turn = bool(came.out) and self._attempt.takes_input and not self._has_all
        if came.out:
            self._attempt.received(Stream.OUT, came.out)
        # Before the start PowerShell has words about itself; what the work prints comes as it is.
        said = came.err if self._attempt.out.started else self._clixml.feed(came.err)
        if came.status is not None or self._attempt.out.started:
            said = self._clixml.finish() + said
        if said:
            self._attempt.received(Stream.ERR, said)
        if came.status is not None:
            self._attempt.exited(signed(came.status), None)
        return came.status is not None

    async def _send_some(self) -> None:
        piece = bytes(self._to_send[:_MOST_SENT_BYTES])
        del self._to_send[:_MOST_SENT_BYTES]
        connection = self._shell.connection
        try:
            await self._shells.call(connection.send, self._shell.id, self._command, piece)
        except Exception as error:
            if await self._shells.call(_is_lost, error):
                raise
            # The program is over, and hears nothing more: what it said last tells why.
            self._to_send.clear()
        if len(self._to_send) <= _FULL_BYTES // 2:
            self._attempt.resume_writing()

    def _end(self, evidence: str) -> None:
        if not self._closing and self._looks_left is None:
            self._attempt.closed(evidence)


def _is_lost(error: Exception) -> bool:
    from core.executors.winrm.failures import is_lost

    return is_lost(error)


def _translated(error: Exception, target: Target) -> TargetError:
    from core.executors.winrm.failures import is_lost, translated

    if is_lost(error):
        # Nothing of the work was sent: it is as if the host had not been reached.
        return TargetError(TargetCode.CONNECTION_FAILURE, str(translated(error, target)))
    return translated(error, target)


def _words(error: Exception) -> str:
    from core.executors.winrm.failures import words

    return words(error)
