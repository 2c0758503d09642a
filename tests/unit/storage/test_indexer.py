"""The search index: it follows, and may be late, lost or damaged without an answer being wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete

from core.clock import ManualClock
from core.ids import SequentialIds
from core.storage import backup, search_index, tables
from core.storage.chunks import CHUNK_BYTES
from core.storage.output_search import search_run
from core.storage.store import Store
from core.storage.stored_chunks import newest_seq
from tests.support.outputs import add_run, piece, put, wait_for_index, write
from tests.support.waiting import until

RUN = "0" * 25 + "R"


def hosts(store: Store, text: str) -> list[str]:
    page = store.reader.read_now(
        lambda c: search_run(c, store.indexer, RUN, text, limit=100, after=0)
    )
    return [item.host for item in page.items]


def candidates(store: Store, text: str) -> list[int]:
    """Chunks that the index names; nothing may be left that it does not know."""
    found = store.indexer.candidates(text, 0, 1 << 40)
    assert found.unsure[0][0] > store.reader.read_now(newest_seq)
    return list(found.seqs)


def opened(home: Path) -> Store:
    store = Store.open(home / "j", ManualClock(), SequentialIds(), busy_timeout_s=0.2)
    store.indexer.start()
    return store


@pytest.fixture
def index(home: Path) -> Path:
    return home / "j" / "search.db"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """A store with three targets of one run, the first of which has printed, and its index."""
    store = opened(home)
    add_run(store, RUN, ["web0", "web1", "web2"])
    put(store, RUN, 1, [piece(b"one needle\n")])
    wait_for_index(store)
    yield store
    store.close()


def test_the_index_names_only_chunks_that_may_have_the_text(store: Store) -> None:
    put(store, RUN, 2, [piece(b"nothing\n")])
    put(store, RUN, 3, [piece("磁盘已满\n".encode())])
    wait_for_index(store)
    assert candidates(store, "needle") == [1]
    assert candidates(store, "盘已") == [3]
    assert candidates(store, "满") == [3]
    assert candidates(store, "needles") == []


def test_the_index_is_its_owners_alone(store: Store, index: Path) -> None:
    assert index.stat().st_mode & 0o777 == 0o600


def test_what_is_not_indexed_yet_is_found_all_the_same(store: Store) -> None:
    store.indexer.close()
    put(store, RUN, 2, [piece(b"two needles\n")])
    assert store.reader.read_now(store.indexer.behind) >= 1
    assert hosts(store, "needle") == ["web0", "web1"]


def test_a_start_goes_on_where_the_index_ended(store: Store, home: Path) -> None:
    put(store, RUN, 1, [piece(b"line\n" * 3 + b"x" * CHUNK_BYTES)])
    wait_for_index(store)
    store.close()
    again = opened(home)
    try:
        put(again, RUN, 1, [piece(b"y across")])
        put(again, RUN, 1, [piece(b"ing\n", "err"), piece(b" chunks\n")])
        wait_for_index(again)
        page = again.reader.read_now(
            lambda c: search_run(c, again.indexer, RUN, "xy ACROSS chunks", limit=9)
        )
        assert [item.line_number for item in page.items] == [5]
        assert candidates(again, "xy across chunks") == [5]
    finally:
        again.close()


@pytest.mark.parametrize("harm", ["deleted", "emptied", "no database", "another format", "torn"])
def test_an_index_that_is_lost_or_damaged_is_made_anew(
    store: Store, home: Path, index: Path, harm: str
) -> None:
    put(store, RUN, 2, [piece(b"second needle\n")])
    store.close()
    if harm == "deleted":
        search_index.remove(index)
    elif harm == "emptied":
        index.write_bytes(b"")
    elif harm == "no database":
        index.write_bytes(b"hello" * 1000)
    elif harm == "another format":
        with closing(sqlite3.connect(index)) as db:
            db.execute("PRAGMA user_version = 99")
    else:
        data = index.read_bytes()
        index.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    again = opened(home)
    try:
        assert hosts(again, "needle") == ["web0", "web1"]
        wait_for_index(again)
        assert hosts(again, "needle") == ["web0", "web1"]
        assert candidates(again, "needle") == [1, 2]
    finally:
        again.close()


def test_an_index_is_not_taken_for_another_database(store: Store, home: Path, index: Path) -> None:
    copy = home / "backup.db"
    backup.backup(store.path, copy)
    put(store, RUN, 2, [piece(b"a needle that the backup does not have\n")])
    wait_for_index(store)
    store.close()
    kept = index.read_bytes()
    backup.restore(copy, store.path)
    assert not index.exists()
    index.write_bytes(kept)  # as if the database alone had been put back by hand
    again = opened(home)
    try:
        put(again, RUN, 3, [piece(b"third needle\n")])
        wait_for_index(again)
        assert hosts(again, "needle") == ["web0", "web2"]
    finally:
        again.close()


def test_a_part_goes_when_all_of_its_chunks_are_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch, home: Path, index: Path
) -> None:
    store.close()
    search_index.remove(index)
    monkeypatch.setattr(search_index, "PART_CHUNKS", 4)
    again = opened(home)
    try:
        for _ in range(10):
            put(again, RUN, 2, [piece(b"some needle\n")])
        wait_for_index(again)
        assert candidates(again, "needle") == list(range(1, 12))
        rows = tables.output_chunk
        write(again, lambda tx: tx.connection.execute(delete(rows).where(rows.c.seq < 6)))
        until(lambda: candidates(again, "needle")[0] == 4)
        assert hosts(again, "needle") == ["web1"]
        write(again, lambda tx: tx.connection.execute(delete(rows).where(rows.c.seq < 8)))
        until(lambda: candidates(again, "needle")[0] == 8)
    finally:
        again.close()
