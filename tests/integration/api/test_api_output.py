"""What hosts printed: in groups, compared, in pages, exact, found, and live."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from core.executors.protocol import Stream
from core.executors.scripted import Behaviour
from tests.support.api import PREFIX, Api, command, host
from tests.support.asgi import LiveAnswer, live_get

OUT, ERR = Stream.OUT, Stream.ERR


@pytest.fixture
async def web(api: Api) -> Api:
    """Four hosts."""
    await api.apply(*(host(f"web{number}") for number in range(1, 5)))
    return api


def prints(*pieces: bytes, stream: Stream = OUT, exit_code: int = 0) -> Behaviour:
    return Behaviour(output=tuple((stream, piece) for piece in pieces), exit_code=exit_code)


# --- groups -----------------------------------------------------------------------------------


async def test_hosts_that_answer_alike_stand_together_failures_first(web: Api) -> None:
    web.hosts.behaviours |= {
        "web1": prints(b"web1 up since 07:35:00\n"),
        "web2": prints(b"\x1b[32mweb2 up since 08:00:12\x1b[0m\n"),
        "web3": prints(b"disk full\n", exit_code=1),
        "web4": prints(b"something else\n"),
    }
    run_id = await web.run(command(targets="web*"))
    answer = (await web.get(f"/runs/{run_id}/groups")).json()
    assert (answer["step"], answer["attempt"]) == ("main", 1)
    groups = answer["groups"]
    assert [(g["state"], g["exit_code"], g["hosts"], g["ordinals"]) for g in groups] == [
        ("failed", 1, "web3", [2]),
        ("success", 0, "web[1-2]", [0, 1]),
        ("success", 0, "web4", [3]),
    ]
    assert groups[1]["sample"] == {
        "host": "web1",
        "ordinal": 0,
        "text": "web1 up since 07:35:00\n",
        "truncated": False,
    }


async def test_the_rules_of_comparison_can_be_chosen(web: Api) -> None:
    web.hosts.behaviours |= {
        "web1": prints(b"load 1\n"),
        "web2": prints(b"load 90\n"),
        "web3": prints(b"load 1\n\n"),
        "web4": prints(b"load 1\n"),
    }
    run_id = await web.run(command(targets="web*"))

    async def groups(query: str) -> tuple[list[str], list[str]]:
        answer = (await web.get(f"/runs/{run_id}/groups{query}")).json()
        return (
            [group["hosts"] for group in answer["groups"]],
            [rule for rule, used in answer["rules"].items() if used],
        )

    assert await groups("") == (
        ["web[1,3-4]", "web2"],
        ["ansi", "progress", "host", "time", "blanks"],
    )
    assert await groups("?rules=numbers,blanks") == (["web[1-4]"], ["numbers", "blanks"])
    assert await groups("?rules=numbers&rules=blanks") == (["web[1-4]"], ["numbers", "blanks"])
    assert await groups("?rules=none") == (["web[1,4]", "web2", "web3"], [])


async def test_a_sample_is_cut_where_asked(web: Api) -> None:
    web.hosts.behaviours["web1"] = prints(b"0123456789")
    run_id = await web.run(command(targets="web1"))
    (group,) = (await web.get(f"/runs/{run_id}/groups?sample_bytes=4")).json()["groups"]
    assert (group["sample"]["text"], group["sample"]["truncated"]) == ("0123", True)


async def test_two_groups_are_compared_after_normalising(web: Api) -> None:
    web.hosts.behaviours |= {
        "web1": prints(b"host web1\nkernel 6.1\n"),
        "web2": prints(b"host web2\nkernel 6.8\n"),
    }
    run_id = await web.run(command(targets="web[1-2]"))
    diff = (await web.get(f"/runs/{run_id}/groups/diff?a=0&b=1")).json()
    assert [(line["kind"], line["text"]) for line in diff["lines"][1:]] == [
        ("same", "host <host>"),
        ("removed", "kernel 6.1"),
        ("added", "kernel 6.8"),
    ]
    assert diff["truncated"] is False


async def test_groups_are_of_the_latest_attempt_and_keep_earlier_winners(web: Api) -> None:
    web.hosts.behaviours |= {"web1": prints(b"fine\n"), "web2": prints(b"no\n", exit_code=1)}
    request = command(targets="web[1-2]")
    request["step"]["retry"] = {"times": 1}
    run_id = await web.run(request)
    answer = (await web.get(f"/runs/{run_id}/groups")).json()
    assert answer["attempt"] == 2
    assert [(g["state"], g["hosts"], g["sample"]["text"]) for g in answer["groups"]] == [
        ("failed", "web2", "no\n"),
        ("success", "web1", "fine\n"),
    ]


async def test_a_step_that_never_started_has_no_groups(web: Api) -> None:
    run_id = await web.run(command(targets="web1"))
    answer = await web.get(f"/runs/{run_id}/groups?step=mian")
    assert answer.status_code == 404
    assert "did you mean 'main'?" in answer.json()["hint"]


# --- pages and bytes --------------------------------------------------------------------------


async def test_pages_of_output_join_to_the_whole(web: Api) -> None:
    whole = b"".join(b"line %05d\n" % number for number in range(30_000))
    web.hosts.behaviours["web1"] = prints(whole)
    run_id = await web.run(command(targets="web1"))
    joined, offset, count = b"", 0, 0
    while offset is not None:
        query = f"host=web1&limit=50000&offset={offset}"
        page = (await web.get(f"/runs/{run_id}/output?{query}")).json()
        for piece in page["pieces"]:
            assert piece["offset"] == len(joined)
            joined += piece["text"].encode()
        offset, count = page["next_offset"], count + 1
    assert joined == whole
    assert (page["size_bytes"], page["dropped_bytes"], count) == (330_000, 0, 7)


async def test_bytes_that_are_no_text_come_as_base64(web: Api) -> None:
    web.hosts.behaviours["web1"] = prints(b"\xff\xfe\x00")
    run_id = await web.run(command(targets="web1"))
    (piece,) = (await web.get(f"/runs/{run_id}/output?ordinal=0")).json()["pieces"]
    assert "text" not in piece
    assert base64.b64decode(piece["base64"]) == b"\xff\xfe\x00"


async def test_the_exact_bytes_of_the_streams_that_were_asked_for(web: Api) -> None:
    web.hosts.behaviours["web1"] = Behaviour(
        output=((OUT, b"\x00one"), (ERR, b"\xfftwo"), (Stream.NOTE, b"a note"), (OUT, b"three"))
    )
    run_id = await web.run(command(targets="web1"))
    exact = {"Accept": "application/octet-stream"}

    async def raw(query: str) -> bytes:
        answer = await web.get(f"/runs/{run_id}/output?host=web1{query}", headers=exact)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        return answer.content

    assert await raw("") == b"\x00one\xfftwothree"
    assert await raw("&streams=out") == b"\x00onethree"
    assert await raw("&streams=err&streams=note") == b"\xfftwoa note"
    assert await raw("&offset=-5") == b"three"


async def test_large_output_comes_byte_for_byte(web: Api) -> None:
    whole = bytes(range(256)) * 12_000
    web.hosts.behaviours["web1"] = prints(
        *(whole[at : at + 65_000] for at in range(0, len(whole), 65_000))
    )
    run_id = await web.run(command(targets="web1"))
    exact = {"Accept": "application/octet-stream"}
    assert (await web.get(f"/runs/{run_id}/output?host=web1", headers=exact)).content == whole


async def test_a_text_is_found_with_its_host_and_line(web: Api) -> None:
    web.hosts.behaviours["web2"] = prints(b"fine\nDisk FULL on /var\n")
    run_id = await web.run(command(targets="web*"))
    assert (await web.get(f"/runs/{run_id}/search?q=disk full")).json()["items"] == [
        {
            "host": "web2",
            "ordinal": 1,
            "step": "main",
            "attempt": 1,
            "stream": "out",
            "line": 2,
            "text": "Disk FULL on /var",
        }
    ]


async def test_a_search_has_pages(web: Api) -> None:
    for name in ("web1", "web2"):
        web.hosts.behaviours[name] = prints(b"needle\n")
    run_id = await web.run(command(targets="web*"))
    path = f"/runs/{run_id}/search?q=needle&limit=1"

    first = (await web.get(path)).json()
    second = (await web.get(f"{path}&cursor={first['next_cursor']}")).json()
    last = (await web.get(f"{path}&cursor={second['next_cursor']}")).json()

    found = [[item["host"] for item in page["items"]] for page in (first, second, last)]
    assert found == [["web1"], ["web2"], []]
    assert last["next_cursor"] is None


async def test_all_runs_are_searched_newest_first(web: Api) -> None:
    web.hosts.behaviours["web2"] = prints(b"fine\nDisk FULL on /var\n")
    first, second = [await web.run(command(targets="web*")) for _ in range(2)]
    page = (await web.get("/search?q=disk full&limit=1")).json()
    rest = (await web.get(f"/search?q=disk full&limit=1&cursor={page['next_cursor']}")).json()
    (newest,), (older,) = page["items"], rest["items"]
    assert (newest["run"], older["run"]) == (second, first)
    assert (newest["host"], newest["line"], newest["text"]) == ("web2", 2, "Disk FULL on /var")
    assert (await web.get("/search?q=disk full&job=nightly")).json()["items"] == []
    assert (await web.get("/search?q=disk full&host=web1")).json()["items"] == []
    found = (await web.get("/search?q=disk full&job=adhoc&host=web2&since=1h")).json()["items"]
    assert [item["run"] for item in found] == [second, first]


async def test_the_engine_says_how_far_its_index_is_behind(web: Api) -> None:
    await web.run(command(targets="web*"))

    async def behind() -> int:
        return int((await web.get("/engine")).json()["unindexed_chunks"])

    for _ in range(1000):
        if await behind() == 0:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the index did not come to all output")


# --- live -------------------------------------------------------------------------------------


class Followed:
    """A live stream of a run's output, event by event."""

    def __init__(self, answer: LiveAnswer) -> None:
        self._answer = answer
        self.last_id = ""

    async def next(self) -> tuple[str, dict[str, Any]]:
        """Type and data of the next event."""
        block = await self._answer.event()
        assert block is not None, "the stream ended"
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        self.last_id = fields.get("id", self.last_id)
        return fields["event"], json.loads(fields["data"])

    async def outputs(self, size: int) -> bytes:
        """Output events until `size` bytes of text have come."""
        data = b""
        while len(data) < size:
            kind, piece = await self.next()
            assert kind == "output"
            data += piece["text"].encode()
        return data


