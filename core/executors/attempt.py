"""One program on the far side, as it talks to us: fed by a wire, listened to by `conduct`.

    (nothing sent) -> [at the door] -> handed over -> started -> exited -> closed
                                                      or ended -> settled -> closed, under a claim

The wire calls `opened`, `received`, `exited` and `closed`; it knows nothing of
marks, doors, sinks or time-outs; `pause_writing` and `resume_writing` tell how full it is. The first thing that decides how the attempt goes
on becomes its `turn`: that it closed, or a reason to end it. Everything here is
callbacks: nothing waits, so a hanging host holds nobody up.

A sink that is full pauses the wire until it has room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from core.executors.become import BecomeRefused, Door
from core.executors.framing import Frames
from core.executors.protocol import BecomeLogin, OutputLimitReached, Sink, Stream
from core.executors.shell import Launch

_MAX_NOISE_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an attempt waits for what, in seconds."""

    start_s: float = 60.0
    """For the work to say that it has started: slow rc files, doors."""
    grace_s: float = 3.0
    """Between asking processes to end and killing them."""
    linger_s: float = 5.0
    """After the exit status, while something in the background holds the output open in silence."""
    most_linger_s: float = 60.0
    """The same while it goes on to print: the last output of the work itself has come by then."""


class Turn(StrEnum):
    """What decided how the attempt goes on."""

    CLOSED = "closed"
    ENDED = "ended"
    """The program has said itself how the work ended."""
    LINGERED = "lingered"
    NOT_STARTED = "not-started"
    BECOME_REFUSED = "become-refused"
    STOPPED = "stopped"
    TIMED_OUT = "timed-out"
    OUTPUT_LIMIT = "output-limit"
    LOG_FAILED = "log-failed"


class Wire(Protocol):
    """The way to the program; every call returns at once."""

    def send(self, data: bytes, *, last: bool) -> None:
        """Put `data` on its standard input; `last`: then close that."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def part(self, last_word: bytes) -> None:
        """Put `last_word` on its standard input, and let the program end by itself, unheard."""

    def close(self) -> None:
        """Stop listening; says nothing to the program's processes."""


class Link(Protocol):
    """Starts programs behind one login."""

    @property
    def become(self) -> BecomeLogin | None: ...

    async def start(self, request: str, attempt: Attempt) -> None:
        """Start `request` and tie its wire to `attempt`; TargetError when it was not accepted."""


