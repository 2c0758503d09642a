"""A program at the far end of a line: a real pseudo-terminal, as slow as one likes.

    with Wire(command, env, columns=80, rows=24, round_trip_s=0.3, bits_s=32_000) as wire:
        wire.press(b"j")
        wire.until("row 2")

The near end is a terminal in memory (pyte), fed with what arrives when it arrives, so what a person
would see at any moment can be asked, and every byte is counted.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

from tests.support.waiting import until

_PATIENCE_S = 30.0
_CHUNK = 1024
_STEP_S = 0.002


class Wire:
    """One program on one line."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        columns: int = 80,
        rows: int = 24,
        round_trip_s: float = 0.0,
        bits_s: float | None = None,
        cwd: Path | None = None,
    ) -> None:
        """`bits_s`: how much the line carries towards us; None: as much as there is."""
        self._command, self._env, self._cwd = list(command), dict(env), cwd
        self._size = (columns, rows)
        self._way_s = round_trip_s / 2
        self._bits_s = bits_s
        self._lock = threading.Lock()
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._arrived = bytearray()
        self._status: int | None = None
        self._closing = threading.Event()
        self.arrived_at = 0.0
        """When the last bytes came, by `time.perf_counter`."""

    def __enter__(self) -> Self:
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            with suppress(BaseException):
                if self._cwd is not None:
                    os.chdir(self._cwd)
                os.execvpe(self._command[0], self._command, self._env)
            os._exit(127)
        self.resize(*self._size)
        self._reader = threading.Thread(target=self._read, daemon=True, name="wire")
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        if self.ended is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            until(lambda: self.ended is not None)
        self._reader.join()
        os.close(self._master)

    # ------------------------------------------------------------------ towards the program

    def press(self, keys: bytes) -> float:
        """Send keys, which arrive after half a round trip; the moment (`perf_counter`)."""
        now = time.perf_counter()
        if not self._way_s:
            os.write(self._master, keys)
            return now
        timer = threading.Timer(self._way_s, os.write, (self._master, keys))
        timer.daemon = True
        timer.start()
        return now

    def say(self, line: str) -> None:
        """A line, then Enter."""
        self.press(line.encode() + b"\r")

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has another size, and says so."""
        with self._lock:
            self._screen.resize(rows, columns)
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """The line drops, as when an SSH session ends."""
        self.signal(signal.SIGHUP)

    # ------------------------------------------------------------------ towards us

    @property
    def received(self) -> bytes:
        """Everything that has arrived."""
        with self._lock:
            return bytes(self._arrived)

    @property
    def count(self) -> int:
        """Bytes that have arrived."""
        with self._lock:
            return len(self._arrived)

    @property
    def rows(self) -> list[str]:
        """What is to be seen, row by row."""
        with self._lock:
            return list(self._screen.display)

    @property
    def text(self) -> str:
        return "\n".join(row.rstrip() for row in self.rows).rstrip()

    def looks(self) -> list[list[tuple[object, ...]]]:
        """Text and looks of every cell; what of a blank cannot be seen is left out."""
        with self._lock:
            return [
                [_look(self._screen.buffer[y][x]) for x in range(self._screen.columns)]
                for y in range(self._screen.lines)
            ]

    def styles(self) -> set[str]:
        """Every parameter of the sequences for colours and weight that has arrived."""
        found = re.findall(rb"\x1b\[([0-9;]*)m", self.received)
        return {code for codes in found for code in codes.decode().split(";")}

    def scribble(self, text: str) -> None:
        """Somebody else writes to the same terminal."""
        with self._lock:
            self._stream.feed(text.encode())

    @property
    def is_stopped(self) -> bool:
        """Whether the program has been halted (Linux)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        return fields.split()[0] == "T"

    def until(self, seen: str | Callable[[str], object], patience_s: float = _PATIENCE_S) -> float:
        """Wait until this is to be seen; how long that took, in seconds."""
        fits = seen if callable(seen) else lambda text: seen in text
        begun = time.perf_counter()
        while not fits(self.text):
            waited = time.perf_counter() - begun
            assert waited < patience_s, f"never seen: {seen!r}\n{self.text}"
            assert self.ended is None or not self._closing.wait(0.2), "it has ended"
            time.sleep(_STEP_S)
        return time.perf_counter() - begun

    def quiet(self, for_s: float = 0.3, patience_s: float = _PATIENCE_S) -> int:
        """Wait until nothing has come for a while; bytes that have come in all."""
        begun = time.perf_counter()
        seen, since = self.count, begun
        while time.perf_counter() - since < for_s:
            time.sleep(_STEP_S)
            if self.count != seen:
                seen, since = self.count, time.perf_counter()
            assert time.perf_counter() - begun < patience_s, "it never comes to rest"
        return seen

    def idle(self, for_s: float) -> None:
        """Let time go by: for what is told by nothing happening."""
        self._closing.wait(for_s)

    @property
    def ended(self) -> int | None:
        """The exit code of the program (negative: the signal); None while it runs."""
        if self._status is None:
            with suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def code(self, patience_s: float = _PATIENCE_S) -> int:
        """Wait for the program's end; its exit code."""
        until(lambda: self.ended is not None, patience_s)
        assert self._status is not None
        return self._status

    # ------------------------------------------------------------------ in threads

    def _read(self) -> None:
        while not self._closing.is_set():
            ready, _w, _x = select.select([self._master], [], [], 0.05)
            if not ready:
                continue
            try:
                data = os.read(self._master, _CHUNK)
            except OSError:  # Linux: the far end is closed
                return
            if not data:
                return
            if self._bits_s:
                time.sleep(len(data) * 8 / self._bits_s)
            if self._way_s:
                timer = threading.Timer(self._way_s, self._arrive, (data,))
                timer.daemon = True
                timer.start()
            else:
                self._arrive(data)

    def _arrive(self, data: bytes) -> None:
        with self._lock:
            self.arrived_at = time.perf_counter()
            self._arrived += data
            self._stream.feed(data)


def _look(cell: pyte.screens.Char) -> tuple[object, ...]:
    lines = (cell.underscore, cell.strikethrough, cell.reverse)
    if cell.data == " " and not cell.reverse:
        return (" ", cell.bg, *lines)
    return (cell.data, cell.fg, cell.bg, cell.bold and cell.data != " ", cell.italics, *lines)
