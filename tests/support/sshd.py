"""A real OpenSSH sshd on loopback addresses, for tests.

    with Sshd(folder, addresses=["127.7.0.1", "127.7.0.2"]) as sshd:
        sshd.port, sshd.host_keys["ed25519"], sshd.client_key

Runs as whoever runs the tests; users other than that one need root. One process
listens on at most 16 addresses (MAX_LISTEN_SOCKS), so many hosts are a few processes.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncssh

_MAX_LISTEN_ADDRESSES = 16
_START_S = 20.0

_CONFIG = """\
Port {port}
{listen}
{host_keys}
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
PermitRootLogin yes
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
LogLevel VERBOSE
MaxStartups 2000:30:4000
Subsystem sftp internal-sftp
"""


def program() -> str:
    """The path of sshd, which must be absolute for it to start its children."""
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert found is not None, "sshd is not installed; mark the test with needs('sshd')"
    return found


def free_port(addresses: Iterable[str]) -> int:
    """A TCP port that is free on all `addresses`."""
    addresses = list(addresses)
    for _ in range(50):
        with socket.socket() as first:
            first.bind((addresses[0], 0))
            port = int(first.getsockname()[1])
        try:
            for address in addresses[1:]:
                with socket.socket() as other:
                    other.bind((address, port))
        except OSError:
            continue
        return port
    raise AssertionError("no port is free on all addresses")


def loopback(count: int, network: int = 1) -> list[str]:
    """`count` addresses 127.`network`.x.y."""
    return [f"127.{network}.{index // 200}.{index % 200 + 1}" for index in range(count)]


def children_of(pids: Iterable[int]) -> list[int]:
    """All descendants of the processes `pids`."""
    table = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = {int(pid): int(parent) for pid, parent in map(str.split, table.splitlines())}
    found: list[int] = []
    wanted = set(pids)
    while True:
        new = [pid for pid, parent in parents.items() if parent in wanted and pid not in wanted]
        if not new:
            return found
        found += new
        wanted.update(new)


def kill(pids: Iterable[int], number: int = signal.SIGKILL) -> None:
    """Signal processes; those that are gone already are no matter."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


