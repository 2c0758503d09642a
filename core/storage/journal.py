"""Reading the journal: pages for queries, and a feed for everything that lives.

A reader keeps a cursor, the sequence number of the last entry it has seen.
Numbers rise in the order of commits (there is one writer), so reading
"everything after the cursor" can neither skip nor repeat an entry.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, func, select

from core import failpoints
from core.storage.database import Reader
from core.storage.tables import journal
from core.storage.writer import Writer

_PAGE = 500
"""Entries that a follower reads at once."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One committed fact."""

    seq: int
    at: str
    actor: str
    type: str
    """What happened, such as `document.replaced` or `run.targets`."""
    subject: str
    """To what: `kind/name` of a document, the id of a run or a host key."""
    data: dict[str, Any]


def read_after(
    connection: Connection,
    seq: int,
    limit: int,
    *,
    types: Sequence[str] = (),
    subject: str = "",
) -> list[Entry]:
    """Entries after `seq`, oldest first; empty `types` and `subject` narrow nothing."""
    query = _page(by_type=bool(types), by_subject=bool(subject))
    given = {"seq": seq, "most": limit, "types": types, "subject": subject}
    return _entries(connection.execute(query, given))


def read_before(
    connection: Connection,
    seq: int,
    limit: int,
    *,
    types: Sequence[str] = (),
    subject: str = "",
) -> list[Entry]:
    """The newest entries before `seq`, which may lie beyond the end, oldest first."""
    query = _page(by_type=bool(types), by_subject=bool(subject), backwards=True)
    given = {"seq": seq, "most": limit, "types": types, "subject": subject}
    return _entries(connection.execute(query, given))[::-1]


def _entries(rows: Iterable[Row[Any]]) -> list[Entry]:
    return [Entry(**{**row._mapping, "data": json.loads(row.data)}) for row in rows]


@cache
def _page(*, by_type: bool, by_subject: bool, backwards: bool = False) -> Select[Any]:
    """Made once, as every commit has its followers read: making it costs more than running it."""
    seq = journal.c.seq
    given: BindParameter[int] = bindparam("seq")
    if backwards:
        query = select(journal).where(seq < given).order_by(seq.desc())
    else:
        query = select(journal).where(seq > given).order_by(seq)
    if by_type:
        query = query.where(journal.c.type.in_(bindparam("types", expanding=True)))
    if by_subject:
        query = query.where(journal.c.subject == bindparam("subject"))
    return query.limit(bindparam("most"))


def last_seq(connection: Connection) -> int:
    """The newest entry's number; 0 when there is none."""
    return connection.execute(_LAST).scalar() or 0


_LAST = select(func.max(journal.c.seq))


@dataclass(slots=True, eq=False)
class _Waiter:
    """A follower that has read everything."""

    types: Set[str]
    """What it follows; empty: everything."""
    cursor: int
    """Up to here there is nothing for it."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, types: Set[str]) -> bool:
        return not (self.types and self.types.isdisjoint(types))


class JournalFeed:
    """Follows the journal in an event loop; woken by commits, never by a timer, and only by those
    that have something of what is followed.

    Any number of followers, in any number of loops. Each reads at its own pace
    from the database, so a slow one holds up nobody and misses nothing.
    """

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._reader = reader
        self._latest = 0
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.AbstractEventLoop, set[_Waiter]] = {}
        self._closed = False
        writer.on_commit(self._committed)
        latest = reader.read_now(last_seq)
        with self._lock:
            self._latest = max(self._latest, latest)

    def latest(self) -> int:
        """Number of the newest committed entry; 0 when there is none."""
        return self._latest

    def close(self) -> None:
        """End every follower after what it is reading now."""
        self._closed = True
        self._wake(lambda _waiter: True)

    async def follow(
        self, cursor: int, *, types: Sequence[str] = (), subject: str = ""
    ) -> AsyncIterator[Entry]:
        """Every entry after `cursor`, as it is committed; ends when the feed is closed."""
        while not self._closed:
            latest = self._latest
            entries = await self._reader.read(
                lambda connection, after=cursor: read_after(  # type: ignore[misc]
                    connection, after, _PAGE, types=types, subject=subject
                )
            )
            if entries:
                failpoints.reach("journal.read")
            for entry in entries:
                yield entry
            if len(entries) == _PAGE:
                cursor = entries[-1].seq
                continue
            # A short page is everything up to `latest` at least: it was noted before the reading.
            cursor = max(cursor, latest, entries[-1].seq if entries else 0)
            cursor = await self._newer_than(cursor, frozenset(types))

    async def _newer_than(self, cursor: int, types: Set[str]) -> int:
        """Wait for entries of these `types` behind the cursor; the last number before them."""
        loop, waiter = asyncio.get_running_loop(), _Waiter(types, cursor)
        with self._lock:
            if self._latest > cursor or self._closed:
                return cursor
            self._waiting.setdefault(loop, set()).add(waiter)
        try:
            await waiter.news.wait()
        finally:
            with self._lock:
                self._waiting.get(loop, set()).discard(waiter)
        return waiter.cursor

    def _committed(self, seq: int, types: Set[str]) -> None:
        with self._lock:
            before, self._latest = self._latest, max(self._latest, seq)
        failpoints.reach("journal.told")

        def has_news(waiter: _Waiter) -> bool:
            # A follower may have read what is told only now: answers come before listeners.
            waiter.cursor = max(waiter.cursor, before)
            return waiter.cursor < seq and waiter.wants(types)

        self._wake(has_news)

    def _wake(self, has_news: Callable[[_Waiter], bool]) -> None:
        woken: dict[asyncio.AbstractEventLoop, set[_Waiter]] = {}
        with self._lock:
            for loop, waiters in self._waiting.items():
                woken[loop] = {waiter for waiter in waiters if has_news(waiter)}
                waiters.difference_update(woken[loop])
        for loop, waiters in woken.items():
            if waiters and not loop.is_closed():
                # One call a loop, however many wait there.
                loop.call_soon_threadsafe(_tell_all, waiters)


def _tell_all(waiters: Set[_Waiter]) -> None:
    for waiter in waiters:
        waiter.news.set()
