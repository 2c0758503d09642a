"""The writer: groups, savepoints, answers after the commit."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Set
from typing import Any

import pytest
from sqlalchemy import exc, func, select

from core.errors import Invalid, StorageFault
from core.storage import tables
from core.storage.journal import last_seq, read_after
from core.storage.store import Store
from core.storage.writer import Transaction
from tests.support.waiting import eventually


def entries(store: Store) -> list[Any]:
    return store.reader.read_now(lambda connection: read_after(connection, 0, 10_000))


def note(subject: str) -> Any:
    def write(tx: Transaction) -> str:
        tx.journal("me", "test.noted", subject, {"text": subject})
        return subject

    return write


async def test_a_write_is_readable_once_it_is_answered(store: Store) -> None:
    assert await store.writer.write(note("a")) == "a"
    found = await store.reader.read(lambda connection: read_after(connection, 0, 10))
    assert [(entry.seq, entry.subject, entry.data) for entry in found] == [(1, "a", {"text": "a"})]


async def test_a_write_that_raises_is_undone_alone(store: Store) -> None:
    def refuse(tx: Transaction) -> None:
        tx.journal("me", "test.noted", "undone", {})
        raise Invalid("no")

    gate = threading.Event()
    store.writer.submit(lambda tx: gate.wait(5))
    group = [store.writer.submit(write) for write in (note("a"), refuse, note("b"))]
    gate.set()
    assert group[0].result(5) == "a"
    with pytest.raises(Invalid):
        group[1].result(5)
    assert group[2].result(5) == "b"
    assert [(entry.seq, entry.subject) for entry in entries(store)] == [(1, "a"), (2, "b")]


async def test_an_entry_that_no_file_can_hold_is_the_fault_of_its_own_write(store: Store) -> None:
    gate = threading.Event()
    store.writer.submit(lambda tx: gate.wait(5))
    broken, good = store.writer.submit(note("\udc80")), store.writer.submit(note("a"))
    gate.set()
    with pytest.raises(UnicodeEncodeError):
        broken.result(5)
    assert good.result(5) == "a"
    assert [entry.subject for entry in entries(store)] == ["a"]


async def test_a_bug_in_one_write_reaches_its_own_caller_only(store: Store) -> None:
    gate = threading.Event()
    store.writer.submit(lambda tx: gate.wait(5))
    bug = store.writer.submit(lambda tx: 1 / 0)
    good = store.writer.submit(note("a"))
    gate.set()
    with pytest.raises(ZeroDivisionError):
        bug.result(5)
    assert good.result(5) == "a"


async def test_a_write_that_runs_out_of_values_reaches_its_caller_too(store: Store) -> None:
    def empty(tx: Transaction) -> str:
        return next(iter(()))

    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(store.writer.write(empty), 20)
    assert await store.writer.write(note("a")) == "a"


async def test_a_broken_rule_of_the_schema_leaves_the_group_standing(store: Store) -> None:
    setting = tables.setting.insert().values(name="home_id", value="again")
    gate = threading.Event()
    store.writer.submit(lambda tx: gate.wait(5))
    twice = store.writer.submit(lambda tx: tx.connection.execute(setting))
    good = store.writer.submit(note("a"))
    gate.set()
    with pytest.raises(exc.IntegrityError):
        twice.result(5)
    assert good.result(5) == "a"


async def test_waiting_writes_share_one_commit(store: Store) -> None:
    commits: list[int] = []
    store.writer.on_commit(lambda seq, types: commits.append(seq))
    begun, gate = threading.Event(), threading.Event()
    store.writer.submit(lambda tx: (begun.set(), gate.wait(5)))
    await asyncio.to_thread(begun.wait, 5)
    writes = [store.writer.submit(note(str(n))) for n in range(100)]
    assert store.writer.waiting == 100
    gate.set()
    await asyncio.gather(*map(asyncio.wrap_future, writes))
    await store.writer.write(lambda tx: None)  # listeners of the group before have been told
    assert len(commits) <= 2
    assert commits[-1] == 100


async def test_listeners_hear_only_of_commits_with_entries(store: Store) -> None:
    heard: list[tuple[int, Set[str]]] = []
    store.writer.on_commit(lambda seq, types: heard.append((seq, types)))
    await store.writer.write(lambda tx: None)
    await store.writer.write(note("a"))

    def undone(tx: Transaction) -> None:
        tx.journal("me", "test.noted", "undone", {})
        raise Invalid("no")

    with pytest.raises(Invalid):
        await store.writer.write(undone)
    await store.writer.write(lambda tx: None)
    assert heard == [(1, {"test.noted"})]


@pytest.mark.expect_logs("a listener of commits failed")
async def test_a_failing_listener_does_not_end_the_writer(store: Store) -> None:
    def fail(seq: int, types: Set[str]) -> None:
        raise RuntimeError("bug")

    heard: list[int] = []
    store.writer.on_commit(fail)
    store.writer.on_commit(lambda seq, types: heard.append(seq))
    await store.writer.write(note("a"))
    await store.writer.write(note("b"))
    await store.writer.write(lambda tx: None)
    assert heard == [1, 2]


async def test_a_cancelled_waiter_keeps_its_write(store: Store) -> None:
    gate = threading.Event()
    store.writer.submit(lambda tx: gate.wait(5))
    waiter = asyncio.create_task(store.writer.write(note("kept")))
    await asyncio.sleep(0)
    waiter.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    await store.writer.write(note("later"))
    assert [entry.subject for entry in entries(store)] == ["kept", "later"]


async def test_a_loop_that_has_ended_keeps_its_write_and_the_writer(store: Store) -> None:
    gate = threading.Event()
    store.writer.submit(lambda tx: gate.wait(5))

    async def leave() -> None:
        asking = asyncio.get_running_loop().create_task(store.writer.write(note("left")))
        await asyncio.sleep(0)
        assert not asking.done()

    await asyncio.to_thread(asyncio.run, leave())
    gate.set()
    await store.writer.write(note("later"))
    assert [entry.subject for entry in entries(store)] == ["left", "later"]


async def test_a_write_whose_future_is_cancelled_in_the_queue_is_left_out(store: Store) -> None:
    gate = threading.Event()
    store.writer.submit(lambda tx: gate.wait(5))
    await asyncio.sleep(0)
    dropped = store.writer.submit(note("dropped"))
    cancelled = dropped.cancel()
    gate.set()
    await store.writer.write(note("kept"))
    assert cancelled
    assert [entry.subject for entry in entries(store)] == ["kept"]


async def test_close_commits_what_waits_and_refuses_what_comes_later(store: Store) -> None:
    writes = [store.writer.submit(note(str(n))) for n in range(600)]
    store.writer.close()
    assert [write.result(0) for write in writes] == [str(n) for n in range(600)]
    with pytest.raises(StorageFault, match="closing"):
        store.writer.submit(note("late")).result(0)


async def test_many_entries_are_appended_in_order(store: Store) -> None:
    def write(tx: Transaction) -> None:
        for n in range(1000):
            tx.journal("me", "test.noted", str(n), {"n": n})

    await store.writer.write(write)
    assert [entry.data["n"] for entry in entries(store)] == list(range(1000))
    assert store.reader.read_now(last_seq) == 1000
    await eventually(lambda: store.feed.latest() == 1000)


async def test_sequence_numbers_are_never_given_twice(store: Store) -> None:
    await store.writer.write(note("a"))
    await store.writer.write(lambda tx: tx.connection.execute(tables.journal.delete()))
    await store.writer.write(note("b"))
    assert [entry.seq for entry in entries(store)] == [2]


async def test_readers_see_one_state_while_writes_go_on(store: Store) -> None:
    await store.writer.write(note("a"))
    count = select(func.count()).select_from(tables.journal)

    def read_twice(connection: Any) -> tuple[int, int]:
        before = connection.execute(count).scalar_one()
        store.writer.submit(note("b")).result(5)
        return before, connection.execute(count).scalar_one()

    assert await store.reader.read(read_twice) == (1, 1)
    assert len(entries(store)) == 2


async def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StorageFault, match="read-only"):
        await store.reader.read(lambda connection: connection.execute(tables.journal.delete()))


async def test_acknowledged_means_synced(store: Store) -> None:
    modes = await store.writer.write(
        lambda tx: [
            tx.connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "journal_mode", "foreign_keys", "fullfsync")
        ]
    )
    full = 2
    assert modes == [full, "wal", 1, 1]


async def test_a_database_held_by_another_program_is_a_fault_and_then_is_not(
    store: Store,
) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageFault, match="another program holds the database"):
        await store.writer.write(note("a"))
    other.execute("ROLLBACK")
    other.close()
    await store.writer.write(note("b"))
    assert [(entry.seq, entry.subject) for entry in entries(store)] == [(1, "b")]
