"""Files to hosts: a big one to one host, a small one to many; the yardsticks are OpenSSH's own.

For one host it is `ssh cat >` with sha256sum at both ends, and without; for many it is a scp
for each, all at once. Ours is the SSH executor in this process, which looks at what is
there, hashes at both ends, syncs and renames.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from core.domain.run import TargetState
from core.executors.ssh import SshExecutor
from tests.bench.table import Row
from tests.support.sshd import Sshd, loopback
from tests.support.transfers import push
from tests.support.work import QUICK, book_of, new_token, run, target

_MB = 1_000_000
_HASH = "sha256sum"


@dataclass(frozen=True, slots=True)
class _Cost:
    wall_s: float
    cpu_s: float
    """Of the client: the hosts' programs are not counted."""


def rows(*, rounds: int, big_mb: int, small_mb: int, hosts: int) -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        folder = Path(name)
        big, small = _file(folder / "big", big_mb), _file(folder / "small", small_mb)
        with Sshd(folder / "sshd", loopback(hosts, network=74), config="LogLevel ERROR") as sshd:
            there = _There(sshd, folder)
            cat, checked, ours = [], [], []
            scps, fans = [], []
            for number in range(rounds):
                cat.append(_costs(lambda: there.cat(big)))
                checked.append(_costs(lambda: there.cat_and_check(big)))
                ours.append(there.jobdeck(big, f"one{number}", 1))
                scps.append(_costs(lambda: there.scp(small)))
                fans.append(there.jobdeck(small, f"many{number}", hosts))
    one, many = f"{big_mb:,} MB to one host", f"{small_mb} MB to {hosts} hosts"

    def speed(costs: Sequence[_Cost], megabytes: int) -> float:
        return megabytes / statistics.median(cost.wall_s for cost in costs)

    def cpu(costs: Sequence[_Cost]) -> float:
        return statistics.median(cost.cpu_s for cost in costs)

    total = small_mb * hosts
    return [
        Row(
            f"{one}; `ssh cat`, SHA-256 at both ends",
            speed(ours, big_mb),
            "MB/s",
            speed(checked, big_mb),
            "0.85",
        ),
        Row("the same; `ssh cat` alone", speed(ours, big_mb), "MB/s", speed(cat, big_mb)),
        Row(f"{many}; a scp each", speed(fans, total), "MB/s", speed(scps, total), "more"),
        Row("the same, CPU of the client", cpu(fans), "s", cpu(scps), "less"),
    ]


class _There:
    """The hosts, and the ways in which files are brought there."""

    def __init__(self, sshd: Sshd, folder: Path) -> None:
        self._sshd = sshd
        self._folder = folder
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_bytes(sshd.client_key.export_private_key("openssh"))
        self._options = [
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-i", str(key)),
        ]

    def cat(self, file: Path) -> None:
        with file.open("rb") as data:
            self._ssh(f"cat >{self._folder}/there", data.fileno())

    def cat_and_check(self, file: Path) -> None:
        subprocess.run([_HASH, file], stdout=subprocess.DEVNULL, check=True)
        self.cat(file)
        self._ssh(f"{_HASH} {self._folder}/there", subprocess.DEVNULL)

    def scp(self, file: Path) -> None:
        running = []
        for number, address in enumerate(self._sshd.addresses):
            place = f"{address}:{self._folder}/scp{number}"
            port = str(self._sshd.port)
            words = ["scp", "-q", *self._options, "-P", port, str(file), place]
            running.append(subprocess.Popen(words))
        statuses = [each.wait() for each in running]
        assert not any(statuses)

    def jobdeck(self, file: Path, name: str, hosts: int) -> _Cost:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(self._jobdeck(file, self._folder / name, hosts))

    async def _jobdeck(self, file: Path, folder: Path, hosts: int) -> _Cost:
        executor = SshExecutor(book_of(self._sshd), QUICK, new_token, environ={})

        async def bring(index: int) -> None:
            host = target(self._sshd, index)
            work = push({"JOBDECK_HOST": host.host}, files=[str(file)], to=f"{folder}/{index}/")
            result = await run(executor, host, work)
            assert result.outcome.state is TargetState.SUCCESS, result

        began_s, cpu_s = time.perf_counter(), time.process_time()
        await asyncio.gather(*(bring(index) for index in range(hosts)))
        cost = _Cost(time.perf_counter() - began_s, time.process_time() - cpu_s)
        await executor.close()
        return cost

    def _ssh(self, command: str, data: int) -> None:
        address, port = self._sshd.addresses[0], str(self._sshd.port)
        words = ["ssh", *self._options, "-p", port, address, command]
        subprocess.run(words, stdin=data, stdout=subprocess.DEVNULL, check=True)


def _costs(act: Callable[[], None]) -> _Cost:
    """What `act` and the programs that it waits for take."""
    began_s, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    act()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Cost(time.perf_counter() - began_s, cpu_s)


def _file(path: Path, megabytes: int) -> Path:
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(_MB))
    return path
