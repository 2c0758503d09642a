"""Jobdeck's marks in a program's output, and what lies between them.

The wrapper (`core.executors.shell`) prints marks that carry a random token:

    stdout   login noise  `jobdeck-T start 4711\n`  the work's output  `jobdeck-T outputs 17\n`  17 bytes
    stderr   login noise  `jobdeck-T start\n`       the work's output

and, where the program says itself how the work ended (`core.executors.claims`):

    stdout   login noise  `jobdeck-T start 4711\n`  the work's output  `jobdeck-T exit 0 17\n`  17 bytes
    stderr   login noise  `jobdeck-T start\n`       the work's output  `jobdeck-T end\n`

Everything before `start` is a login talking: rc files, banners, prompts. What
follows is the work's own, byte for byte; only a possible beginning of a mark is
held back until the next bytes decide. `refuse REASON` stands in the place of
`start` when the work could not be started.

Pure: bytes in, bytes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

MAX_OUTPUTS_BYTES = 1 << 20
_MAX_MARK_BYTES = 2048


class Mark(StrEnum):
    """The word after the token."""

    READY = "ready"
    """The login has become the other user; the program text can follow."""
    START = "start"
    REFUSE = "refuse"
    OUTPUTS = "outputs"
    EXIT = "exit"
    GONE = "gone"
    END = "end"


_SIZE_AT: Mapping[str, int] = {Mark.OUTPUTS: 1, Mark.EXIT: 2}
"""Marks that close a stream and are followed by outputs -> which word is their size; `-`: none."""


def mark_text(token: str) -> str:
    """What every mark of this token begins with."""
    return f"jobdeck-{token}"


class Frames:
    """Takes one stream of a program apart."""

    def __init__(self, token: str, *, closes: bool = False) -> None:
        """`closes`: a mark may close the work's output, and outputs may follow it."""
        self._mark = mark_text(token).encode("ascii") + b" "
        self._closes = closes
        self._held = b""
        self._outputs = bytearray()
        self.started = False
        self.ready = False
        self.pid: int | None = None
        self.warning = ""
        """The word after `start` and its process: the work is being ended already, and why."""
        self.refusal: str | None = None
        self.closing: tuple[str, ...] | None = None
        """The words of the mark that closed the stream."""
        self.outputs_size: int | None = None
        """Bytes the work left as its outputs, as the wrapper counted them; None: it left none."""

    @property
    def found_outputs(self) -> bool:
        """Whether the work left outputs at all."""
        return self.closing is not None and _says_size(self.closing)

    @property
    def outputs(self) -> bytes | None:
        """What the work left, when all of it arrived and it is not too large."""
        if not self.found_outputs or len(self._outputs) != self.outputs_size:
            return None
        return bytes(self._outputs)

    @property
    def is_complete(self) -> bool:
        """Whether the stream was closed, and everything that was announced has come."""
        if self.closing is None:
            return False
        size = self.outputs_size or 0
        return size > MAX_OUTPUTS_BYTES or len(self._outputs) >= size

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """(login noise, output of the work) that `data` completes."""
        if self.closing is not None:
            self._take_outputs(data)
            return b"", b""
        if self.started and not self._closes:
            return b"", data
        return self._split(self._held + data)

    def finish(self) -> tuple[bytes, bytes]:
        """(noise, output) that was held back when the stream ended."""
        rest, self._held = self._held, b""
        return (b"", rest) if self.started else (rest, b"")

    def _split(self, data: bytes) -> tuple[bytes, bytes]:
        noise = b""
        while True:
            at = data.find(self._mark)
            end = data.find(b"\n", at) if at >= 0 else -1
            if end < 0:
                cut = self._undecided_from(data, at)
                passed, self._held = data[:cut], data[cut:]
                return (noise, passed) if self.started else (noise + passed, b"")
            before, words, data = data[:at], data[at:end].split(b" ")[1:], data[end + 1 :]
            self._held = b""
            if self.started:
                self._close(words)
                self._take_outputs(data)
                return noise, before
            noise += before
            self.started = self._read_mark(words[0], words[1:])
            if self.started and not self._closes:
                return noise, data

    def _undecided_from(self, data: bytes, at: int) -> int:
        """Where the bytes begin that may be a mark: `at`, if one begins there; else near the end."""
        if at < 0:
            at = data.find(self._mark[:1], max(0, len(data) - len(self._mark) + 1))
            while at >= 0 and not self._mark.startswith(data[at:]):
                at = data.find(self._mark[:1], at + 1)
            return at if at >= 0 else len(data)
        # A line that long is no mark: the wrapper writes each one at once.
        return at if len(data) - at <= _MAX_MARK_BYTES else len(data)

    def _read_mark(self, word: bytes, rest: list[bytes]) -> bool:
        """Take in a mark that came before the work's output; whether it is the work's start."""
        match word.decode("ascii", "replace"):
            case Mark.READY:
                self.ready = True
            case Mark.START:
                self.pid = _number(rest)
                self.warning = b"".join(rest[1:2]).decode("ascii", "replace")
                return True
            case Mark.REFUSE:
                self.refusal = b" ".join(rest).decode("utf-8", "replace")
        return False

    def _close(self, words: list[bytes]) -> None:
        self.closing = tuple(word.decode("ascii", "replace") for word in words)
        if _says_size(self.closing):
            self.outputs_size = _number(words[_SIZE_AT[self.closing[0]] :])

    def _take_outputs(self, data: bytes) -> None:
        # One byte too many is kept: enough to see that the size is wrong, never more.
        room = MAX_OUTPUTS_BYTES + 1 - len(self._outputs)
        self._outputs += data[:room]


def _says_size(closing: tuple[str, ...]) -> bool:
    at = _SIZE_AT.get(closing[0])
    return at is not None and closing[at : at + 1] != ("-",)


def _number(words: list[bytes]) -> int | None:
    return int(words[0]) if words and words[0].isdigit() else None
