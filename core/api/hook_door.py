"""The door for calls from outside: a TCP port, with TLS unless only this machine reaches it.

A caller has few seconds for all that it says, and there is room for few callers at a time: who is
slow costs a connection for a moment, and the Unix socket nothing.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from core.domain.listening import HookListening
from core.runtime.engine import Engine, HookDoor

log = structlog.get_logger(__name__)

PATIENCE_S = 15.0
"""From a connection to the end of it."""
_HANDSHAKE_S = 5.0
_MOST_CONNECTIONS = 64
_MOST_HEAD_BYTES = 16 * 1024
_LOOK_S = 60.0
"""How often a door that could not be opened is tried again, and a certificate is looked at."""


class _Connection(H11Protocol):
    """One that ends in time, whatever its caller does or leaves."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _MOST_CONNECTIONS:
            transport.abort()
        else:
            self._deadline = self.loop.call_later(PATIENCE_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)


class Listener:
    """Keeps the door open, and tells the engine how it stands."""

    def __init__(self, listening: HookListening, app: ASGIApp, engine: Engine) -> None:
        self._listening = listening
        self._engine = engine
        self._config = uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # an address that a caller could choose would be counted by none
            server_header=False,
            h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
        )
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self._tls: ssl.SSLContext | None = None
        self._loaded: tuple[float, ...] = ()

    async def keep_open(self) -> None:
        """Open the door, and go on for as long as it is to stand open."""
        self._config.load()
        try:
            while True:
                await self._look()
                await asyncio.sleep(_LOOK_S)
        finally:
            self._close()

    async def _look(self) -> None:
        """Open the door unless it is open; take a renewed certificate."""
        fault = ""
        try:
            if self._listening.certificate:
                await asyncio.to_thread(self._load_certificate)
            if self._server is None:
                self._server = await self._open()
                log.info("hooks.listening", url=self._listening.url)
        except ssl.SSLError as error:
            fault = (
                f"{self._listening.certificate} and its key cannot be used: {error.reason or error}"
            )
        except OSError as error:
            fault = f"{error.filename or self._listening.url}: {error.strerror or error}"
        if fault and fault != self._engine.hook_door.fault:
            log.error("hooks.not-listening", fault=fault)
        self._engine.hook_door = HookDoor(url=self._listening.url, fault=fault)

    def _load_certificate(self) -> None:
        """Read the certificate where its files have changed; a context that is in use takes it."""
        certificate = self._listening.certificate
        key = self._listening.key or certificate
        loaded = (Path(certificate).stat().st_mtime, Path(key).stat().st_mtime)
        if loaded == self._loaded:
            return
        fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        fresh.minimum_version = ssl.TLSVersion.TLSv1_2
        for context in (fresh, self._tls):  # tried on a new one first: half a pair spoils no other
            if context is not None:
                context.load_cert_chain(
                    certificate, key, password=""
                )  # else it would ask a terminal
        self._tls, self._loaded = self._tls or fresh, loaded

    async def _open(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: _Connection(self._config, self._state, {}, loop),
            self._listening.host,
            self._listening.port,
            ssl=self._tls,
            ssl_handshake_timeout=_HANDSHAKE_S if self._tls else None,
            backlog=_MOST_CONNECTIONS,
        )

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in [*self._state.connections]:
            connection.shutdown()