@asynccontextmanager
async def followed(
    api: Api, run_id: str, query: str = "", **headers: str
) -> AsyncIterator[Followed]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"{PREFIX}/runs/{run_id}/output/stream"
    async with live_get(api.app, path, query, names) as answer:
        yield Followed(answer)


async def test_output_arrives_while_the_run_goes_on_and_the_end_is_said(web: Api) -> None:
    until = asyncio.Event()
    web.hosts.behaviours["web1"] = Behaviour(output=((OUT, b"working\n"),), until=until)
    run_id = (await web.post("/runs", command(targets="web1"))).json()["id"]
    async with followed(web, run_id) as stream:
        kind, piece = await stream.next()
        assert (kind, piece.pop("at")[:2]) == ("output", "20")
        assert piece == {
            "host": "web1",
            "step": "main",
            "attempt": 1,
            "ordinal": 0,
            "offset": 0,
            "stream": "out",
            "text": "working\n",
        }
        until.set()
        assert await stream.next() == ("end", {})


async def test_a_run_that_ended_is_streamed_from_its_beginning(web: Api) -> None:
    run_id = await web.run(command(targets="web*"))
    async with followed(web, run_id) as stream:
        texts = [(await stream.next())[1]["text"] for _ in range(4)]
        assert sorted(texts) == ["web1\n", "web2\n", "web3\n", "web4\n"]
        assert await stream.next() == ("end", {})


