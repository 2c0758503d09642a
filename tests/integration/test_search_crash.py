"""Killed while it indexes: every word that was acknowledged is found, and the index goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.ids import SequentialIds
from core.storage import search_index
from core.storage.output_search import search_run
from core.storage.store import Store
from tests.support.outputs import add_run, wait_for_index

RUN = "0" * 25 + "R"
KILLS = 8
CHILD = Path(__file__).with_name("search_crash_child.py")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs signals")
@pytest.mark.timeout(300)
def test_what_was_printed_before_a_kill_is_found_after_it(home: Path) -> None:
    path = home / "j"
    store = opened(path)
    add_run(store, RUN, ["a", "b", "c"])
    store.close()
    for number in range(KILLS):
        words = killed_after(path, number, 3 + number * 7)
        if number == KILLS // 2:
            search_index.remove(path / "search.db")
        store = opened(path)
        try:
            assert missing(store, words[-3:]) == []  # whatever the index has come to
            store.indexer.start()
            wait_for_index(store)
            assert missing(store, words[:: len(words) // 20 + 1]) == []
            found = store.indexer.candidates(words[-1], 0, 1 << 40)
            assert len(found.seqs) == 1
        finally:
            store.close()


def opened(path: Path) -> Store:
    return Store.open(path, ManualClock(), SequentialIds())


def killed_after(path: Path, number: int, deadly: int) -> list[str]:
    """The words that a process acknowledged until it was killed, after so many of them."""
    root = str(CHILD.parents[2])
    with subprocess.Popen(
        [sys.executable, str(CHILD), str(path), str(number)],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": root},
        text=True,
    ) as child:
        assert child.stdout is not None
        words = [child.stdout.readline().strip() for _ in range(deadly)]
        child.send_signal(signal.SIGKILL)
        words += child.stdout.read().split()
    assert all(words)
    return words


def missing(store: Store, words: list[str]) -> list[str]:
    return [
        word
        for word in words
        if not store.reader.read_now(
            lambda c, word=word: search_run(c, store.indexer, RUN, word, limit=10)  # type: ignore[misc]
        ).items
    ]
