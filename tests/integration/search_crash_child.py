"""A process that prints for ever with its index behind it; run by test_search_crash.py.

Each output has a word that no other has. Says the word once its output is acknowledged.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.clock import SystemClock
from core.ids import UlidSource
from core.storage import indexer
from core.storage.store import Store
from tests.support.outputs import piece, put

RUN = "0" * 25 + "R"


def main(home: str, name: str) -> None:
    indexer._COLLECT_S = 0.01  # many small commits of the index: more places to die at
    clock = SystemClock()
    store = Store.open(Path(home), clock, UlidSource(clock))
    store.indexer.start()
    for number in range(1_000_000):
        word = f"word-{name}-{number}."
        put(store, RUN, 1 + number % 3, [piece(f"{'filler ' * 300}{word}\n".encode())])
        os.write(1, f"{word}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
