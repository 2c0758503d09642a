"""Reading the journal: pages for queries, and a feed for everything that lives.

A reader keeps a cursor, the sequence number of the last entry it has seen.
Numbers rise in the order of commits (there is one writer), so reading
"everything after the cursor" can neither skip nor repeat an entry.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, func, select

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
    query = _narrowed(types, subject).where(journal.c.seq > seq).order_by(journal.c.seq)
    return _entries(connection.execute(query.limit(limit)))


def read_before(
    connection: Connection,
    seq: int,
    limit: int,
    *,
    types: Sequence[str] = (),
    subject: str = "",
) -> list[Entry]:
    """The newest entries before `seq`, which may lie beyond the end, oldest first."""
    query = _narrowed(types, subject).where(journal.c.seq < seq).order_by(journal.c.seq.desc())
    return _entries(connection.execute(query.limit(limit)))[::-1]


def _narrowed(types: Sequence[str], subject: str) -> Select[Any]:
    query = select(journal)
    if types:
        query = query.where(journal.c.type.in_(types))
    if subject:
        query = query.where(journal.c.subject == subject)
    return query


def _entries(rows: Iterable[Row[Any]]) -> list[Entry]:
    return [Entry(**{**row._mapping, "data": json.loads(row.data)}) for row in rows]


def last_seq(connection: Connection) -> int:
    """The newest entry's number; 0 when there is none."""
    return connection.execute(select(func.max(journal.c.seq))).scalar() or 0


class JournalFeed:
    """Follows the journal in an event loop; woken by commits, never by a timer.

    Any number of followers, in any number of loops. Each reads at its own pace
    from the database, so a slow one holds up nobody and misses nothing.
    """

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._reader = reader
        self._latest = 0
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.AbstractEventLoop, set[asyncio.Event]] = {}
        self._closed = False
        writer.on_commit(self._committed)
        self._committed(reader.read_now(last_seq))

    def latest(self) -> int:
        """Number of the newest committed entry; 0 when there is none."""
        return self._latest

    def close(self) -> None:
        """End every follower after what it is reading now."""
        self._closed = True
        self._wake_all()

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
            await self._newer_than(cursor)

    async def _newer_than(self, cursor: int) -> None:
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            if self._latest > cursor or self._closed:
                return
            self._waiting.setdefault(loop, set()).add(event)
        try:
            await event.wait()
        finally:
            with self._lock:
                self._waiting.get(loop, set()).discard(event)

    def _committed(self, seq: int) -> None:
        with self._lock:
            self._latest = max(self._latest, seq)
        failpoints.reach("journal.told")
        self._wake_all()

    def _wake_all(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for loop, events in waiting.items():
            if events and not loop.is_closed():
                # One call a loop, however many wait there.
                loop.call_soon_threadsafe(_set_all, events)


def _set_all(events: set[asyncio.Event]) -> None:
    for event in events:
        event.set()
