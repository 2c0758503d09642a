"""The demo fleet: real SSH servers on loopback ports, with real processes behind them.

Each host has its own host key, its own port and its own folder; commands are
run there by /bin/sh with the programs of `bin/` first on the path. One key,
made at the start and kept in memory, opens all of them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import asyncssh

from console.demo import leftovers
from console.demo.health import HealthPages
from console.demo.machines import MACHINES, Machine
from console.demo.session import Place, Session

USER = "deploy"
ADDRESS = "127.0.0.1"  # the only loopback address that macOS has


class Fleet:
    """The running hosts; an async context manager that leaves nothing behind."""

    def __init__(self, machines: Sequence[Machine] = MACHINES) -> None:
        self._machines = machines
        self._health = HealthPages(ADDRESS, [each for each in machines if each.listens])
        self._key = asyncssh.generate_private_key("ssh-ed25519", comment="jobdeck demo")
        self._servers: list[asyncssh.SSHAcceptor] = []
        self._silent: list[socket.socket] = []
        self._places: list[Place] = []
        self.root = Path()
        """The folder with the hosts' folders; gone after the end."""
        self.ports: dict[str, int] = {}
        """Host -> its port, the unreachable ones included."""
        self.fingerprints: dict[str, str] = {}
        """Host -> `SHA256:…` of its host key; without the unreachable ones."""

    @property
    def private_key(self) -> str:
        """The key that opens every host, in OpenSSH's own format."""
        return self._key.export_private_key("openssh").decode()

    @property
    def health_port(self) -> int:
        """Port of the hosts' health pages: /HOST/health."""
        return self._health.port

    async def __aenter__(self) -> Self:
        self.root = _new_root()
        try:
            await self._health.__aenter__()
            for machine in self._machines:
                await self._start(machine)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._health.__aexit__()
        for server in self._servers:
            server.close()
        for port in self._silent:
            port.close()
        running = [task for place in self._places for task in place.running]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.gather(*(server.wait_closed() for server in self._servers))
        await asyncio.to_thread(leftovers.end, self.root)
        shutil.rmtree(self.root, ignore_errors=True)

    async def _start(self, machine: Machine) -> None:
        if not machine.listens:
            self._reserve(machine)
            return
        folder = self.root / machine.name
        (folder / "tmp").mkdir(parents=True)
        place = Place(machine, folder, self._environment(machine, folder))
        self._places.append(place)
        host_key = asyncssh.generate_private_key("ssh-ed25519")
        public_key = self._key.export_public_key().decode()
        server = await asyncssh.create_server(
            lambda: _Login(place),
            ADDRESS,
            0,
            server_host_keys=[host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(public_key),
            password_auth=False,
            kbdint_auth=False,
            allow_pty=False,
            agent_forwarding=False,
            encoding=None,
        )
        self._servers.append(server)
        self.ports[machine.name] = server.get_port()
        self.fingerprints[machine.name] = host_key.get_fingerprint()

    def _reserve(self, machine: Machine) -> None:
        """A port that is ours and where nothing listens: connections to it are refused."""
        port = socket.socket()
        self._silent.append(port)
        port.bind((ADDRESS, 0))
        self.ports[machine.name] = port.getsockname()[1]

    def _environment(self, machine: Machine, folder: Path) -> dict[str, str]:
        path = os.environ.get("PATH", os.defpath)
        return {
            **machine.facts(),
            leftovers.MARK: str(self.root),
            "PATH": f"{self.root / 'bin'}{os.pathsep}{path}",
            "HOME": str(folder),
            "TMPDIR": str(folder / "tmp"),
            "USER": USER,
            "LOGNAME": USER,
            "SHELL": "/bin/sh",
        }


def _new_root() -> Path:
    """A private folder with the programs that stand in front of the real ones."""
    root = Path(tempfile.mkdtemp(prefix="jobdeck-fleet-")).resolve()
    programs = root / "bin"
    shutil.copytree(Path(__file__).parent / "bin", programs)
    for program in programs.iterdir():
        program.chmod(0o755)  # an archive may have lost the bit
    return root


class _Login(asyncssh.SSHServer):
    """One connection to one host."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def begin_auth(self, username: str) -> bool:
        await asyncio.sleep(self._place.machine.delay_s)
        return True

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        return Session(self._place)
