"""What proves who we are: exactly what the account offers, and nothing else.

Never the user's own ~/.ssh, never default keys; the agent only when the account
asks for it. Reading files and opening encrypted keys (slow on purpose) happen in
threads; an opened key is kept, so that many hosts share the work of opening it.
Error messages name paths, never contents.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import asyncssh

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Login
from core.plainfiles import open_plain

_KEPT_KEYS = 64
_MAX_FILE_BYTES = 1 << 20

_T = TypeVar("_T")
_Opened = tuple[asyncssh.SSHKey, asyncssh.SSHCertificate | None]


@dataclass(slots=True, kw_only=True)
class Proofs:
    """One login's proofs, in the order in which they are offered."""

    keys: list[asyncssh.SSHKeyPair] = field(default_factory=list)
    password: str | None = None
    names: list[str] = field(default_factory=list)
    """What is offered, for a message."""
    remarks: list[str] = field(default_factory=list)
    """What could not be offered, and why."""
    agent: asyncssh.SSHAgentClient | None = None

    def close(self) -> None:
        """Let the agent go."""
        if self.agent is not None:
            self.agent.close()


class ProofReader:
    """Makes the proofs of logins."""

    def __init__(self, environ: Mapping[str, str], threads: ThreadPoolExecutor) -> None:
        self._environ = environ
        self._threads = threads
        self._kept: OrderedDict[bytes, asyncio.Future[_Opened]] = OrderedDict()
        # Opened keys are found by a keyed digest: the passphrase is not kept with them.
        self._digest_key = secrets.token_bytes(32)

    async def read(self, login: Login) -> Proofs:
        """The proofs of `login`; TargetError when one is damaged, or there is none at all."""
        proofs = Proofs(password=login.password)
        try:
            await self._gather(login, proofs)
        except BaseException:
            proofs.close()
            raise
        return proofs

    async def _gather(self, login: Login, proofs: Proofs) -> None:
        if login.agent:
            await self._ask_agent(proofs)
        if login.key is not None or login.key_file is not None:
            await self._open_key(login, proofs)
        if login.password is not None:
            proofs.names.append("the password")
        if not proofs.names:
            raise _refused(
                "; ".join(proofs.remarks) or "it offers nothing to log in with",
                hint="give the account an agent, a key or a password",
            )

    def forget(self) -> None:
        """Drop every opened key."""
        self._kept.clear()

    async def _ask_agent(self, proofs: Proofs) -> None:
        path = self._environ.get("SSH_AUTH_SOCK", "")
        if not path:
            proofs.remarks.append("no SSH agent is known to the engine (SSH_AUTH_SOCK is not set)")
            return
        try:
            proofs.agent = await asyncssh.connect_agent(path)
            found = await proofs.agent.get_keys()
        except (OSError, ValueError) as error:
            proofs.remarks.append(f"the SSH agent at {path} does not answer: {error}")
            return
        if not found:
            proofs.remarks.append(f"the SSH agent at {path} holds no keys")
            return
        proofs.keys += found
        proofs.names.append(f"{len(found)} key(s) of the SSH agent")

    async def _open_key(self, login: Login, proofs: Proofs) -> None:
        name = "its key" if login.key_file is None else f"the key {login.key_file}"
        key, certificate = await self._opened(login, name)
        # Key pairs hold what one handshake has negotiated, so each gets its own.
        pairs = asyncssh.load_keypairs([key], certlist=[certificate] if certificate else [])
        if certificate is not None and not any(pair.has_cert for pair in pairs):
            raise _refused(f"its certificate does not belong to {name}")
        proofs.keys += pairs
        proofs.names.append(f"{name} with a certificate" if certificate else name)

    async def _opened(self, login: Login, name: str) -> _Opened:
        loop = asyncio.get_running_loop()
        parts = await loop.run_in_executor(self._threads, _read_parts, login, name)
        digest = hashlib.blake2b(repr(parts).encode(), key=self._digest_key).digest()
        opening = self._kept.get(digest)
        if opening is None:
            opening = loop.run_in_executor(self._threads, _open, parts, name)
            self._kept[digest] = opening
            if len(self._kept) > _KEPT_KEYS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(digest)
        try:
            return await asyncio.shield(opening)
        except TargetError:
            self._kept.pop(digest, None)
            raise


_Parts = tuple[str, str | None, str | None]
"""Text of the key, its passphrase, text of the certificate."""


def _read_parts(login: Login, name: str) -> _Parts:
    key = login.key if login.key is not None else _read_file(login.key_file or "", name)
    certificate = login.certificate
    if login.certificate_file is not None:
        certificate = _read_file(
            login.certificate_file, f"the certificate {login.certificate_file}"
        )
    return key, login.passphrase, certificate


def _read_file(path: str, name: str) -> str:
    try:
        with open_plain(Path(path).expanduser()) as file:
            return file.read(_MAX_FILE_BYTES).decode("utf-8", "replace")
    except OSError as error:
        reason = error.strerror or str(error)
        raise _refused(
            f"{name} cannot be read: {reason}", hint="the path is on the engine's machine"
        ) from error


def _open(parts: _Parts, name: str) -> _Opened:
    text, passphrase, certificate = parts
    key = _import(lambda: asyncssh.import_private_key(text, passphrase), name)
    if certificate is None:
        return key, None
    return key, _import(lambda: asyncssh.import_certificate(certificate), "its certificate")


def _import(read: Callable[[], _T], name: str) -> _T:
    try:
        return read()
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        reason = str(error)
        if reason.startswith("Passphrase"):
            raise _refused(
                f"{name} needs a passphrase", hint="set the account's passphrase"
            ) from error
        if isinstance(error, asyncssh.KeyEncryptionError):
            raise _refused(f"the passphrase does not open {name} ({reason})") from error
        raise _refused(f"{name} is not in a form that can be read ({reason})") from error


def _refused(message: str, *, hint: str = "") -> TargetError:
    return TargetError(
        TargetCode.AUTHENTICATION_FAILURE, f"the account cannot log in: {message}", hint=hint
    )
