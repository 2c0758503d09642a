"""Any place of an output by its chunks: index, bytes, occurrences, and what is added."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from core.executors.protocol import Stream
from core.executors.scripted import Behaviour
from tests.support.api import Api, command, host

OUT, ERR = Stream.OUT, Stream.ERR


@pytest.fixture
async def web(api: Api) -> Api:
    """Three hosts."""
    await api.apply(*(host(f"web{number}") for number in range(1, 4)))
    return api


def prints(*pieces: bytes, stream: Stream = OUT, exit_code: int = 0) -> Behaviour:
    return Behaviour(output=tuple((stream, piece) for piece in pieces), exit_code=exit_code)


async def pages(api: Api, path: str) -> list[dict[str, Any]]:
    """Every page."""
    found = [(await api.get(path)).json()]
    while found[-1]["more"]:
        found.append((await api.get(f"{path}&after={found[-1]['next']}")).json())
    return found


async def text_of(api: Api, run_id: str, chunks: list[int], streams: str = "") -> bytes:
    query = "&".join(f"chunk={number}" for number in chunks) + streams
    answer = (await api.get(f"/runs/{run_id}/output/chunks?{query}")).json()
    return b"".join(
        piece["text"].encode() if "text" in piece else base64.b64decode(piece["base64"])
        for chunk in answer["chunks"]
        for piece in chunk["pieces"]
    )


async def test_the_index_says_where_every_line_is(web: Api) -> None:
    whole = b"".join(b"line %05d\n" % number for number in range(30_000))
    web.hosts.behaviours["web2"] = prints(whole)
    run_id = await web.run(command(targets="web*"))
    found = await pages(web, f"/runs/{run_id}/output/index?ordinal=1&limit=2")
    items = [item for page in found for item in page["items"]]
    assert len(found) > 1
    assert sum(item["lines"] for item in items) == 30_000
    assert sum(item["size_bytes"] for item in items) == len(whole)
    (target,) = found[0]["targets"]
    assert (target["host"], target["ordinal"], target["step"]) == ("web2", 1, "main")
    assert {item["target"] for item in items} == {target["target"]}
    above = sum(item["lines"] for item in items[:3])
    # A chunk that begins within a line does not count it.
    data = await text_of(web, run_id, [items[3]["chunk"]])
    assert items[3]["continues"]
    assert data.split(b"\n")[1] == b"line %05d" % above


async def test_streams_narrow_the_index_and_what_is_read(web: Api) -> None:
    web.hosts.behaviours["web1"] = Behaviour(
        output=((OUT, b"one\n"), (ERR, b"no\n\xff"), (OUT, b"two"))
    )
    run_id = await web.run(command(targets="web1"))
    (page,) = await pages(web, f"/runs/{run_id}/output/index?streams=err")
    assert [(item["size_bytes"], item["lines"]) for item in page["items"]] == [(4, 2)]
    chunks = [item["chunk"] for item in page["items"]]
    assert await text_of(web, run_id, chunks, "&streams=err") == b"no\n\xff"
    assert await text_of(web, run_id, chunks) == b"one\nno\n\xfftwo"


async def test_a_target_that_was_not_run_again_is_shown_by_what_ran(web: Api) -> None:
    web.hosts.behaviours |= {"web1": prints(b"fine\n"), "web2": prints(b"no\n", exit_code=1)}
    request = command(targets="web[1-2]")
    request["step"]["retry"] = {"times": 1}
    run_id = await web.run(request)

    async def printed(query: str) -> list[tuple[str, int]]:
        (page,) = await pages(web, f"/runs/{run_id}/output/index?{query}")
        who = {target["target"]: target for target in page["targets"]}
        found = [who[item["target"]] for item in page["items"]]
        return sorted((target["host"], target["attempt"]) for target in found)

    assert await printed("") == [("web1", 1), ("web2", 2)]
    assert await printed("step=main&attempt=1") == [("web1", 1), ("web2", 1)]
    assert await printed("ordinal=0") == [("web1", 1)]
    assert await printed("step=*") == [("web1", 1), ("web2", 1), ("web2", 2)]
    assert await printed("step=*&ordinal=1") == [("web2", 1), ("web2", 2)]


async def test_occurrences_are_counted_by_chunk(web: Api) -> None:
    web.hosts.behaviours |= {
        "web1": prints(b"Error: disk full\nno error\n"),
        "web2": prints(b"fine\n"),
        "web3": prints(b"ERROR\n", stream=ERR),
    }
    run_id = await web.run(command(targets="web*"))

    async def counts(query: str) -> list[int]:
        found = await pages(web, f"/runs/{run_id}/output/matches?{query}")
        return sorted(item["count"] for page in found for item in page["items"])

    assert await counts("q=error") == [1, 2]
    assert await counts("q=error&limit=1") == [1, 2]
    assert await counts("q=error&streams=err") == [1]
    assert await counts("q=error&ordinal=1") == []
    assert await counts("q=zebra") == []


@pytest.mark.parametrize(
    ("query", "status", "where"),
    [
        ("index?step=mian", 404, None),
        ("index?ordinal=9", 404, None),
        ("index?after=-1", 422, "after"),
        ("index?wait_s=31", 422, "wait_s"),
        ("chunks", 422, "chunk"),
        ("matches?q=a%0Ab", 422, "q"),
        ("matches?q=", 422, "q"),
    ],
)
async def test_wrong_places_are_refused(
    web: Api, query: str, status: int, where: str | None
) -> None:
    run_id = await web.run(command(targets="web1"))
    answer = await web.get(f"/runs/{run_id}/output/{query}")
    assert answer.status_code == status
    if where is not None:
        assert [problem["where"] for problem in answer.json()["problems"]] == [where]


async def test_chunks_of_another_run_are_not_given(web: Api) -> None:
    run_id, other = [await web.run(command(targets="web1")) for _ in range(2)]
    (page,) = await pages(web, f"/runs/{other}/output/index?limit=9")
    answer = await web.get(f"/runs/{run_id}/output/chunks?chunk={page['items'][0]['chunk']}")
    assert answer.json() == {"chunks": [], "targets": []}


async def test_who_has_read_everything_may_wait_for_more(web: Api) -> None:
    until = asyncio.Event()
    web.hosts.behaviours["web1"] = Behaviour(output=((OUT, b"working\n"),), until=until)
    run_id = (await web.post("/runs", command(targets="web1"))).json()["id"]
    path = f"/runs/{run_id}/output/index?step=*&wait_s=30"
    answer = (await web.get(path)).json()
    while not answer["items"]:
        answer = (await web.get(path)).json()
    assert (answer["items"][0]["lines"], answer["ended"]) == (1, False)
    waiting = asyncio.create_task(web.get(f"{path}&after={answer['next']}"))
    await asyncio.sleep(0)
    assert not waiting.done()
    until.set()
    last = (await waiting).json()
    while not last["ended"]:
        last = (await web.get(f"{path}&after={answer['next']}")).json()
    assert (last["items"], last["next"], last["more"]) == ([], answer["next"], False)
