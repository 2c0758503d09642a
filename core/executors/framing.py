"""Jobdeck's marks in a program's output, and what lies between them.

The wrapper (`core.executors.shell`) prints marks that carry a random token:

    stdout   login noise  `jobdeck-T start 4711\n`  the work's output  `jobdeck-T outputs 17\n`  17 bytes
    stderr   login noise  `jobdeck-T start\n`       the work's output

Everything before `start` is a login talking: rc files, banners, prompts. What
follows is the work's own, byte for byte; only a possible beginning of a mark is
held back until the next bytes decide. `refuse REASON` stands in the place of
`start` when the work could not be started.

Pure: bytes in, bytes out.
"""

from __future__ import annotations

from enum import StrEnum

MAX_OUTPUTS_BYTES = 1 << 20
_MAX_MARK_BYTES = 256


class Mark(StrEnum):
    """The word after the token."""

    READY = "ready"
    """The login has become the other user; the program text can follow."""
    START = "start"
    REFUSE = "refuse"
    OUTPUTS = "outputs"


def mark_text(token: str) -> str:
    """What every mark of this token begins with."""
    return f"jobdeck-{token}"


class Frames:
    """Takes one stream of a program apart."""

    def __init__(self, token: str, *, collects: bool = False) -> None:
        """`collects`: the wrapper may end the stream with what the work left as its outputs."""
        self._mark = mark_text(token).encode("ascii") + b" "
        self._collects = collects
        self._held = b""
        self._outputs: bytearray | None = None
        self.started = False
        self.ready = False
        self.pid: int | None = None
        self.refusal: str | None = None
        self.outputs_size: int | None = None
        """Bytes the work left as its outputs, as the wrapper counted them; None: it left none."""

    @property
    def found_outputs(self) -> bool:
        """Whether the work left outputs at all."""
        return self._outputs is not None

    @property
    def outputs(self) -> bytes | None:
        """What the work left, when all of it arrived and it is not too large."""
        if self._outputs is None or len(self._outputs) != self.outputs_size:
            return None
        return bytes(self._outputs)

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """(login noise, output of the work) that `data` completes."""
        if self._outputs is not None:
            self._take_outputs(data)
            return b"", b""
        if self.started and not self._collects:
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
                self._outputs, self.outputs_size = bytearray(), _number(words[1:])
                self._take_outputs(data)
                return noise, before
            noise += before
            self.started = self._read_mark(words[0], words[1:])
            if self.started and not self._collects:
                return noise, data

    def _undecided_from(self, data: bytes, at: int) -> int:
        """Where the bytes begin that may be a mark: `at`, if one begins there; else near the end."""
        if at < 0:
            longest = min(len(self._mark) - 1, len(data))
            sizes = range(longest, 0, -1)
            return len(data) - next((n for n in sizes if data.endswith(self._mark[:n])), 0)
        # A line that long is no mark: the wrapper writes each one at once.
        return at if len(data) - at <= _MAX_MARK_BYTES else len(data)

    def _read_mark(self, word: bytes, rest: list[bytes]) -> bool:
        """Take in a mark that came before the work's output; whether it is the work's start."""
        match word.decode("ascii", "replace"):
            case Mark.READY:
                self.ready = True
            case Mark.START:
                self.pid = _number(rest)
                return True
            case Mark.REFUSE:
                self.refusal = b" ".join(rest).decode("utf-8", "replace")
        return False

    def _take_outputs(self, data: bytes) -> None:
        assert self._outputs is not None
        # One byte too many is kept: enough to see that the size is wrong, never more.
        room = MAX_OUTPUTS_BYTES + 1 - len(self._outputs)
        self._outputs += data[:room]


def _number(words: list[bytes]) -> int | None:
    return int(words[0]) if words and words[0].isdigit() else None
