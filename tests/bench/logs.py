"""A million lines in the log viewer: opened, gone through and searched, as a screen does it.

Times are from a key to the lines of a screen of 200 x 60 being there, over the real API; painting
them is not in it. The yardsticks are what a viewer that reads everything would need for the same:
all bytes over the same API, and a search in them.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from console.client import Client
from console.logs.log import Log
from console.logs.matches import Matches
from console.logs.window import Window
from console.outputlines import piece_bytes
from console.tui.feed import Feed
from core.clock import SystemClock
from core.home import Home
from core.ids import SequentialIds
from core.storage import output
from core.storage.chunks import Piece
from core.storage.store import Store
from core.storage.writer import Transaction, timestamp
from tests.bench import engine, measure
from tests.bench.output import RARE, text_of
from tests.bench.table import Row
from tests.support.outputs import add_run

A = TypeVar("A")

_RUN = "0" * 25 + "R"
_ALL = {"step": "*", "attempt": 0, "ordinal": [], "streams": []}
_FREQUENT = "failed"
_LOOKS = 20
_LOOK_S = 0.1
_BATCH_BYTES = 4 << 20


def rows(*, lines: int) -> list[Row]:
    """The rows of the table."""
    text = text_of(lines)
    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        folder = Path(name) / "home"
        _store(folder, text)
        with engine.running(folder) as under_test:
            client = Client.over_socket(under_test.home.socket)
            try:
                while client.engine().unindexed_chunks:
                    time.sleep(_LOOK_S)
                found = asyncio.run(_viewer(client))
                read_s = _read_everything(client)
            finally:
                client.close()
    return _table(found, read_s, lines, len(text))


def _store(folder: Path, text: bytes) -> None:
    """A home with one run that has printed the text."""
    home = Home(folder)
    home.create()
    clock = SystemClock()
    store = Store.open(home.root, clock, SequentialIds())
    try:
        (target,) = add_run(store, _RUN, ["web01"])
        at = timestamp(clock.now())
        for start in range(0, len(text), _BATCH_BYTES):
            piece = Piece(stream="out", data=text[start : start + _BATCH_BYTES], at=at)
            addition = output.Addition(target_run_id=target, offset=start, pieces=[piece])

            def append(tx: Transaction, addition: output.Addition = addition) -> None:
                output.append(tx, _RUN, [addition])

            store.writer.submit(append).result()
    finally:
        store.close()


class _Threads:
    """A line to the engine that asks in threads, as the console's does."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def ask(self, question: Callable[[Client], A]) -> A:
        return await asyncio.to_thread(question, self._client)

    attend = ask


async def _viewer(client: Client) -> dict[str, float]:
    """The 95th percentile of each step's seconds, and the bytes that are held after all of them."""
    tracemalloc.start()
    steps = _Steps(client)
    await steps.all()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    times: dict[str, list[float]] = defaultdict(list)
    for _look in range(_LOOKS):
        steps = _Steps(client)
        await steps.all()
        for name, took_s in steps.times.items():
            times[name].append(took_s)
    return {
        **{name: measure.percentile(values, 95) for name, values in times.items()},
        "held_bytes": held,
    }


class _Steps:
    """A viewer that is opened and used once."""

    def __init__(self, client: Client) -> None:
        self.times: dict[str, float] = {}
        """Seconds of each step."""
        self._log = Log()
        self._feed = Feed(_Threads(client), self._log, _RUN, _ALL, lambda: None, gather_s=0)
        self._window = Window(self._log)
        self._window.resize(200, 60)

    async def all(self) -> None:
        window, feed = self._window, self._feed
        rare, frequent = Matches(RARE), Matches(_FREQUENT)
        await self._timed("open", feed.follow)
        await self._timed("end", window.go_to_end)
        await self._timed("middle", partial(window.go_to_part, 0.25))
        window.go_to_row(0)
        window.look_for(rare)
        await self._timed("rare", partial(feed.count, rare))
        await self._timed("next", partial(feed.find, window, forwards=True))
        await self._timed("frequent", partial(feed.count, frequent))
        if rare.total != 1 or frequent.total < self._log.lines // 100:
            raise RuntimeError(f"{rare.total} and {frequent.total} matches were found")

    async def _timed(self, name: str, deed: Callable[[], object]) -> None:
        """Do it, until every line of the screen is there."""
        began_s = time.perf_counter()
        done = deed()
        if isinstance(done, Awaitable):
            await done
        self._feed.moved()
        await self._feed.fetch(self._missing)
        self.times[name] = time.perf_counter() - began_s
        if self._missing() or not any(self._window.lines()):
            raise RuntimeError(f"{name}: lines of the screen are missing")

    def _missing(self) -> list[int]:
        return self._log.missing(shown.row for shown in self._window.lines())


def _read_everything(client: Client) -> tuple[float, float]:
    """Seconds until all bytes were here, and of one search in them."""
    began_s = time.perf_counter()
    data = b"".join(map(piece_bytes, client.merged_output(_RUN)))
    read_s = time.perf_counter() - began_s
    data.lower().count(_FREQUENT.encode())
    return read_s, time.perf_counter() - began_s - read_s


def _table(
    found: Mapping[str, float], whole: tuple[float, float], lines: int, size_bytes: int
) -> list[Row]:
    read_ms, search_ms = (seconds * 1000 for seconds in whole)
    opened = f"{lines:,} lines ({size_bytes / 1e6:.0f} MB) opened in the log viewer, p95"
    return [
        Row(opened, found["open"] * 1000, "ms", read_ms, "400 ms"),
        Row("  to the end", found["end"] * 1000, "ms", read_ms, "50 ms"),
        Row("  to a place that was not read yet", found["middle"] * 1000, "ms", read_ms, "50 ms"),
        Row("  a rare word counted", found["rare"] * 1000, "ms", read_ms + search_ms, "50 ms"),
        Row("  to its line", found["next"] * 1000, "ms", read_ms + search_ms, "50 ms"),
        Row("  a frequent word counted", found["frequent"] * 1000, "ms", read_ms + search_ms),
        Row(
            "  memory that the viewer holds", found["held_bytes"] / 2**20, "MiB", size_bytes / 2**20
        ),
    ]
