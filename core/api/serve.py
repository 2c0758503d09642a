"""Serving the API on the engine's Unix socket until the engine is asked to stop.

Where the settings ask for it, calls of schedules come in over TCP beside it (`hook_door.py`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from core.api.outside import Outside
from core.runtime.engine import Engine, StopMode

log = structlog.get_logger(__name__)

_SOCKET_CHECK_S = 2.0
_LAST_ANSWERS_S = 3
"""How long open requests may take to end once the engine has stopped working."""


class _Server(uvicorn.Server):
    """Uvicorn whose signals ask the engine, so that what runs on hosts is finished first."""

    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self._engine = engine

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._engine.stop_requested.is_set() and sig == signal.SIGINT:
            self.force_exit = self.should_exit = True
        self._engine.request_stop(StopMode.DETACH)


async def serve(engine: Engine, app: FastAPI) -> None:
    """Answer requests until a stop was asked for and what it waits for is done."""
    path = engine.home.socket
    _reserve(path)
    server = _Server(
        uvicorn.Config(
            app,
            uds=str(path),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_LAST_ANSWERS_S,
        ),
        engine,
    )
    serving = asyncio.ensure_future(server.serve())
    draining = asyncio.ensure_future(_drained(engine))
    watching = asyncio.ensure_future(_watch(path, engine))
    calls = asyncio.ensure_future(_take_calls(engine, app))
    await asyncio.wait({serving, draining}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    draining.cancel()
    watching.cancel()
    calls.cancel()
    if engine.holds_home:  # else the socket at that path is another engine's
        with suppress(FileNotFoundError):
            path.unlink()


async def _drained(engine: Engine) -> None:
    """Answers go on while the engine finishes its work, so that people can watch."""
    await engine.stop_requested.wait()
    await engine.finish_work()


async def _take_calls(engine: Engine, app: FastAPI) -> None:
    """Let calls of schedules in from outside, where the settings say so."""
    if (listening := engine.settings.hook_listening()) is not None:
        from core.api.hook_door import Listener  # most engines listen to their socket alone

        await Listener(listening, Outside(app, engine.clock), engine).keep_open()


async def _watch(path: Path, engine: Engine) -> None:
    """Stop when the socket is taken away, as cleaners of temporary files do after a while.

    Nobody could reach the engine any more, or stop it; the next console starts another.
    """
    while path.exists():  # noqa: ASYNC110, ASYNC240 - the file system tells nobody, and at once
        await asyncio.sleep(_SOCKET_CHECK_S)
    log.error("engine.socket-lost", socket=str(path))
    engine.request_stop(StopMode.DETACH)


def _reserve(path: Path) -> None:
    """Leave a socket file of mode 0600: its mode is kept when the real one is bound.

    The home's lock is held, so a socket that is there is a dead engine's.
    """
    with suppress(FileNotFoundError):
        path.unlink()
    before = os.umask(0o177)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as placeholder:
            placeholder.bind(str(path))
    finally:
        os.umask(before)
