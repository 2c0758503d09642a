"""A log's line to the engine: its index as it grows, the chunks that it misses, its matches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from console.answers import OfTarget, OutputChunks, OutputIndex, OutputMatches
from console.client import Client
from console.client.output import MOST_CHUNKS
from console.logs.chunks import Entry, Piece, Who
from console.logs.log import Log
from console.logs.matches import Matches, Missing, Spot
from console.logs.window import Window
from console.outputlines import piece_bytes

A = TypeVar("A")

_INDEXED = 20_000
"""Chunks of one page of the index."""
_WAIT_S = 10


class Line(Protocol):
    """The way to the engine, as far as a feed needs it: that of `Link`."""

    async def ask(self, question: Callable[[Client], A]) -> A: ...

    async def attend(self, question: Callable[[Client], A]) -> A: ...


class Feed:
    """Fills one log. Its coroutines may run side by side; `on_news` is called after each answer."""

    def __init__(
        self,
        link: Line,
        log: Log,
        run_id: str,
        query: Mapping[str, Any],
        on_news: Callable[[], None],
        *,
        gather_s: float,
    ) -> None:
        """`query`: step, attempt, ordinal and streams, as the API takes them.

        `gather_s`: for how long news of a live run are gathered.
        """
        self._link, self._log, self._run_id = link, log, run_id
        self._query = dict(query)
        self._on_news, self._gather_s = on_news, gather_s
        self._asked: set[int] = set()
        self._fetching, self._counting = asyncio.Lock(), asyncio.Lock()
        self._came = asyncio.Event()
        self._has_index = False
        """Whether the index was read to what was its end."""
        self.has_ended = False
        """Whether the run has: nothing is added then."""

    async def follow(self) -> None:
        """The index, until the run has ended and all of it is there."""
        page = await self._link.ask(partial(self._index, wait_s=0))
        self._take(page)
        while page.more or not page.ended:
            if page.more:
                page = await self._link.ask(partial(self._index, wait_s=0))
            else:
                await asyncio.sleep(self._gather_s)
                page = await self._link.attend(partial(self._index, wait_s=_WAIT_S))
            self._take(page)

    def _index(self, client: Client, *, wait_s: float) -> OutputIndex:
        asked = {"after": self._log.last_number, "limit": _INDEXED, "wait_s": str(wait_s)}
        return client.output_index(self._run_id, {**self._query, **asked})

    def _take(self, page: OutputIndex) -> None:
        whos = _whos(page.targets)
        self._log.add(
            Entry(item.chunk, whos[item.target], item.size_bytes, item.lines, item.continues)
            for item in page.items
        )
        self._has_index |= not page.more
        self.has_ended = page.ended and not page.more
        self._tell()

    async def fetch(self, wanted: Callable[[], Sequence[int]]) -> None:
        """Chunks, as long as `wanted` names such as were not asked for before."""
        async with self._fetching:
            while numbers := [each for each in wanted() if each not in self._asked][:MOST_CHUNKS]:
                self._asked.update(numbers)
                answer = await self._link.ask(partial(self._chunks, numbers))
                pieces = {chunk.chunk: chunk.pieces for chunk in answer.chunks}
                for number in numbers:
                    self._log.fill(
                        number,
                        (Piece(p.stream, p.at, piece_bytes(p)) for p in pieces.get(number, ())),
                    )
                self._tell()

    def _chunks(self, numbers: Sequence[int], client: Client) -> OutputChunks:
        return client.output_chunks(self._run_id, numbers, self._query["streams"])

    @property
    def is_fetching(self) -> bool:
        return self._fetching.locked()

    @property
    def is_counting(self) -> bool:
        return self._counting.locked()

    def moved(self) -> None:
        """Something else is looked at: what was asked for before may be asked for again."""
        self._asked.clear()

    async def count(self, matches: Matches) -> None:
        """How often a text occurs, from where it was counted to on."""
        async with self._counting:
            more = True
            while more:
                found = await self._link.ask(partial(self._matches, matches))
                counts = [(item.chunk, item.count) for item in found.items]
                matches.add(counts, found.next, more=found.more)
                more = found.more
                self._tell()

    async def find(self, window: Window, *, forwards: bool) -> Spot | None:
        """Go to the next match, as soon as what it stands in is there and counted."""
        matches = window.matches
        while matches is not None and window.matches is matches:
            found = window.find(forwards=forwards)
            if isinstance(found, Missing):
                self.moved()
                await self.fetch(partial(list, found.numbers))
            elif found is None and not (matches.is_counted and self._has_index):
                self._came.clear()
                await self._came.wait()
            else:
                return found
        return None

    def _tell(self) -> None:
        self._came.set()
        self._on_news()

    def _matches(self, matches: Matches, client: Client) -> OutputMatches:
        query = {**self._query, "after": matches.counted_to}
        return client.output_matches(self._run_id, matches.words, query)


def _whos(targets: Sequence[OfTarget]) -> dict[int, Who]:
    return {each.target: Who(each.host, each.ordinal, each.step, each.attempt) for each in targets}
