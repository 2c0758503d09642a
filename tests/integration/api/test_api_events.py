"""The journal through the API: every committed entry once, whoever comes and goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from core.runtime.engine import StopMode
from tests.support.api import PREFIX, Api, host
from tests.support.asgi import LiveAnswer, live_get
from tests.support.waiting import eventually


async def test_pages_hold_every_entry_once(api: Api) -> None:
    await api.apply(*(host(f"h{number}") for number in range(7)))
    seen, after = list[int](), 0
    while True:
        page = (await api.get(f"/events?after={after}&limit=3")).json()
        seen += [entry["seq"] for entry in page["items"]]
        if page["next"] == after:
            break
        after = page["next"]
    assert seen == list(range(1, 8))


async def test_an_entry_says_who_did_what_to_what(api: Api) -> None:
    await api.apply(host("web1"))
    (entry,) = (await api.get("/events")).json()["items"]
    assert entry.pop("at")
    assert entry == {
        "seq": 1,
        "actor": "ada",
        "type": "document.created",
        "subject": "host/web1",
        "data": {"revision": 1},
    }


async def test_entries_are_narrowed_and_the_cursor_passes_over_the_others(api: Api) -> None:
    await api.apply(host("web1"), host("web2"))
    await api.delete("/documents/host/web1")
    page = (await api.get("/events?type=document.deleted")).json()
    assert ([entry["subject"] for entry in page["items"]], page["next"]) == (["host/web1"], 3)
    page = (await api.get("/events?subject=host/web2")).json()
    assert ([entry["seq"] for entry in page["items"]], page["next"]) == ([2], 3)
    both = (await api.get("/events?type=document.deleted&type=document.created")).json()
    assert len(both["items"]) == 3


async def test_the_journal_is_read_backwards_from_its_end(api: Api) -> None:
    await api.apply(*(host(f"h{number}") for number in range(7)))
    page = (await api.get(f"/events?before={10**18}&limit=3")).json()
    assert ([entry["seq"] for entry in page["items"]], page["next"]) == ([5, 6, 7], 7)
    page = (await api.get("/events?before=5&limit=3")).json()
    assert ([entry["seq"] for entry in page["items"]], page["next"]) == ([2, 3, 4], 4)
    assert (await api.get("/events?before=0")).status_code == 422


class Followed:
    """A live stream of the journal."""

    def __init__(self, answer: LiveAnswer) -> None:
        self._answer = answer

    async def next(self) -> dict[str, str] | None:
        """The fields of the next event; None at the end of the stream."""
        block = await self._answer.event()
        return None if block is None else dict(line.split(": ", 1) for line in block.split("\n"))

    async def seq(self) -> int:
        """The number of the next entry."""
        event = await self.next()
        assert event is not None
        assert json.loads(event["data"])["seq"] == int(event["id"])
        return int(event["id"])


@asynccontextmanager
async def followed(api: Api, query: str = "", **headers: str) -> AsyncIterator[Followed]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    given["Accept"] = "text/event-stream"
    async with live_get(api.app, f"{PREFIX}/events", query, given) as answer:
        await answer.started()
        assert answer.status == 200
        yield Followed(answer)


async def test_a_follower_sees_what_is_committed_from_then_on(api: Api) -> None:
    await api.apply(host("web1"))
    async with followed(api) as stream:
        await api.apply(host("web2"))
        event = await stream.next()
        assert event is not None
        data: dict[str, Any] = json.loads(event.pop("data"))
        assert event == {"id": "2", "event": "document.created"}
        assert data["subject"] == "host/web2"


@pytest.mark.parametrize(
    ("query", "headers"),
    [("after=2", {}), ("", {"Last_Event_ID": "2"}), ("after=9999", {"Last_Event_ID": "2"})],
    ids=["after", "Last-Event-ID", "Last-Event-ID wins"],
)
async def test_a_follower_goes_on_where_it_was(
    api: Api, query: str, headers: dict[str, str]
) -> None:
    await api.apply(*(host(f"h{number}") for number in range(5)))
    async with followed(api, query, **headers) as stream:
        assert [await stream.seq() for _ in range(3)] == [3, 4, 5]


async def test_nothing_is_skipped_or_repeated_while_much_is_written(api: Api) -> None:
    async def write() -> None:
        for number in range(60):
            await api.apply(host(f"h{number}"), host(f"g{number}"))

    writing = asyncio.create_task(write())
    seen, last = list[int](), 0
    while len(seen) < 120:
        async with followed(api, f"after={last}") as stream:
            for _ in range(min(17, 120 - len(seen))):
                seen.append(await stream.seq())
        last = seen[-1]
    await writing
    assert seen == list(range(1, 121))


def waiting(api: Api) -> int:
    """How many follow the journal, the engine's own among them."""
    return sum(map(len, api.engine.store.feed._waiting.values()))


async def test_a_follower_that_leaves_is_forgotten(api: Api) -> None:
    await eventually(lambda: waiting(api) == 1)
    async with followed(api) as stream:
        await api.apply(host("web1"))
        await stream.seq()
    assert waiting(api) == 1


async def test_a_stopping_engine_says_good_bye(api: Api) -> None:
    async with followed(api) as stream:
        api.engine.request_stop(StopMode.DETACH)
        await api.engine.finish_work()
        assert await stream.next() == {"event": "bye", "data": "{}"}
        assert await stream.next() is None


async def test_a_cursor_of_another_journal_is_refused(api: Api) -> None:
    await api.apply(host("web1"))
    for headers in ({}, {"Accept": "text/event-stream"}):
        answer = await api.get("/events?after=7", headers=headers)
        assert (answer.status_code, answer.json()["problems"][0]["where"]) == (422, "after")
        assert "ends at 1" in answer.json()["problems"][0]["what"]
