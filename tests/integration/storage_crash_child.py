"""A process that is killed in the middle of writing; run by test_storage_crash.py.

Imports once, then forks a writer for each line on its input. A writer opens the
home, writes pairs of entries as fast as it can from many tasks, and says "A <pair>"
once a pair is acknowledged. The parent says "P <pid>" before and "D" after each.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from core.clock import SystemClock
from core.ids import UlidSource
from core.storage.store import Store
from core.storage.writer import Transaction

TASKS = 8


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def write_for_ever(store: Store, name: str) -> None:
    number = 0
    while True:
        pair = f"{name}.{number}"

        def write(tx: Transaction, pair: str = pair) -> None:
            tx.journal("me", "x", f"{pair}.first", {})
            tx.journal("me", "x", f"{pair}.second", {"text": "x" * 300})

        await store.writer.write(write)
        say(f"A {pair}")
        number += 1


async def main(home: Path, round_: str) -> None:
    clock = SystemClock()
    store = Store.open(home, clock, UlidSource(clock))
    await asyncio.gather(*(write_for_ever(store, f"{round_}.{task}") for task in range(TASKS)))


if __name__ == "__main__":
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(main(Path(sys.argv[1]), line.strip()))
        say(f"P {pid}")
        os.waitpid(pid, 0)
        say("D")
