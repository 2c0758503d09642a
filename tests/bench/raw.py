"""The yardstick: tuned asyncssh and nothing else, in a process of its own.

    python -m tests.bench.raw PORT USER KEY_FILE HOST_KEY_FILE CONCURRENCY ROUNDS HOSTS_FILE

Connects to every host of the file and runs `echo ok` (cold), then runs it ROUNDS times more on
each kept connection (warm). Prints one JSON object. What is tuned: one key
exchange, one cipher, one signature; the key and the expected host key are
parsed once; no configuration file, no agent; uvloop.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import asyncssh
import uvloop

from tests.bench.measure import peak_memory_bytes

COMMAND = "echo ok"


class PinnedHostKey(asyncssh.SSHClient):
    """Takes one host key, which is parsed once."""

    expected: bytes = b""

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        return key.public_data == self.expected


def tuned_options(user: str, key_file: str) -> asyncssh.SSHClientConnectionOptions:
    """One key exchange, one cipher, one signature; nothing is looked up."""
    return asyncssh.SSHClientConnectionOptions(
        client_factory=PinnedHostKey,
        username=user,
        client_keys=[asyncssh.read_private_key(key_file)],
        known_hosts=b"",
        preferred_auth="publickey",
        kex_algs=["curve25519-sha256"],
        encryption_algs=["aes128-gcm@openssh.com"],
        mac_algs=["hmac-sha2-256-etm@openssh.com"],
        compression_algs=["none"],
        server_host_key_algs=["ssh-ed25519"],
        signature_algs=["ssh-ed25519"],
        agent_path=None,
        config=None,
        gss_host=None,
    )


async def each(
    hosts: Iterable[str], concurrency: int, act: Callable[[str], Awaitable[None]]
) -> None:
    """`act` on every host, at most `concurrency` at the same time."""
    queue = iter(hosts)

    async def worker() -> None:
        for host in queue:
            await act(host)

    await asyncio.gather(*(worker() for _ in range(concurrency)))


async def main(
    port: int,
    user: str,
    key_file: str,
    host_key_file: str,
    concurrency: int,
    rounds: int,
    hosts: list[str],
) -> dict[str, float]:
    PinnedHostKey.expected = asyncssh.read_public_key(host_key_file).public_data
    options = tuned_options(user, key_file)
    connections: dict[str, asyncssh.SSHClientConnection] = {}

    async def connect(host: str) -> None:
        connections[host] = await asyncssh.connect(host, port, options=options)
        await run(host)

    async def run(host: str) -> None:
        result = await connections[host].run(COMMAND, encoding=None)
        if result.stdout != b"ok\n":
            raise AssertionError(f"{host}: {result.stdout!r}")

    await each(hosts[:1], 1, connect)  # imports and first calls are no cost of a host
    hosts = hosts[1:]
    cold = await _measured(each(hosts, concurrency, connect))
    warm = await _measured(each(hosts * rounds, concurrency, run))
    peak = peak_memory_bytes("self")
    for connection in connections.values():
        connection.abort()
    return {
        "cold_cpu_s": cold[0],
        "cold_wall_s": cold[1],
        "warm_cpu_s": warm[0],
        "warm_wall_s": warm[1],
        "peak_bytes": peak,
    }


async def _measured(work: Awaitable[None]) -> tuple[float, float]:
    """CPU and wall seconds of `work`."""
    cpu, wall = time.process_time(), time.perf_counter()
    await work
    return time.process_time() - cpu, time.perf_counter() - wall


if __name__ == "__main__":
    port_, user_, key_, host_key_, concurrency_, rounds_ = sys.argv[1:7]
    hosts_ = Path(sys.argv[7]).read_text(encoding="utf-8").split()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(
            main(int(port_), user_, key_, host_key_, int(concurrency_), int(rounds_), hosts_)
        )
    print(json.dumps(figures))
