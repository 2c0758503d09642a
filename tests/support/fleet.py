"""Two hundred hosts for the real product: one sshd on as many addresses, and their documents.

What runs on the hosts shares this machine's files, so a test can hold all of them at a
`Gate` and see what they left behind.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh

from core.domain.hostkeys import name_on_record
from tests.support.product import Product
from tests.support.sshd import Sshd

ACCOUNT = "tester"


class Gate:
    """A place where any number of processes wait, without work, until it is opened.

    Opening a named pipe for reading waits for somebody who writes to it.
    """

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self.path = folder / name
        os.mkfifo(self.path)
        self._holder: int | None = None

    @property
    def wait(self) -> str:
        """Shell text that returns when the gate is open."""
        return f": <{self.path}"

    def open(self) -> None:
        self._holder = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Whoever still waits goes on."""
        if self._holder is None:
            self.open()
        assert self._holder is not None
        os.close(self._holder)
        self.path.unlink()


@dataclass(frozen=True, slots=True)
class Fleet:
    """The hosts of one sshd, as documents of a product."""

    product: Product
    sshd: Sshd
    prefix: str = "web"

    def names(self, count: int | None = None) -> list[str]:
        """The first `count` hosts, or all of them."""
        total = len(self.sshd.addresses)
        return [f"{self.prefix}{number + 1:03}" for number in range(total)][:count]

    def join(self) -> Self:
        """Define the account and the hosts, and put their keys on record."""
        self.product.apply(self.documents())
        self.trust(self.sshd.addresses)
        return self

    def documents(self) -> str:
        """YAML of the account and every host."""
        key = self.key_file(ACCOUNT, self.sshd.client_key)
        parts = [account(ACCOUNT, key_file=key)]
        parts += [
            host(name, address, self.sshd.port, f"fleet: {self.prefix}")
            for name, address in zip(self.names(), self.sshd.addresses, strict=True)
        ]
        return "---\n".join(parts)

    def key_file(self, name: str, key: asyncssh.SSHKey) -> Path:
        """A private key that the product's accounts can name."""
        path = self.product.folder / f"{name}.key"
        path.touch(mode=0o600)
        path.write_bytes(key.export_private_key("openssh"))
        return path

    def trust(self, addresses: Iterable[str]) -> None:
        """Import the hosts' key as an administrator would, from a known_hosts file."""
        key = self.sshd.public_host_key()
        lines = [f"{name_on_record(address, self.sshd.port)} {key}\n" for address in addresses]
        file = self.product.folder / "known_hosts"
        file.write_text("".join(lines))
        self.product.run("hosts", "keys", "import", file)


def account(name: str, **fields: object) -> str:
    """YAML of an account of whoever runs the tests."""
    given = "".join(f"  {field}: {value}\n" for field, value in fields.items())
    return f"kind: account\nname: {name}\nspec:\n  user: {getpass.getuser()}\n{given}"


def host(name: str, address: str, port: int, labels: str = "", **fields: object) -> str:
    """YAML of a host."""
    given = {"account": ACCOUNT, **fields, "address": address, "port": port}
    lines = "".join(f"  {field}: {value}\n" for field, value in given.items())
    return f"kind: host\nname: {name}\nlabels: {{{labels}}}\nspec:\n{lines}"
