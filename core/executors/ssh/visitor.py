"""Our side of a handshake: which host keys we accept, and what we offer as proofs.

asyncssh asks while the handshake runs, so every answer is immediate.

Trap: `known_hosts=None` (or an ssh_config that says so) switches host-key checks off
in asyncssh. It is always given `Visitor.known_hosts`, which trusts nothing; every
key then comes to `validate_host_public_key` or `validate_host_ca_key`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import asyncssh

from core.domain.hostkeys import KeyJudgement, KeyVerdict
from core.executors.protocol import HostKeyBook, Target
from core.executors.ssh import tuning
from core.executors.ssh.login import Proofs

ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
"""Type of a host key -> signature algorithms to ask for; cheapest first, SHA-1 never."""

_CERTIFICATE_SUFFIX = "-cert-v01@openssh.com"

_Prompts = Sequence[tuple[str, bool]]


class Visitor(asyncssh.SSHClient):
    """Answers for one connection; afterwards, the record of what it was shown."""

    def __init__(
        self, target: Target, book: HostKeyBook, proofs: Proofs, *, certificates: bool
    ) -> None:
        self._target = target
        self._book = book
        self._proofs = proofs
        self._keys = list(proofs.keys)
        self._password = proofs.password
        self.certificates = certificates
        """Host certificates are asked for, and judged by the authorities on record."""
        self.judgement: KeyJudgement | None = None
        """The verdict on the plain key the host showed; None: it showed a certificate."""
        self.shown = ""
        """The plain key the host showed, `type base64`."""
        self.authority: str | None = None
        """Public key of the authority that vouches for the host."""
        self.when_lost: Callable[[], None] | None = None
        """Called when the connection is gone."""

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        tuning.spare_logs(conn)

    # ------------------------------------------------------------------ the host's key

    def algorithms(self, without: frozenset[str] = frozenset()) -> list[str]:
        """Signature algorithms to ask for: of approved keys first, so the host shows one of those.

        The others follow: a host that has lost its approved key shows its new one, and the
        verdict is "changed" instead of a handshake without common ground.
        """
        target = self._target
        approved = [
            key.partition(" ")[0] for key in self._book.approved(target.address, target.port)
        ]
        types = [type_ for type_ in dict.fromkeys([*approved, *ALGORITHMS]) if type_ in ALGORITHMS]
        plain = [name for type_ in types if type_ not in without for name in ALGORITHMS[type_]]
        certified = [name + _CERTIFICATE_SUFFIX for name in plain] if self.certificates else []
        return certified + plain

    def known_hosts(
        self, _host: str, _address: str, _port: int | None
    ) -> tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]]:
        """(trusted keys, trusted authorities, revoked keys) for asyncssh.

        Revoked keys are listed for certificates alone, where asyncssh looks inside: a plain
        key is judged by the book, whose message has its fingerprint.
        """
        if not self.certificates:
            return [], [], []
        revoked = self._book.revoked(self._target.address, self._target.port)
        return [], [], [_parsed(key) for key in revoked]

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.shown = _line(key)
        self.judgement = self._book.judge(self._target, self.shown)
        return self.judgement.verdict is KeyVerdict.TRUSTED

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        line = _line(key)
        if line not in self._book.authorities(self._target.address, self._target.port):
            return False
        self.authority = line
        return True

    def may_show_another(self, without: frozenset[str]) -> bool:
        """Whether the host, asked for other types of keys, may yet show the pinned one."""
        changed = self.judgement is not None and self.judgement.verdict is KeyVerdict.CHANGED
        return changed and bool(self.algorithms(without | {self.shown_type}))

    @property
    def shown_type(self) -> str:
        return self.shown.partition(" ")[0]

    def still_trusts(self, key: asyncssh.SSHKey | None) -> bool:
        """Whether a connection that was kept open would still be opened by the record of today.

        `key` is the host's; asked for every work, so it reads the record and judges nothing anew.
        """
        address, port = self._target.address, self._target.port
        revoked = self._book.revoked(address, port)
        if self.authority is not None:
            return (
                self.authority in self._book.authorities(address, port)
                and self.authority not in revoked
                and key is not None
                and (not revoked or _line(key) not in revoked)
            )
        if self.shown in revoked:
            return False
        pinned = self._target.host_key.pinned is not None
        return pinned or self.shown in self._book.approved(address, port)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.when_lost is not None:
            self.when_lost()

    # ------------------------------------------------------------------ our proofs

    def public_key_auth_requested(self) -> list[asyncssh.SSHKeyPair] | None:
        keys, self._keys = self._keys, []
        return keys or None

    def password_auth_requested(self) -> str | None:
        password, self._password = self._password, None
        return password

    def kbdint_auth_requested(self) -> str | None:
        # One wrong password is one failure in the host's books: where the method `password`
        # has refused it, it is not tried again in another dress.
        return "" if self.password_auth_requested() is not None else None

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: _Prompts
    ) -> list[str] | None:
        password = self._proofs.password
        if password is None:
            return None
        return ["" if echo else password for _, echo in prompts]


@lru_cache(maxsize=4096)
def _parsed(line: str) -> asyncssh.SSHKey:
    return asyncssh.import_public_key(line)


def _line(key: asyncssh.SSHKey) -> str:
    """`type base64` of a public key."""
    return " ".join(key.export_public_key("openssh").decode("ascii").split()[:2])
