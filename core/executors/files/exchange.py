"""A conversation with one program on a target: lines and bytes both ways, as fast as it takes them.

What the program says is held until it is asked for, at most a little of it: then the wire waits.
What it is told waits in turn while the wire is full, so a file of any size takes little memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors import conclusions, outcomes
from core.executors.attempt import Attempt, Link, Patience, Turn
from core.executors.become import Door
from core.executors.conduct import NewToken
from core.executors.files.failures import TransferFailed, ended_early, refused
from core.executors.files.programs import FileProgram, Speech
from core.executors.protocol import Outcome, Stream, Work

_MOST_HELD_BYTES = 1 << 20
_LITTLE_HELD_BYTES = 256 << 10
_END_S = 5.0
_MAX_LINE_BYTES = 64 << 10
_LOST = frozenset(
    {TargetCode.CONNECTION_LOST, TargetCode.CONNECTION_FAILURE, TargetCode.CONNECTION_TIMEOUT}
)

_NOT_UNDERSTOOD = "what the host says cannot be understood"

Note = Callable[[bytes], object]


class LineLost(Exception):
    """The connection broke; the message says how. Another one may go on where this one stopped."""


class Unstarted(Exception):
    """The program could not be started there."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome

    @property
    def has_no_shell(self) -> bool:
        """Whether the login itself went well, and something else than a shell stood behind it."""
        return self.outcome.code is TargetCode.IO_FAILURE


class Exchange:
    """One program, from its start to its end."""

    def __init__(
        self, attempt: Attempt, heard: _Heard, work: Work, patience: Patience, speech: Speech
    ) -> None:
        self._attempt = attempt
        self._speech = speech
        self._heard = heard
        self._work = work
        self._patience = patience

    @property
    def has_spoken(self) -> bool:
        """Whether it has said something that was not read, or is over."""
        return bool(self._heard.data) or self._attempt.turn.done()

    async def line(self) -> str:
        """The next line that the program says, without its end; LineLost when there is none."""
        return (await self._until(b"\n", _MAX_LINE_BYTES))[:-1].decode("utf-8", "surrogateescape")

    async def record(self) -> str:
        """The next text that the program ends with a zero byte, or its last line."""
        return (await self._until(b"\0", _MAX_LINE_BYTES))[:-1].decode("utf-8", "surrogateescape")

    async def some(self) -> bytes:
        """Whatever it has printed, some bytes at least; LineLost when there is nothing more."""
        while not self._heard.data:
            await self._more()
        return self._heard.take(len(self._heard.data))

    async def exactly(self, size: int) -> bytes:
        """The next `size` bytes that it prints."""
        while len(self._heard.data) < size:
            await self._more()
        return self._heard.take(size)

    async def say(self, line: str) -> None:
        """Say a line; returns as `send` does."""
        await self._say(f"{line}\n".encode())

    async def send(self, data: bytes | memoryview) -> None:
        """Send a part of a file; returns when the wire has room for more, or the program is over."""
        await self._say(self._speech.content(data))

    async def _say(self, data: bytes) -> None:
        attempt = self._attempt
        if attempt.turn.done():
            return
        attempt.say(data)
        while not attempt.may_say.is_set() and not attempt.turn.done():
            await attempt.may_say.wait()

    def end_input(self) -> None:
        """Nothing more will be said."""
        if not self._attempt.turn.done():
            self._attempt.say(self._speech.end, last=True)

    async def ended(self) -> None:
        """Returns when the program has ended, which counts as a session of its host until then."""
        self.end_input()
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await asyncio.shield(self._attempt.turn)

    async def _until(self, end: bytes, most: int) -> bytes:
        looked = 0
        while (at := self._heard.data.find(end, looked)) < 0:
            looked = len(self._heard.data)
            if looked > most:
                raise LineLost(_NOT_UNDERSTOOD)
            await self._more()
        return self._heard.take(at + 1)

    async def _more(self) -> None:
        """Returns when there is more to read; LineLost or Unstarted when there never will be."""
        self._heard.news.clear()
        if not self._attempt.turn.done():
            await self._heard.news.wait()
            return
        attempt = self._attempt
        match await attempt.turn:
            case Turn.BECOME_REFUSED:
                raise Unstarted(conclusions.become_refused(attempt.reason))
            case Turn.NOT_STARTED:
                raise Unstarted(conclusions.not_started(attempt, self._patience))
        if attempt.out.started and attempt.has_exited:
            raise ended_early(attempt.status)
        if attempt.out.started:
            raise LineLost(attempt.evidence or "it was closed")
        outcome = conclusions.as_closed(attempt, self._work, self._speech.dialect)
        if outcome.code in _LOST:
            raise LineLost(outcome.message)
        raise Unstarted(outcome)


