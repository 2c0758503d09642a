"""One command on a demo host: its process, and the wire between process and channel."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from console.demo.machines import Machine

_PIECE_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Place:
    """Where the commands of one host run."""

    machine: Machine
    folder: Path
    environment: Mapping[str, str]
    running: set[asyncio.Task[None]] = field(default_factory=set)
    """Commands that have not ended."""


class Session(asyncssh.SSHServerSession[bytes]):
    """Runs one command with /bin/sh, in a process group of its own.

    As with sshd, the channel stays open until the process has ended and everybody
    who held its output has let go of it. Unlike sshd, a lost channel takes the
    process group with it: the fleet leaves nothing behind.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._command: str | None = None
        self._input: asyncio.Queue[bytes] = asyncio.Queue()
        self._writable = asyncio.Event()
        self._writable.set()
        self._group: int | None = None

    # --- what the channel says ---------------------------------------------------------------

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def shell_requested(self) -> bool:
        return True

    def session_started(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._serve())
        self._place.running.add(self._task)
        self._task.add_done_callback(self._place.running.discard)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._input.put_nowait(data)

    def eof_received(self) -> bool:
        self._input.put_nowait(b"")
        return True  # the answer is still to come

    def signal_received(self, signal: str) -> None:
        self._send_signal(signal)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        if self._group is None:
            self._task.cancel()
        self._send_signal("HUP")

    # --- what the process does ---------------------------------------------------------------

    async def _serve(self) -> None:
        await asyncio.sleep(self._place.machine.delay_s)
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            *(() if self._command is None else ("-c", self._command)),
            cwd=self._place.folder,
            env=self._place.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._group = process.pid
        feeding = asyncio.create_task(self._feed(process.stdin))
        try:
            await asyncio.gather(
                self._carry(process.stdout, None),
                self._carry(process.stderr, asyncssh.EXTENDED_DATA_STDERR),
            )
            status = await process.wait()
        finally:
            feeding.cancel()
            if process.returncode is None:
                self._send_signal("KILL")
                await process.wait()
            self._group = None
        self._report(status)

    async def _feed(self, stdin: asyncio.StreamWriter) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # it wants no more
            while data := await self._input.get():
                stdin.write(data)
                await stdin.drain()
        stdin.close()

    async def _carry(self, output: asyncio.StreamReader, datatype: asyncssh.DataType) -> None:
        while data := await output.read(_PIECE_BYTES):
            await self._writable.wait()
            if not self._channel.is_closing():
                self._channel.write(data, datatype)

    def _report(self, status: int) -> None:
        if status < 0:
            self._channel.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            self._channel.exit(status)

    def _send_signal(self, name: str) -> None:
        number = getattr(signal, f"SIG{name}", None)
        if self._group is not None and number is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._group, number)
