"""The SSH executor: opens sessions on pooled connections."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from core.executors.attempt import Patience
from core.executors.conduct import NewToken
from core.executors.connections import CHANNELS_A_CONNECTION, KeepAlive
from core.executors.files import Sources
from core.executors.protocol import HostKeyBook, Session, Target
from core.executors.shellsession import ShellSession
from core.executors.ssh.dialling import Dialler
from core.executors.ssh.link import SshLink
from core.executors.ssh.login import ProofReader
from core.executors.ssh.pool import Pool

_THREADS = 16
"""For looking up names and opening keys: both may take seconds."""


class SshExecutor:
    """Access to hosts through SSH."""

    def __init__(
        self,
        book: HostKeyBook,
        patience: Patience,
        new_token: NewToken,
        *,
        idle_s: float = 60.0,
        kept: int = 512,
        channels: int = CHANNELS_A_CONNECTION,
        keep_alive: KeepAlive | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`idle_s` and `kept`: how long, and how many, unused connections stay open."""
        self._patience = patience
        self._new_token = new_token
        self._sources = Sources()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="jobdeck-ssh")
        self._proofs = ProofReader(os.environ if environ is None else environ, self._threads)
        dialler = Dialler(book, self._proofs, self._threads, keep_alive or KeepAlive())
        self._pool = Pool(dialler.dial, idle_s=idle_s, kept=kept, channels=channels)

    @property
    def open_connections(self) -> int:
        return self._pool.size

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[Session]:
        lease = await self._pool.acquire(target)
        link = SshLink(self._pool, target, lease)
        session = ShellSession(link, self._patience, self._new_token, self._sources)
        try:
            yield session
        finally:
            session.close()
            link.release()

    async def close(self) -> None:
        await self._pool.close()
        self._proofs.forget()
        self._sources.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
