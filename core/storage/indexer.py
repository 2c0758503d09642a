"""Keeping the full-text index up with the output, in the background.

A thread of its own follows the chunks by their sequence numbers, woken by
commits. What it has not come to yet, a search reads itself; so an index that is
behind, missing or damaged makes a search slower, never wrong.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine

from core.clock import Clock
from core.errors import StorageFault
from core.storage import search_index
from core.storage.database import create_private_file, read_with
from core.storage.matching import Places, StreamPlace, after, by_stream, folded_text
from core.storage.search_index import Candidates, Row, SearchIndex
from core.storage.stored_chunks import (
    ChunkKey,
    PlacesBefore,
    any_between,
    count_after,
    following,
    newest_seq,
)

_log = logging.getLogger(__name__)

_BATCH_ROWS = 1000
_BATCH_BYTES = 2 << 20
"""Output that is indexed in one commit."""
_COLLECT_S = 0.2
"""How long a commit's output may wait for that of others."""
_GIVE_WAY = 9
"""While output goes on being committed, a batch is followed by a pause this many times as long."""
_MOST_PAUSE_S = 0.5
_RETRY_S = 30.0
_MOST_PLACES = 4096
"""Targets whose streams are remembered; of others the chunk before is looked at again."""
_PASSING = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_BUSY")
"""What is wrong with the disk and not with the index."""


class Indexer:
    """The index of one home, and the thread that follows the output."""

    def __init__(self, path: Path, home_id: str, reading: Engine, clock: Clock) -> None:
        self._path = path
        self._home_id = home_id
        self._reading = reading
        self._clock = clock
        self._index: SearchIndex | None = None
        self._places: dict[int, tuple[int, Places]] = {}
        """Target -> its size, and what its streams came to there."""
        self._thread = threading.Thread(target=self._run, name="search-indexer", daemon=True)
        self._wake = threading.Event()
        self._closing = threading.Event()

    def start(self) -> None:
        """Begin to follow; until then every search reads the output itself."""
        self._wake.set()
        self._thread.start()

    def committed(self) -> None:
        """Something was committed: there may be output to index, or a part to drop."""
        self._wake.set()

    def close(self) -> None:
        """Stop after the commit that is under way; the next start goes on behind it."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._index is not None:
            self._index.close()
        self._reading.dispose()

    def behind(self, connection: Connection) -> int:
        """Chunks of output that are not indexed yet."""
        cursor = self._index.cursor if self._index is not None else 0
        return count_after(connection, cursor)

    def candidates(self, folded: str, first: int, last: int) -> Candidates:
        """Chunks in which a folded text may end: no other from `first` to `last` can hold it."""
        index = self._index
        if index is not None:
            try:
                return index.candidates(folded, first, last)
            except sqlite3.Error:
                self._wake.set()  # the thread meets the fault too, and deals with it
        return Candidates((), ((first, last),))

    def before(self, seq: int) -> Places | None:
        """What the streams of a chunk's target had come to before it; None when not on record."""
        index = self._index
        try:
            return None if index is None else index.before(seq)
        except sqlite3.Error:
            return None

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                index = self._index or self._open()
                self._follow(index)
                self._drop_what_is_gone(index)
            except StorageFault as fault:
                _log.warning("output cannot be indexed now: %s", fault)
                self._closing.wait(_RETRY_S)
            except sqlite3.Error as error:
                self._deal_with(error)
            self._wake.wait()
            self._closing.wait(_COLLECT_S)

    def _open(self) -> SearchIndex:
        create_private_file(self._path)
        try:
            index = SearchIndex(self._path, self._home_id)
        except sqlite3.DatabaseError as error:
            if _is_passing(error):
                raise
            search_index.remove(self._path)
            create_private_file(self._path)
            index = SearchIndex(self._path, self._home_id)
        if index.cursor > read_with(self._reading, newest_seq):
            # An older database was put in the place of the one that this index follows.
            index.close()
            search_index.remove(self._path)
            return self._open()
        self._index = index
        return index

    def _follow(self, index: SearchIndex) -> None:
        """Index what there is, giving way to those who print it."""
        while not self._closing.is_set():
            self._wake.clear()
            began_s = self._clock.monotonic()
            if not self._add_more(index):
                return
            if self._wake.is_set():
                took_s = self._clock.monotonic() - began_s
                self._closing.wait(min(_GIVE_WAY * took_s, _MOST_PAUSE_S))

    def _add_more(self, index: SearchIndex) -> bool:
        """Index the next chunks; whether there may be more."""

        def read(connection: Connection) -> list[Row]:
            return list(self._rows(connection, index.cursor))

        rows = read_with(self._reading, read)
        if rows:
            index.add(rows, rows[-1].seq)
        return bool(rows)

    def _rows(self, connection: Connection, cursor: int) -> Iterator[Row]:
        size = 0
        for chunk, segments in following(connection, cursor, _BATCH_ROWS):
            places = self._places_before(connection, chunk)
            texts = [
                folded_text(places.get(stream, StreamPlace()).tail + data)
                for stream, data in by_stream(segments).items()
            ]
            yield Row(chunk.seq, texts, places)
            end = chunk.offset + chunk.size_bytes
            self._remember(chunk.target_run_id, end, after(places, segments))
            size += chunk.size_bytes
            if size >= _BATCH_BYTES:
                return

    def _places_before(self, connection: Connection, chunk: ChunkKey) -> Places:
        if chunk.offset == 0:
            return {}
        size, places = self._places.get(chunk.target_run_id, (0, {}))
        if size == chunk.offset:
            return places
        return PlacesBefore(connection, self.before).of(chunk)

    def _remember(self, target_run_id: int, size: int, places: Places) -> None:
        self._places.pop(target_run_id, None)
        self._places[target_run_id] = (size, places)
        if len(self._places) > _MOST_PLACES:
            del self._places[next(iter(self._places))]

    def _deal_with(self, error: sqlite3.Error) -> None:
        """A full disk is waited for; an index that cannot be read is made anew."""
        if self._index is not None:
            index, self._index = self._index, None
            index.close()
        self._places.clear()
        if _is_passing(error):
            _log.warning("output cannot be indexed now: %s", error)
            self._closing.wait(_RETRY_S)
        else:
            _log.info("the search index is made anew: %s", error)
            search_index.remove(self._path)
        self._wake.set()

    def _drop_what_is_gone(self, index: SearchIndex) -> None:
        """Give back the room of chunks that were deleted, a whole part at a time."""
        grown = [part for part in index.parts() if part[1] < index.cursor]

        def gone(connection: Connection) -> list[int]:
            return [first for first, last in grown if not any_between(connection, first, last)]

        for first in read_with(self._reading, gone) if grown else ():
            index.drop(first)


def _is_passing(error: sqlite3.Error) -> bool:
    return str(getattr(error, "sqlite_errorname", "")).startswith(_PASSING)
