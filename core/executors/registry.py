"""Kinds of access by name: the one list that a new executor is added to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.clock import Clock
from core.executors.attempt import Patience
from core.executors.conduct import NewToken
from core.executors.files import RelayExecutor
from core.executors.hostkeybook import InMemoryHostKeys
from core.executors.local import LocalExecutor
from core.executors.ondemand import OnDemand
from core.executors.protocol import Executor, HostKeyBook
from core.executors.workers import Setup, WorkerPool, Workers

if TYPE_CHECKING:
    from core.executors.ssh import SshExecutor


def _random_token() -> str:
    return os.urandom(16).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What executors are made from."""

    book: InMemoryHostKeys
    clock: Clock
    staging: Path
    """Folder for files that are on their way from host to host."""
    idle_connection_s: float = 60.0
    """Unused connections close after this."""
    kept_connections: int = 512
    """Most unused connections that stay open."""
    cancel_grace_s: float = 3.0
    """Between asking a work's processes to end and killing them."""
    new_token: NewToken = _random_token
    workers: Workers | None = None
    """None: everything happens in this process."""

    @property
    def patience(self) -> Patience:
        return Patience(grace_s=self.cancel_grace_s)


def _ssh(access: Access) -> Executor:
    here = OnDemand("core.executors.ssh", partial(_ssh_here, access))
    if access.workers is None:
        return here
    setup = Setup(
        patience=access.patience,
        idle_s=access.idle_connection_s,
        kept=-(-access.kept_connections // access.workers.count),
    )
    return WorkerPool(here, access.workers, setup, access.book)


def _ssh_here(access: Access) -> Executor:
    from core.executors.ssh import SshExecutor

    return SshExecutor(
        access.book,
        access.patience,
        access.new_token,
        idle_s=access.idle_connection_s,
        kept=access.kept_connections,
    )


def ssh_in_worker(book: HostKeyBook, setup: Setup) -> SshExecutor:
    """What a worker process serves with."""
    from core.executors.ssh import SshExecutor

    return SshExecutor(
        book,
        setup.patience,
        _random_token,
        idle_s=setup.idle_s,
        kept=setup.kept,
        channels=setup.channels,
        keep_alive=setup.keep_alive,
        environ=setup.environ,
    )


def _winrm(access: Access) -> Executor:
    from core.executors.winrm import WinrmExecutor

    return WinrmExecutor(
        access.patience,
        access.new_token,
        idle_s=access.idle_connection_s,
        kept=access.kept_connections,
    )


def _local(access: Access) -> Executor:
    return LocalExecutor(access.patience, access.new_token)


def _http(access: Access) -> Executor:
    from core.executors.http import HttpExecutor

    return HttpExecutor(access.clock)


def _sql(access: Access) -> Executor:
    from core.executors.sql import SqlExecutor

    return SqlExecutor(access.clock)


EXECUTORS: Mapping[str, Callable[[Access], Executor]] = {
    "ssh": _ssh,
    "winrm": lambda access: OnDemand("core.executors.winrm", partial(_winrm, access)),
    "local": _local,
    "http": lambda access: OnDemand("core.executors.http", partial(_http, access)),
    "sql": lambda access: OnDemand("core.executors.sql", partial(_sql, access)),
}
"""Protocol of a host (`core.domain.inventory.Protocol`), or what a step asks for by its
`access` -> how the executor is made. What needs a library of its own is made on demand."""


RELAY = "relay"
"""The kind of access that goes through two of the others."""


def open_access(access: Access) -> Mapping[str, Executor]:
    """One executor a protocol; whoever opens them closes them."""
    opened = {protocol: make(access) for protocol, make in EXECUTORS.items()}
    return {**opened, RELAY: RelayExecutor(opened, access.staging)}