@contextmanager
def temporary_sshd(**options: Any) -> Iterator[Sshd]:
    """An `Sshd` in a folder of its own, which other users may pass through to their keys."""
    folder = Path(tempfile.mkdtemp(prefix="jd-sshd-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with Sshd(folder, **options) as sshd:
            yield sshd
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Sshd:
    """sshd processes that answer on some loopback addresses, with keys of their own."""

    def __init__(
        self,
        folder: Path,
        addresses: Sequence[str] = ("127.0.0.1",),
        *,
        host_key_types: Sequence[str] = ("ed25519",),
        config: str = "",
        port: int | None = None,
        own_homes: bool = False,
        homes: Mapping[str, Path] | None = None,
        host_keys: Mapping[str, asyncssh.SSHKey] | None = None,
    ) -> None:
        """`config`: more lines for sshd_config; they win over the ones above.

        Sessions begin in the empty folder `home`, so that nobody's rc files take part;
        with `own_homes` they begin in the homes of their users. Sessions at an address
        in `homes` have the home that is named there: hosts that share no files. `host_keys`
        are given, by names that take the place of types; else there is a new one of each type.
        """
        self.folder = folder
        self.addresses = list(addresses)
        self.port = port or free_port(self.addresses)
        self.client_key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_keys = dict(host_keys or {type_: _new_key(type_) for type_ in host_key_types})
        self.log = folder / "sshd.log"
        self._config = config
        self.home = folder / "home"
        self._own_homes = own_homes
        self._homes = homes or {}
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            # Debian's sshd keeps its unprivileged half here; it is gone after every boot.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.authorize(self.client_key)
        for type_, key in self.host_keys.items():
            self._write_key(self.host_key_file(type_), key)
        for start in range(0, len(self.addresses), _MAX_LISTEN_ADDRESSES):
            self._start(self.addresses[start : start + _MAX_LISTEN_ADDRESSES])
        self._wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        sessions = self.sessions()
        for process in self._processes:
            process.terminate()
        kill(sessions)
        for process in self._processes:
            process.wait(10)

    def authorize(self, *keys: asyncssh.SSHKey, options: str = "") -> None:
        """Let `keys` in (and no other), each line with `options`."""
        lines = [key.export_public_key("openssh").decode() for key in keys]
        text = "".join(f"{options} {line}" if options else line for line in lines)
        (self.folder / "authorized_keys").write_text(text)

    def host_key_file(self, type_: str) -> Path:
        return self.folder / f"host_{type_}"

    def public_host_key(self, type_: str = "ed25519") -> str:
        """`type base64` of a host key."""
        text = self.host_keys[type_].export_public_key("openssh").decode()
        return " ".join(text.split()[:2])

    def sessions(self) -> list[int]:
        """Processes of connections, and all that they started."""
        return children_of(process.pid for process in self._processes)

    def cut_connections(self) -> None:
        """Break every connection without a word, and leave what runs in them alone."""
        listeners = [process.pid for process in self._processes]
        table = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split(None, 2) for line in table.splitlines()]
        below = set(children_of(listeners))
        kill(int(pid) for pid, _, name in rows if int(pid) in below and "sshd" in name)

    def pause(self) -> None:
        """Stop every process in mid-air: the peer is silent, and its connections stay open."""
        kill([*(process.pid for process in self._processes), *self.sessions()], signal.SIGSTOP)

    def ignore_newcomers(self) -> None:
        """Answer no new connection, until `resume`; what runs goes on."""
        kill((process.pid for process in self._processes), signal.SIGSTOP)

    def resume(self) -> None:
        kill([*(process.pid for process in self._processes), *self.sessions()], signal.SIGCONT)

    def _start(self, addresses: Sequence[str]) -> None:
        number = len(self._processes)
        config = self.folder / f"sshd_config_{number}"
        text = _CONFIG.format(
            port=self.port,
            listen="\n".join(f"ListenAddress {address}" for address in addresses),
            host_keys="\n".join(f"HostKey {self.host_key_file(type_)}" for type_ in self.host_keys),
            folder=self.folder,
        )
        if not self._own_homes:
            text += f"SetEnv HOME={self.home}\n"
        for address, home in self._homes.items():
            home.mkdir(parents=True, exist_ok=True)
            text += f"Match LocalAddress {address}\nSetEnv HOME={home}\n"
        # The first value of an option counts in sshd_config, so additions stand in front.
        config.write_text(f"{self._config}\n{text}")
        self._processes.append(
            subprocess.Popen(
                [program(), "-D", "-f", config, "-E", self.log],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,
            )
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_S  # noqa: TID251 - a real process starts
        for process, address in zip(
            self._processes, self.addresses[::_MAX_LISTEN_ADDRESSES], strict=True
        ):
            while True:
                assert process.poll() is None, f"sshd ended: {self._said()}"
                assert time.monotonic() < deadline, f"sshd is late: {self._said()}"  # noqa: TID251
                try:
                    socket.create_connection((address, self.port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.01)

    def _said(self) -> str:
        return self.log.read_text() if self.log.exists() else "(nothing)"

    def _write_key(self, path: Path, key: asyncssh.SSHKey) -> None:
        path.touch(mode=0o600)
        path.write_bytes(key.export_private_key("openssh"))


def _new_key(type_: str) -> asyncssh.SSHKey:
    algorithms = {
        "ed25519": "ssh-ed25519",
        "ecdsa256": "ecdsa-sha2-nistp256",
        "ecdsa384": "ecdsa-sha2-nistp384",
        "ecdsa521": "ecdsa-sha2-nistp521",
        "rsa": "ssh-rsa",
    }
    return asyncssh.generate_private_key(algorithms[type_])