class Attempt:
    """The state of one program, and the way of its output to the sink."""

    def __init__(
        self,
        launch: Launch,
        sink: Sink,
        patience: Patience,
        *,
        door: Door | None = None,
        timeout_s: float | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._launch = launch
        self._sink = sink
        self._patience = patience
        self._door = door
        self._timeout_s = timeout_s
        self._frames = {
            Stream.OUT: Frames(launch.token, closes=launch.collects or launch.is_claimed),
            Stream.ERR: Frames(launch.token, closes=launch.is_claimed),
        }
        self._wire: Wire | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_call = 0.0
        """When output after the exit status is followed no more, by the loop's clock."""
        self._refill: asyncio.Task[None] | None = None
        self._deaf = False
        self._stops_at_start = False
        self._noise = b""
        self.may_say = asyncio.Event()
        """The wire has room for more on standard input."""
        self.may_say.set()
        self.turn: asyncio.Future[Turn] = self._loop.create_future()
        self.when_turned: Callable[[], None] | None = None
        self.gone = asyncio.Event()
        """Nothing more will come: the wire is closed, or the program has said its last word."""
        self.handed_over = False
        """The program's text has left; it may run from here on."""
        self.status: int | None = None
        self.signal: str | None = None
        self.is_closed = False
        self.evidence = ""
        """Why the wire closed, when it should not have."""
        self.reason = ""
        """Words that go with the turn."""

    @property
    def request(self) -> str:
        """What the login shell is given."""
        return self._launch.request if self._door is None else self._door.request

    @property
    def out(self) -> Frames:
        return self._frames[Stream.OUT]

    @property
    def is_claimed(self) -> bool:
        return self._launch.is_claimed

    @property
    def takes_input(self) -> bool:
        """Whether the program is talked with."""
        return self._launch.takes_input

    @property
    def has_exited(self) -> bool:
        return self.status is not None or self.signal is not None

    @property
    def door(self) -> Door | None:
        """The door it still stands before."""
        return self._door

    def noise(self) -> str:
        """The last words of the login, for a message."""
        return " ".join(self._noise.decode("utf-8", "replace").split())

    def expect_start(self) -> None:
        """From here on the far side is waited for."""
        self._set_timer(self._patience.start_s, Turn.NOT_STARTED)

    # ------------------------------------------------------------------ called by the wire

    def opened(self, wire: Wire) -> None:
        """The way is open; the request is about to be sent."""
        self._wire = wire
        if self._deaf:
            wire.close()
        elif self._door is None and not self._launch.text:
            self.handed_over = True

    def accepted(self) -> None:
        """The request was accepted: standard input can be written.

        A quick door has been passed by then, and the text has gone with it.
        """
        is_due = self._door is None and not self.handed_over
        if is_due and self._launch.text and not self.is_closed:
            self._hand_over(self._launch.text)

    def received(self, stream: Stream, data: bytes) -> None:
        """Bytes came from the far side."""
        if self._deaf:
            return
        if self._door is not None and stream is Stream.ERR:
            self._listen_at_the_door(self._door, data)
            return
        frames = self._frames[stream]
        was_started = frames.started
        noise, output = frames.feed(data)
        self._write_output(stream, output, is_last=frames.closing is not None)
        if noise:
            self._note(noise)
        if not was_started and stream is Stream.OUT:
            self._look_for_start(frames)
        if frames.closing is not None:
            self._look_for_end()
        elif self.has_exited:
            self._linger()

    def pause_writing(self) -> None:
        """The wire holds more than it has sent."""
        self.may_say.clear()

    def resume_writing(self) -> None:
        """The wire has sent most of what it held."""
        self.may_say.set()

    def exited(self, status: int | None, signal: str | None) -> None:
        """The program ended; its output may still be on the way."""
        self.status, self.signal = status, signal
        self._last_call = self._loop.time() + self._patience.most_linger_s
        self._set_timer(None, Turn.LINGERED)
        self._linger()

    def closed(self, evidence: str = "") -> None:
        """The wire is gone, and all that it brought was received."""
        self.evidence, self.is_closed = evidence, True
        for stream, frames in self._frames.items():
            noise, output = frames.finish()
            # What is lost with a line under a claim is fetched again, from the same byte on.
            self._write_output(stream, output, is_last=not self.is_claimed)
            if noise:
                self._note(noise)
        # The wire refers to the attempt too: a circle would keep the output's way in memory.
        self._wire = None
        self.gone.set()
        self.end(Turn.CLOSED)

    # ------------------------------------------------------------------ called by the conductor

    def end(self, turn: Turn, reason: str = "") -> None:
        """Decide how the attempt goes on; the first decision counts."""
        if not self.turn.done():
            self.reason = reason
            self.turn.set_result(turn)
            if self.when_turned is not None:
                self.when_turned()

    def stop(self, *, once_started: bool) -> None:
        """End it by request; `once_started`: not before it has said whether there is something
        to end, because what it looks for may run already.
        """
        if once_started and not self.out.started:
            self._stops_at_start = True
        else:
            self.end(Turn.STOPPED)

    def note(self, text: str) -> None:
        """Say something to the reader of the output, in Jobdeck's own words."""
        self._write(Stream.NOTE, text.encode("utf-8"))

    def say(self, data: bytes, *, last: bool = False) -> None:
        """Put `data` on the program's standard input; `may_say` tells when more can follow."""
        if self._wire is not None:
            self._wire.send(data, last=last)

    def hush(self) -> None:
        """Hear nothing more; the wire stays."""
        self._deaf = True
        if self._timer is not None:
            self._timer.cancel()
        if self._refill is not None:
            self._refill.cancel()

    def settle(self, last_word: bytes) -> None:
        """Say the last word, after which the program ends by itself."""
        if self._wire is not None and not self.is_closed:
            self._wire.part(last_word)

    def close(self) -> None:
        """Hear and say nothing more."""
        self.hush()
        if self._wire is not None:
            self._wire.close()

    # ------------------------------------------------------------------ inside

    def _hand_over(self, text: bytes) -> None:
        assert self._wire is not None
        self.handed_over = True
        self._wire.send(text, last=not (self._launch.is_claimed or self._launch.takes_input))

    def _listen_at_the_door(self, door: Door, heard: bytes) -> None:
        assert self._wire is not None
        try:
            answer = door.answer(heard)
        except BecomeRefused as refusal:
            self.end(Turn.BECOME_REFUSED, str(refusal))
            return
        if answer is not None:
            self._wire.send(answer, last=False)

    def _look_for_start(self, frames: Frames) -> None:
        if self._door is not None and frames.ready:
            words = self._door.words()
            self._hand_over(self._door.passed(self._launch.text))
            self._door = None
            if words:
                self._note(words)
        if frames.started:
            # Work that is over already, and is only fetched, cannot take too long.
            is_over = self._launch.is_claimed and frames.pid is None
            self._set_timer(None if is_over else self._timeout_s, Turn.TIMED_OUT)
            if frames.warning and not is_over:
                self.end(Turn(frames.warning))
            elif self._stops_at_start and not is_over:
                self.end(Turn.STOPPED)

    def _look_for_end(self) -> None:
        if self._launch.is_claimed and all(each.is_complete for each in self._frames.values()):
            self._set_timer(None, Turn.ENDED)
            self.gone.set()
            self.end(Turn.ENDED)

    def _set_timer(self, seconds: float | None, turn: Turn) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = self._loop.call_later(seconds, self.end, turn)

    def _linger(self) -> None:
        """The program has exited: wait for the end of its output."""
        if self._refill is None:
            left_s = max(0.0, self._last_call - self._loop.time())
            self._set_timer(min(self._patience.linger_s, left_s), Turn.LINGERED)

    def _note(self, noise: bytes) -> None:
        self._noise = (self._noise + noise)[-_MAX_NOISE_BYTES:]
        self._write(Stream.NOTE, noise)

    def _write_output(self, stream: Stream, data: bytes, *, is_last: bool) -> None:
        recoder = self._launch.recoders.get(stream)
        if recoder is not None:
            data = recoder.feed(data) + (recoder.finish() if is_last else b"")
        if data:
            self._write(stream, data)

    def _write(self, stream: Stream, data: bytes) -> None:
        try:
            has_room = self._sink.write(stream, data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this work and no other
            self._log_failed(error)
            return
        if not has_room and self._refill is None and self._wire is not None:
            self._wire.pause()
            if self.has_exited:  # silence is then our own
                self._set_timer(None, Turn.LINGERED)
            self._refill = self._loop.create_task(self._wait_for_room(self._wire))

    async def _wait_for_room(self, wire: Wire) -> None:
        since = self._loop.time()
        try:
            await self._sink.ready()
        except OutputLimitReached:
            self.end(Turn.OUTPUT_LIMIT)
        except Exception as error:  # noqa: BLE001 - as above
            self._log_failed(error)
        else:
            self._refill = None
            self._last_call += self._loop.time() - since
            wire.resume()
            if self.has_exited:
                self._linger()

    def _log_failed(self, error: Exception) -> None:
        self._deaf = True
        self.end(Turn.LOG_FAILED, f"{type(error).__name__}: {error}")