class Talker:
    """Starts programs behind one link, for one work."""

    def __init__(
        self,
        link: Link,
        patience: Patience,
        new_token: NewToken,
        speech: Speech,
        work: Work,
        note: Note,
    ) -> None:
        """`note` hears what else is said there: logins, complaints."""
        self._speech = speech
        self._link = link
        self._patience = patience
        self._new_token = new_token
        self._work = work
        self._note = note

    def check(self, path: str, name: str = "") -> None:
        """TransferFailed unless `path`, and a file called `name` below it, can be meant there."""
        try:
            self._speech.check(path, name)
        except ValueError as error:
            raise refused("kind", str(error), name or path) from error

    @asynccontextmanager
    async def talk(self, program: FileProgram, **values: str) -> AsyncIterator[Exchange]:
        """Start a program and talk to it; it has ended, or its wire is closed, with the block."""
        become, token = self._link.become, self._new_token()
        start = self._speech.launch(program, token, values, as_other_user=become is not None)
        heard = _Heard(self._note)
        door = None if become is None else Door(become, token, start.reader)
        attempt = Attempt(start, heard, self._patience, door=door)

        def wake(_: object) -> None:
            heard.news.set()
            attempt.may_say.set()

        attempt.turn.add_done_callback(wake)
        attempt.expect_start()
        try:
            await self._start(attempt)
            there = Exchange(attempt, heard, self._work, self._patience, self._speech)
            try:
                yield there
            except TransferFailed:
                await there.ended()
                raise
            await there.ended()
        finally:
            attempt.close()
            if not attempt.turn.done():
                attempt.end(Turn.CLOSED)

    async def _start(self, attempt: Attempt) -> None:
        try:
            await self._link.start(attempt.request, attempt)
        except TargetError as error:
            if TargetCode(error.target_code) in _LOST:
                raise LineLost(str(error)) from error
            if error.target_code == TargetCode.IO_FAILURE:
                raise Unstarted(outcomes.refused(error)) from error
            raise


def words_after(expected: str, line: str, file: str) -> list[str]:
    """The words of `line` after `expected`; TransferFailed where the program says no."""
    word, *words = line.split(" ")
    if word == "no" and words and words[0] != "short":
        raise refused(words[0], " ".join(words[1:]), file)
    if word != expected:
        raise LineLost("not all of it arrived" if word == "no" else _NOT_UNDERSTOOD)
    return words


class _Heard:
    """What a program has said, until it is read: a `Sink` that holds a little."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._room = asyncio.Event()
        self._room.set()
        self.data = bytearray()
        self.news = asyncio.Event()

    def take(self, size: int) -> bytes:
        taken = bytes(memoryview(self.data)[:size])
        del self.data[:size]
        if len(self.data) <= _LITTLE_HELD_BYTES:
            self._room.set()
        return taken

    def write(self, stream: Stream, data: bytes) -> bool:
        if stream is not Stream.OUT:
            self._note(data)
            return True
        self.data += data
        self.news.set()
        if len(self.data) > _MOST_HELD_BYTES:
            self._room.clear()
        return self._room.is_set()

    async def ready(self) -> None:
        await self._room.wait()

    async def unclaimed(self, reason: str) -> None:
        """Programs of transfers are direct always."""
