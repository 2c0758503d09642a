"""Files of real web servers: cut, gone on with, changed meanwhile; and never a mix of two."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.domain.run import TargetCode, TargetState
from core.domain.steps import Given
from core.domain.steps.files import WebFile
from core.executors.files import downloading
from core.executors.files.downloading import download
from core.executors.http import HttpExecutor
from core.executors.protocol import Login, Outcome, Target, Work
from core.executors.stopping import StopSignal
from tests.support.webserver import Reply, WebServer

DATA = os.urandom(3_000_000)
OTHER = os.urandom(2_000_000)
TAG = {"ETag": '"v1"'}


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "_PAUSES_S", (0.0, 0.0))


@pytest.fixture
async def executor() -> AsyncIterator[HttpExecutor]:
    made = HttpExecutor(SystemClock())
    yield made
    await made.close()


async def fetched(executor: HttpExecutor, web: WebServer, place: Path, data: bytes) -> Outcome:
    """How it went to bring `/x` to `place`, where it must be `data`."""
    file = WebFile(url=web.url("/x"), sha256=hashlib.sha256(data).hexdigest())
    what = file.download(Given(script=None, env={}))
    target = Target(host="web1", address="w", login=Login(user=""), networks=("127.0.0.0/8",))
    work = Work(attempt_id="attempt-1", task=what.request)
    return await download(executor, what, target, place, work, StopSignal())


def asked(web: WebServer) -> list[str | None]:
    return [request.headers.get("Range") for request in web.received]


async def test_what_broke_off_is_gone_on_with_at_the_byte(
    executor: HttpExecutor, web: WebServer, home: Path
) -> None:
    cuts = [Reply(body=DATA, headers=TAG, ranges=True, cut_at=at) for at in (900_000, 5, 700_001)]
    web.serve("/x", *cuts, Reply(body=DATA, headers=TAG, ranges=True))

    outcome = await fetched(executor, web, home / "x", DATA)

    assert outcome.state is TargetState.SUCCESS, outcome
    assert (home / "x").read_bytes() == DATA
    assert asked(web) == [None, "bytes=900000-", "bytes=900005-", "bytes=1600006-"]
    assert {request.headers["If-Range"] for request in web.received[1:]} == {'"v1"'}


async def test_another_version_is_fetched_from_its_beginning(
    executor: HttpExecutor, web: WebServer, home: Path
) -> None:
    web.serve(
        "/x",
        Reply(body=DATA, headers=TAG, ranges=True, cut_at=1_000_000),
        Reply(body=OTHER, headers={"ETag": '"v2"'}, ranges=True, cut_at=500_000),
        Reply(body=OTHER, headers={"ETag": '"v2"'}, ranges=True),
    )

    outcome = await fetched(executor, web, home / "x", OTHER)

    assert outcome.state is TargetState.SUCCESS, outcome
    assert (home / "x").read_bytes() == OTHER
    assert asked(web) == [None, "bytes=1000000-", "bytes=500000-"]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"v1"'}, {"Last-Modified": "yesterday"}])
async def test_without_a_tag_that_holds_it_begins_anew(
    executor: HttpExecutor, web: WebServer, home: Path, headers: dict[str, str]
) -> None:
    whole = Reply(body=DATA, headers=headers, ranges=True)
    web.serve("/x", Reply(body=DATA, headers=headers, ranges=True, cut_at=1_000_000), whole)

    outcome = await fetched(executor, web, home / "x", DATA)

    assert outcome.state is TargetState.SUCCESS
    assert asked(web) == [None, None]


async def test_a_part_that_nobody_asked_for_is_not_taken_for_the_file(
    executor: HttpExecutor, web: WebServer, home: Path
) -> None:
    part = {**TAG, "Content-Range": "bytes 7-9/3000000"}
    web.serve(
        "/x",
        Reply(206, body=b"???", headers=part),
        Reply(body=DATA, headers=TAG, cut_at=1_000_000),
        Reply(206, body=b"???", headers=part),
        Reply(body=DATA, headers=TAG),
    )

    outcome = await fetched(executor, web, home / "x", DATA)

    assert outcome.state is TargetState.SUCCESS, outcome
    assert (home / "x").read_bytes() == DATA
    assert asked(web) == [None, None, "bytes=1000000-", None]


async def test_a_server_that_brings_nothing_is_asked_three_times(
    executor: HttpExecutor, web: WebServer, home: Path
) -> None:
    web.serve("/x", Reply(drop=True))

    outcome = await fetched(executor, web, home / "x", DATA)

    assert outcome.code is TargetCode.CONNECTION_FAILURE
    assert len(web.received) == 3


async def test_a_tag_that_lies_is_found_out_by_the_digest(
    executor: HttpExecutor, web: WebServer, home: Path
) -> None:
    web.serve(
        "/x",
        Reply(body=DATA, headers=TAG, ranges=True, cut_at=1_000_000),
        Reply(body=OTHER, headers=TAG, ranges=True),
    )

    outcome = await fetched(executor, web, home / "x", DATA)

    assert outcome.state is TargetState.CHECKSUM_MISMATCH
    assert "it was sent to no host" in outcome.message
