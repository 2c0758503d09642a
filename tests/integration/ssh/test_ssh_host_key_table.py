"""The table of host keys: eight kinds of key in ten situations, on a real sshd.

A cell either opens, or is refused with its code before anybody has logged in: sshd's own log
says whether a login was accepted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import asyncssh
import pytest

from core.clock import SystemClock
from core.domain.hostkeys import KeyStatus, KnownKey, name_on_record
from core.domain.knownhosts import read_known_hosts
from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.hostkeybook import InMemoryHostKeys
from core.executors.protocol import Target
from tests.integration.ssh.conftest import MakeExecutor
from tests.support.sshd import Sshd, loopback
from tests.support.waiting import eventually
from tests.support.work import approved, empty_book, run, target

pytestmark = pytest.mark.needs("sshd")

TYPES: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "ed25519": ("ssh-ed25519", {}, ""),
    "ecdsa-256": ("ecdsa-sha2-nistp256", {}, ""),
    "ecdsa-384": ("ecdsa-sha2-nistp384", {}, ""),
    "ecdsa-521": ("ecdsa-sha2-nistp521", {}, ""),
    "rsa-2048": ("ssh-rsa", {"key_size": 2048}, ""),
    "rsa-3072": ("ssh-rsa", {"key_size": 3072}, ""),
    "rsa-4096": ("ssh-rsa", {"key_size": 4096}, ""),
    "rsa signed with sha-256 alone": (
        "ssh-rsa", {"key_size": 2048},
        "HostKeyAlgorithms rsa-sha2-256,rsa-sha2-256-cert-v01@openssh.com",
    ),
}  # fmt: skip
"""Name -> asyncssh's name of the key, how it is made, lines of the sshd's configuration."""


def public(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key("openssh").decode().split()[:2])


AUTHORITY = asyncssh.generate_private_key("ssh-ed25519")
OTHER_KEY = public(asyncssh.generate_private_key("ssh-ed25519"))


@dataclass(slots=True)
class Site:
    """sshds with one host key: plain, and with certificates of the authority."""

    stack: ExitStack
    folders: Callable[[str], Any]
    type_: str
    key: asyncssh.SSHKey = field(init=False)
    _made: dict[str, Sshd] = field(default_factory=dict)

    def __post_init__(self) -> None:
        algorithm, how, _ = TYPES[self.type_]
        self.key = asyncssh.generate_private_key(algorithm, **how)

    def sshd(self, **certified: Any) -> Sshd:
        """One whose key is `certified` as said; plain when nothing is said."""
        name = repr(certified)
        if name not in self._made:
            folder = self.folders("sshd")
            file = folder / "host-cert.pub"
            config = TYPES[self.type_][2] + (f"\nHostCertificate {file}" if certified else "")
            made = Sshd(folder, loopback(1, network=23), host_keys={"key": self.key}, config=config)
            if certified:
                said = {"principals": [made.addresses[0]], **certified}
                signed = AUTHORITY.generate_host_certificate(self.key, "test", **said)
                file.write_bytes(signed.export_certificate("openssh"))
            self._made[name] = self.stack.enter_context(made)
        return self._made[name]

    @property
    def public_key(self) -> str:
        return public(self.key)


@pytest.fixture(scope="module")
def site_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Site]]:
    with ExitStack() as stack:
        made: dict[str, Site] = {}

        def site(type_: str) -> Site:
            if type_ not in made:
                made[type_] = Site(stack, tmp_path_factory.mktemp, type_)
            return made[type_]

        yield site


# --- situations: a record of keys, and the host that is visited -------------------------------

Situation = Callable[[Site, InMemoryHostKeys], tuple[Sshd, Target]]


def _plain(site: Site, book: InMemoryHostKeys, *known: KnownKey) -> tuple[Sshd, Target]:
    sshd = site.sshd()
    for each in known:
        book.put(each)
    return sshd, target(sshd)


def new(site: Site, book: InMemoryHostKeys) -> tuple[Sshd, Target]:
    return _plain(site, book)


def same(site: Site, book: InMemoryHostKeys) -> tuple[Sshd, Target]:
    sshd = site.sshd()
    return _plain(site, book, approved(site.public_key, sshd.addresses[0], sshd.port))


def changed(site: Site, book: InMemoryHostKeys) -> tuple[Sshd, Target]:
    sshd = site.sshd()
    return _plain(site, book, approved(OTHER_KEY, sshd.addresses[0], sshd.port))


def revoked(site: Site, book: InMemoryHostKeys) -> tuple[Sshd, Target]:
    sshd = site.sshd()
    name = name_on_record(sshd.addresses[0], sshd.port)
    return _plain(
        site, book, KnownKey(pattern=name, public_key=site.public_key, status=KeyStatus.REVOKED)
    )


def certified(site: Site, book: InMemoryHostKeys, **said: Any) -> tuple[Sshd, Target]:
    trusted = KnownKey(
        pattern="127.*", public_key=public(AUTHORITY), status=KeyStatus.APPROVED, authority=True
    )
    book.put(trusted)
    sshd = site.sshd(**{"valid_before": "+1d", **said})
    return sshd, target(sshd)


def hashed(site: Site, book: InMemoryHostKeys) -> tuple[Sshd, Target]:
    sshd, salt = site.sshd(), b"0123456789abcdefghij"
    address, port = sshd.addresses[0], sshd.port
    digest = hmac.new(salt, f"[{address}]:{port}".encode(), hashlib.sha1).digest()
    name = "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))
    imported = read_known_hosts(
        f"{name} {site.public_key}",
        [("host001", address, port)],
        approved_by="ada",
        at=SystemClock().now(),
    )
    book.load(imported.keys)
    return sshd, target(sshd)


def behind_a_jump(site: Site, book: InMemoryHostKeys) -> tuple[Sshd, Target]:
    """The jump host is known, and the host behind it is not."""
    gate, sshd = site.sshd(), site.sshd(valid_before="+2d")
    book.put(approved(site.public_key, gate.addresses[0], gate.port))
    return sshd, target(sshd, jumps=(target(gate, host="gate"),))


def other_port(site: Site, book: InMemoryHostKeys) -> tuple[Sshd, Target]:
    """The key is approved on port 22, and sshd listens elsewhere."""
    sshd = site.sshd()
    return _plain(site, book, approved(site.public_key, sshd.addresses[0], 22))


SITUATIONS: Mapping[str, tuple[Situation, TargetCode | None]] = {
    "new": (new, TargetCode.HOST_KEY_PENDING),
    "same": (same, None),
    "changed": (changed, TargetCode.HOST_KEY_CHANGED),
    "revoked": (revoked, TargetCode.HOST_KEY_REVOKED),
    "signed by an authority": (certified, None),
    "signed, expired": (
        partial(certified, valid_after="-2d", valid_before="-1d"), TargetCode.HOST_KEY_PENDING,
    ),
    "signed for another host": (
        partial(certified, principals=["elsewhere"]), TargetCode.HOST_KEY_PENDING,
    ),
    "imported under a hashed name": (hashed, None),
    "new, behind a jump host": (behind_a_jump, TargetCode.HOST_KEY_PENDING),
    "approved on another port": (other_port, TargetCode.HOST_KEY_PENDING),
}  # fmt: skip
"""Situation -> how it is made, and the code with which it is refused; None: it opens."""


def logins(sshd: Sshd) -> int:
    return sshd.log.read_text().count("Accepted publickey")


def partings(sshd: Sshd) -> int:
    """Connections that ended, however far they came."""
    return sum(
        any(word in line for word in ("Connection closed", "Connection reset", "Disconnected from"))
        for line in sshd.log.read_text().splitlines()
    )


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("type_", TYPES)
async def test_a_cell_opens_or_nobody_gets_in(
    make_executor: MakeExecutor, site_of: Callable[[str], Site], type_: str, situation: str
) -> None:
    make, code = SITUATIONS[situation]
    book = empty_book()
    sshd, to = make(site_of(type_), book)
    executor, before, left = make_executor(book), logins(sshd), partings(sshd)

    if code is None:
        assert (await run(executor, to, "echo in")).out == b"in\n"
        assert logins(sshd) == before + 1
        return
    with pytest.raises(TargetError) as caught:
        await run(executor, to, "echo in")
    assert caught.value.target_code == code
    await eventually(lambda: partings(sshd) > left)
    assert logins(sshd) == before


def test_the_table_has_eighty_cells() -> None:
    assert len(TYPES) * len(SITUATIONS) == 80