async def test_a_reader_that_comes_back_gets_every_byte_once(web: Api) -> None:
    pieces = [((OUT, ERR)[at % 2], b"%03d," % at) for at in range(300)]
    web.hosts.behaviours["web1"] = Behaviour(output=tuple(pieces))
    run_id = await web.run(command(targets="web1"))
    whole = b"".join(data for _, data in pieces)
    got, last_id = b"", "0"
    while len(got) < len(whole):
        # Cut off after every few events, also in the middle of a chunk.
        async with followed(web, run_id, Last_Event_ID=last_id) as stream:
            for _ in range(7):
                kind, piece = await stream.next()
                if kind == "end":
                    break
                got += piece["text"].encode()
            last_id = stream.last_id
    assert got == whole
    async with followed(web, run_id, query=f"after={last_id}") as stream:
        assert await stream.next() == ("end", {})


async def test_a_reader_that_leaves_is_forgotten(web: Api) -> None:
    web.hosts.behaviours["web1"] = Behaviour(output=((OUT, b"x"),), until=asyncio.Event())
    run_id = (await web.post("/runs", command(targets="web1"))).json()["id"]
    async with followed(web, run_id) as stream:
        await stream.next()
        assert run_id in web.engine.outputs._followers
    assert run_id not in web.engine.outputs._followers


async def test_a_stream_of_an_unknown_run_is_a_plain_problem(web: Api) -> None:
    answer = await web.get("/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/output/stream")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
