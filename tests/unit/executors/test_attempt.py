"""What a running program has told us, and what is left of it in memory."""

from __future__ import annotations

import gc
import weakref

from core.executors.attempt import Attempt, Patience
from core.executors.become import Door
from core.executors.framing import Mark, mark_text
from core.executors.protocol import BecomeLogin, Stream
from core.executors.shell import compose
from tests.support.work import MemorySink, command


class Line:
    """A wire that refers to its attempt, as all of them do."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self.sent: list[bytes] = []

    def send(self, data: bytes, *, last: bool) -> None:
        self.sent.append(data)

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def part(self, last_word: bytes) -> None: ...

    def close(self) -> None: ...


async def test_nothing_but_its_end_is_needed_to_forget_an_attempt() -> None:
    sink = MemorySink()
    attempt = Attempt(compose(command("true"), "t" * 32), sink, Patience())
    line = Line(attempt)
    attempt.opened(line)
    attempt.closed()
    memory, place = weakref.ref(sink), weakref.ref(attempt)

    gc.disable()
    try:
        del attempt, line, sink
        assert place() is None
        assert memory() is None
    finally:
        gc.enable()


async def test_a_door_that_opens_before_the_request_is_accepted_lets_the_text_in_once() -> None:
    token = "t" * 32
    launch = compose(command("true"), token, as_other_user=True)
    door = Door(BecomeLogin(method="su", user="ada"), token)
    attempt = Attempt(launch, MemorySink(), Patience(), door=door)
    line = Line(attempt)

    attempt.opened(line)
    attempt.received(Stream.OUT, f"{mark_text(token)} {Mark.READY}\n".encode())
    attempt.accepted()

    assert line.sent == [door.passed(launch.text)]
