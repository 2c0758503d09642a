"""Work on the engine's own machine: /bin/sh in a session of its own.

The same wrapper, marks and endings as behind SSH. The target's login is not used,
apart from `become`: the work runs as the engine's user, with the few variables that
a login would set and none of the engine's own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.attempt import Attempt, Patience
from core.executors.conduct import NewToken
from core.executors.files import Sources
from core.executors.protocol import BecomeLogin, Session, Stream, Target
from core.executors.shellsession import ShellSession

INHERITED = frozenset(
    {"HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER"}
)
"""Variables of the engine that the work gets; what else is there may be a secret."""

_STREAMS = {1: Stream.OUT, 2: Stream.ERR}


class LocalExecutor:
    """Access to the engine's own machine."""

    def __init__(
        self, patience: Patience, new_token: NewToken, environ: Mapping[str, str] | None = None
    ) -> None:
        self._patience = patience
        self._new_token = new_token
        self._sources = Sources()
        environ = os.environ if environ is None else environ
        self._env = {
            name: value
            for name, value in environ.items()
            if name in INHERITED or name.startswith("LC_")
        }

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[Session]:
        link = _LocalLink(target.login.become, self._env)
        session = ShellSession(link, self._patience, self._new_token, self._sources)
        try:
            yield session
        finally:
            session.close()

    async def close(self) -> None:
        self._sources.close()


class _LocalLink:
    """Starts programs on this machine."""

    def __init__(self, become: BecomeLogin | None, env: Mapping[str, str]) -> None:
        self.become = become
        self._env = env

    async def start(self, request: str, attempt: Attempt) -> None:
        if os.name != "posix":
            raise TargetError(
                TargetCode.INVALID_OPTIONS,
                "local work needs a POSIX shell, which this machine does not have",
            )
        loop = asyncio.get_running_loop()
        try:
            await loop.subprocess_exec(
                lambda: _LocalWire(attempt),
                "/bin/sh",
                "-c",
                request,
                env=self._env,
                cwd=_folder(self._env),
                start_new_session=True,
            )
        except OSError as error:
            raise TargetError(
                TargetCode.IO_FAILURE, f"no process can be started on this machine: {error}"
            ) from error
        attempt.accepted()


class _LocalWire(asyncio.SubprocessProtocol):
    """The pipes of one process."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._transport: asyncio.SubprocessTransport | None = None

    # ------------------------------------------------------------------ asyncio -> attempt

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._attempt.opened(self)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._attempt.received(_STREAMS[fd], data)

    def pause_writing(self) -> None:
        self._attempt.pause_writing()

    def resume_writing(self) -> None:
        self._attempt.resume_writing()

    def process_exited(self) -> None:
        assert self._transport is not None
        status = self._transport.get_returncode()
        assert status is not None
        if status < 0:
            self._attempt.exited(None, _signal_name(-status))
        else:
            self._attempt.exited(status, None)

    def connection_lost(self, exc: Exception | None) -> None:
        assert self._transport is not None
        self._transport.close()
        self._attempt.closed(str(exc) if exc else "")

    # ------------------------------------------------------------------ attempt -> asyncio

    def send(self, data: bytes, *, last: bool) -> None:
        assert self._transport is not None
        pipe = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        if pipe.is_closing():
            return
        pipe.write(data)
        if last:
            pipe.close()

    def pause(self) -> None:
        for pipe in self._outputs():
            pipe.pause_reading()

    def resume(self) -> None:
        for pipe in self._outputs():
            pipe.resume_reading()

    def part(self, last_word: bytes) -> None:
        self.send(last_word, last=True)

    def close(self) -> None:
        if self._transport is None:
            return
        # `transport.close` would kill a process that still runs; only the pipes are ours to close.
        for fd in (0, *_STREAMS):
            pipe = self._transport.get_pipe_transport(fd)
            if pipe is not None:
                pipe.close()

    def _outputs(self) -> list[asyncio.ReadTransport]:
        assert self._transport is not None
        pipes = [self._transport.get_pipe_transport(fd) for fd in _STREAMS]
        return [cast(asyncio.ReadTransport, pipe) for pipe in pipes if pipe is not None]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def _folder(env: Mapping[str, str]) -> str:
    """Where the work begins: the home, as after a login, or else where temporary files go."""
    home = env.get("HOME", "")
    return home if home and Path(home).is_dir() else tempfile.gettempdir()
