"""The yardstick of output: tuned asyncssh and zstd, nothing else, in a process of its own.

    python -m tests.bench.raw_output PORT USER KEY_FILE HOST_KEY_FILE ADDRESS COMMAND

Runs COMMAND and compresses what it prints in chunks of 64 KiB as it arrives. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import asyncssh
import uvloop
import zstandard

from tests.bench.raw import PinnedHostKey, tuned_options

_CHUNK_BYTES = 64 * 1024


class _Chunks(asyncssh.SSHClientSession[bytes]):
    def __init__(self) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self.stored = 0
        self._held: list[bytes] = []
        self._size = 0

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._held.append(data)
        self._size += len(data)
        if self._size >= _CHUNK_BYTES:
            self._compress()

    def connection_lost(self, exc: Exception | None) -> None:
        self._compress()
        self.ended.set_result(None)

    def _compress(self) -> None:
        data = b"".join(self._held)
        for start in range(0, len(data), _CHUNK_BYTES):
            part = data[start : start + _CHUNK_BYTES]
            self.stored += len(zstandard.ZstdCompressor(level=3).compress(part))
        self._held, self._size = [], 0


async def main(
    port: int, user: str, key_file: str, host_key_file: str, address: str, command: str
) -> dict[str, float]:
    PinnedHostKey.expected = asyncssh.read_public_key(host_key_file).public_data
    options = tuned_options(user, key_file)
    async with asyncssh.connect(address, port, options=options) as connection:
        await connection.run("true")
        cpu, wall = time.process_time(), time.perf_counter()
        _, session = await connection.create_session(_Chunks, command, encoding=None)
        await session.ended
        return {
            "cpu_s": time.process_time() - cpu,
            "wall_s": time.perf_counter() - wall,
            "stored_bytes": session.stored,
        }


if __name__ == "__main__":
    port_, user_, key_, host_key_, address_, command_ = sys.argv[1:7]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(main(int(port_), user_, key_, host_key_, address_, command_))))
