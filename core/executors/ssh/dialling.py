"""Opens SSH connections: name, socket, handshake, login, within one budget of time.

Tuned: curve25519, ed25519 and AES-128-GCM first, no compression, no GSS; opened keys
and the options are shared. Nothing is read from the user's ssh_config or known_hosts.

Names are resolved in threads of our own: the loop's default executor is shared with
everybody, and a few hanging look-ups would hold up every other host.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import asyncssh

from core import failpoints
from core.errors import TargetError
from core.executors.connections import KeepAlive
from core.executors.protocol import HostKeyBook, Target
from core.executors.ssh import failures, tuning
from core.executors.ssh.login import ProofReader, Proofs
from core.executors.ssh.visitor import Visitor

_Address = tuple[int, Any]
"""Address family, and the socket address that goes with it."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """An open connection, and what was seen while it was opened."""

    connection: asyncssh.SSHClientConnection
    visitor: Visitor


class Dialler:
    """Makes connections; keeps none."""

    def __init__(
        self,
        book: HostKeyBook,
        proofs: ProofReader,
        threads: ThreadPoolExecutor,
        keep_alive: KeepAlive,
    ) -> None:
        # asyncssh would log every command line at INFO.
        asyncssh.set_log_level(logging.WARNING)
        self._book = book
        self._proofs = proofs
        self._threads = threads
        self._keep_alive = keep_alive

    @cached_property
    def _options(self) -> asyncssh.SSHClientConnectionOptions:
        """What all connections share; ValueError where the engine's own user has no name."""
        return asyncssh.SSHClientConnectionOptions(
            config=None,
            client_version="Jobdeck",
            kex_algs="^curve25519-sha256,curve25519-sha256@libssh.org",
            encryption_algs="^aes128-gcm@openssh.com,aes256-gcm@openssh.com",
            compression_algs=None,
            x509_trusted_certs=None,
            x509_trusted_cert_paths=[],
            gss_host=None,
            host_based_auth=False,
            preferred_auth=("publickey", "password", "keyboard-interactive"),
            client_keys=None,
            agent_path=None,
            agent_forwarding=False,
            pkcs11_provider=None,
            keepalive_interval=self._keep_alive.interval_s,
            keepalive_count_max=self._keep_alive.count,
            login_timeout=0,
            utf8_decode_errors="replace",
        )

    async def dial(
        self, target: Target, tunnel: asyncssh.SSHClientConnection | None, via: Target | None
    ) -> Dialled:
        """A connection to `target`, directly or through `tunnel` (a connection to `via`).

        TargetError says what was refused, and by whom.
        """
        progress = _Progress()
        try:
            async with asyncio.timeout(target.connect_timeout_s):
                proofs = await self._proofs.read(target.login)
                try:
                    return await self._knock(target, proofs, tunnel, via, progress)
                finally:
                    proofs.close()
        except TimeoutError as error:
            raise failures.timed_out(target, connected=progress.connected) from error

    async def _knock(
        self,
        target: Target,
        proofs: Proofs,
        tunnel: asyncssh.SSHClientConnection | None,
        via: Target | None,
        progress: _Progress,
    ) -> Dialled:
        """Shake hands; again without what was refused, where another key may be accepted.

        As OpenSSH does: a certificate that no known authority signed, or that is not valid,
        leaves the plain key to be judged. And a pinned fingerprint does not say its type,
        so a host with several keys is asked for each type in turn.
        """
        certificates = target.host_key.pinned is None and bool(
            self._book.authorities(target.address, target.port)
        )
        without: frozenset[str] = frozenset()
        first: TargetError | None = None
        remark = ""
        while True:
            visitor = Visitor(target, self._book, proofs, certificates=certificates)
            try:
                connection = await self._shake_hands(target, visitor, without, tunnel, progress)
            except (asyncssh.Error, OSError, ValueError) as error:
                if failures.is_useless_certificate(error, visitor):
                    certificates, remark = False, f"; its certificate is no help: {error}"
                    continue
                first = first or failures.translated(error, target, visitor, proofs, via, remark)
                if not (target.host_key.pinned and visitor.may_show_another(without)):
                    raise first from error
                without |= {visitor.shown_type}
            else:
                tuning.spare_chaff(connection)
                failpoints.reach("ssh.welcome")
                return Dialled(connection, visitor)

    async def _shake_hands(
        self,
        target: Target,
        visitor: Visitor,
        without: frozenset[str],
        tunnel: asyncssh.SSHClientConnection | None,
        progress: _Progress,
    ) -> asyncssh.SSHClientConnection:
        sock = None
        if tunnel is None:
            sock = await self._connect(target)
            progress.connected = True
        try:
            failpoints.reach("ssh.connected")
            return await self._log_in(target, visitor, without, tunnel, sock)
        except BaseException:
            if sock is not None:
                sock.close()
            raise

    async def _log_in(
        self,
        target: Target,
        visitor: Visitor,
        without: frozenset[str],
        tunnel: asyncssh.SSHClientConnection | None,
        sock: socket.socket | None,
    ) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            target.address,
            target.port,
            tunnel=tunnel,
            sock=sock,
            options=self._options,
            config=None,
            client_factory=lambda: visitor,
            known_hosts=visitor.known_hosts,
            server_host_key_algs=visitor.algorithms(without),
            username=target.login.user,
        )

    async def _connect(self, target: Target) -> socket.socket:
        """A connected socket; of several addresses the first that answers."""
        loop = asyncio.get_running_loop()
        addresses = await self._resolve(target)
        patience_s = target.connect_timeout_s / len(addresses)
        for index, (family, address) in enumerate(addresses, start=1):
            is_last = index == len(addresses)
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                failpoints.reach("ssh.connecting")
                sock.setblocking(False)
                async with asyncio.timeout(None if is_last else patience_s):
                    await loop.sock_connect(sock, address)
            except (OSError, TimeoutError):
                sock.close()
                if is_last:
                    raise
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise AssertionError("a resolved name has at least one address")

    async def _resolve(self, target: Target) -> list[_Address]:
        try:
            number = ipaddress.ip_address(target.address)
        except ValueError:
            pass
        else:
            family = socket.AF_INET if number.version == 4 else socket.AF_INET6
            return [(family, (target.address, target.port))]
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _look_up, target.address, target.port)
        except (socket.gaierror, UnicodeError) as error:
            raise failures.not_found(target, error) from error
        return [(family, address) for family, _, _, _, address in found]


@dataclass(slots=True)
class _Progress:
    """How far a connection has come, for the message of a time-out."""

    connected: bool = False


def _look_up(address: str, port: int) -> list[Any]:
    return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
