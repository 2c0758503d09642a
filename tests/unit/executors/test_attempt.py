"""What a running program has told us, and what is left of it in memory."""

from __future__ import annotations

import gc
import weakref

from core.executors.attempt import Attempt, Patience
from core.executors.shell import compose
from tests.support.work import MemorySink, command


class Line:
    """A wire that refers to its attempt, as all of them do."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def send(self, data: bytes, *, last: bool) -> None: ...

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
