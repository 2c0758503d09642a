"""The journal's readers: pages, and a feed that neither skips nor repeats."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from core.storage.database import Reader
from core.storage.journal import Entry, JournalFeed, read_after, read_before
from core.storage.store import Store
from core.storage.writer import Listener, Transaction, Writer
from tests.support.waiting import eventually


def note(store: Store, subject: str, type_: str = "test.noted") -> Any:
    return store.writer.write(lambda tx: tx.journal("me", type_, subject, {}))


async def take(store: Store, cursor: int, count: int, **narrow: Any) -> list[Entry]:
    found: list[Entry] = []
    async for entry in store.feed.follow(cursor, **narrow):
        found.append(entry)
        if len(found) == count:
            break
    return found


async def test_pages_are_narrowed_by_type_and_subject(store: Store) -> None:
    for subject, type_ in (("a", "x.one"), ("b", "x.two"), ("a", "x.two")):
        await note(store, subject, type_)

    def seqs(**narrow: Any) -> list[int]:
        found = store.reader.read_now(lambda c: read_after(c, 0, 10, **narrow))
        return [entry.seq for entry in found]

    assert seqs() == [1, 2, 3]
    assert seqs(types=["x.two"]) == [2, 3]
    assert seqs(subject="a") == [1, 3]
    assert seqs(subject="a", types=["x.two"]) == [3]


async def test_the_newest_are_read_backwards_and_stand_oldest_first(store: Store) -> None:
    for n in range(6):
        await note(store, "even" if n % 2 else "odd")

    def seqs(before: int, limit: int, **narrow: Any) -> list[int]:
        found = store.reader.read_now(lambda c: read_before(c, before, limit, **narrow))
        return [entry.seq for entry in found]

    assert seqs(10**18, 2) == [5, 6]
    assert seqs(5, 10) == [1, 2, 3, 4]
    assert seqs(10**18, 2, subject="odd") == [3, 5]
    assert seqs(1, 10) == []


async def test_a_follower_starts_at_its_cursor_and_goes_on_live(store: Store) -> None:
    for n in range(3):
        await note(store, str(n))
    follower = asyncio.create_task(take(store, 1, 4))
    await note(store, "3")
    await note(store, "4")
    assert [entry.subject for entry in await follower] == ["1", "2", "3", "4"]


async def test_a_narrowed_follower_is_not_held_up_by_what_it_does_not_want(store: Store) -> None:
    follower = asyncio.create_task(take(store, 0, 2, types=["x.wanted"]))
    for n in range(20):
        await note(store, str(n), "x.wanted" if n in (7, 19) else "x.other")
    assert [entry.subject for entry in await follower] == ["7", "19"]


async def test_a_narrowed_follower_reads_nothing_while_nothing_of_its_types_comes(
    store: Store,
) -> None:
    class CountingReader:
        read_now = staticmethod(store.reader.read_now)
        reads = 0

        async def read(self, query: Any) -> Any:
            self.reads += 1
            return await store.reader.read(query)

    reader = CountingReader()
    feed = JournalFeed(store.writer, cast(Reader, reader))

    async def first() -> Entry:
        return await anext(aiter(feed.follow(0, types=["x.wanted"])))

    follower = asyncio.create_task(first())
    await eventually(lambda: any(feed._waiting.values()))
    for n in range(20):
        await note(store, str(n), "x.other")
    await eventually(lambda: feed.latest() == 20)
    assert reader.reads == 1
    await note(store, "20", "x.wanted")
    assert (await follower).seq == 21
    assert reader.reads == 2


async def test_what_a_follower_has_read_before_the_feed_is_told_of_it_does_not_come_again(
    store: Store,
) -> None:
    listeners: list[Listener] = []

    class LateWriter:
        on_commit = staticmethod(listeners.append)

    feed = JournalFeed(cast(Writer, LateWriter()), store.reader)
    seen: asyncio.Queue[int] = asyncio.Queue()

    async def follow() -> None:
        async for entry in feed.follow(0):
            seen.put_nowait(entry.seq)

    await note(store, "a")
    await note(store, "b")
    follower = asyncio.create_task(follow())
    await eventually(lambda: any(feed._waiting.values()))
    listeners[0](1, {"test.noted"})
    listeners[0](2, {"test.noted"})
    await note(store, "c")
    listeners[0](3, {"test.noted"})
    assert [await seen.get() for _ in range(3)] == [1, 2, 3]
    feed.close()
    await follower


async def test_a_backlog_of_several_pages_is_read_to_its_end(store: Store) -> None:
    def write(tx: Transaction) -> None:
        for n in range(1234):
            tx.journal("me", "test.noted", str(n), {})

    await store.writer.write(write)
    found = await take(store, 0, 1234)
    assert [entry.seq for entry in found] == list(range(1, 1235))


async def test_followers_that_wait_end_when_the_feed_closes(store: Store) -> None:
    seen: asyncio.Queue[int] = asyncio.Queue()

    async def follow() -> None:
        async for entry in store.feed.follow(0):
            seen.put_nowait(entry.seq)

    await note(store, "a")
    followers = [asyncio.create_task(follow()) for _ in range(5)]
    assert [await seen.get() for _ in followers] == [1] * 5
    store.feed.close()
    await asyncio.gather(*followers)
    assert seen.empty()


async def test_a_cancelled_follower_leaves_nothing_behind(store: Store) -> None:
    waiting = asyncio.create_task(take(store, 0, 1))
    while not store.feed._waiting:
        await store.reader.read(lambda connection: None)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not any(store.feed._waiting.values())


async def test_many_followers_each_see_every_entry_once_and_in_order(store: Store) -> None:
    total = 2000

    async def follow(pace: int) -> list[int]:
        seen: list[int] = []
        async for entry in store.feed.follow(0):
            seen.append(entry.seq)
            if pace and len(seen) % pace == 0:
                await asyncio.sleep(0.001)
            if len(seen) == total:
                break
        return seen

    followers = [asyncio.create_task(follow(pace)) for pace in (0, 0, 7, 50, 300) * 4]
    await asyncio.gather(*(note(store, str(n)) for n in range(total)))
    for seen in await asyncio.gather(*followers):
        assert seen == list(range(1, total + 1))


async def test_what_is_committed_while_a_page_is_read_is_not_skipped(store: Store) -> None:
    class BusyReader:
        """A reader during whose every answer another entry is committed."""

        read_now = staticmethod(store.reader.read_now)
        number = 0

        async def read(self, query: Any) -> Any:
            answer = await store.reader.read(query)
            self.number += 1
            await note(store, str(self.number))
            return answer

    feed = JournalFeed(store.writer, cast(Reader, BusyReader()))
    seen: list[int] = []
    async with asyncio.timeout(10):
        async for entry in feed.follow(0):
            seen.append(entry.seq)
            if len(seen) == 20:
                break
    assert seen == list(range(1, 21))


async def test_the_newest_number_is_known_without_reading(store: Store) -> None:
    assert store.feed.latest() == 0
    await note(store, "a")
    await eventually(lambda: store.feed.latest() == 1)
