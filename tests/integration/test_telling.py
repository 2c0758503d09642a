"""People are told of single nodes, in a real engine: how they ended, and that they take long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import InUse, RequestError
from core.executors.protocol import Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.runtime.engine import Engine
from core.storage import outbox
from tests.support.runtime import (
    INVENTORY,
    abandon,
    crashing,
    ended,
    engine,
    job,
    running,
    save,
    start,
    step,
)
from tests.support.webserver import Reply, WebServer

HERE = {"http_networks": ("127.0.0.0/8",)}


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        server.serve("/hook", Reply(204))
        yield server


def channels(web: WebServer, *names: str) -> list[dict[str, Any]]:
    hook = {"url": web.url("/hook")}
    return [{"kind": "channel", "name": each, "spec": {"webhook": hook}} for each in names]


async def told(opened: Engine, number: int) -> list[tuple[str, str]]:
    """Channel and subject of each notice, oldest first, when there are that many."""
    async with asyncio.timeout(20):
        while True:
            rows = await opened.store.reader.read(lambda c: outbox.list_notices(c, limit=99))
            if len(rows) >= number:
                return sorted((row.channel, row.subject) for row in rows)
            await asyncio.sleep(0.01)


def failing(target: Target, work: Work | None) -> Behaviour:
    return Behaviour(exit_code=1)


async def test_the_last_end_of_a_node_is_told_to_whom_it_names(home: Path, web: WebServer) -> None:
    told_of = {"channels": ["ops", "team"]}
    steps = (
        step("a", retry={"times": 1}, continue_on_error=True, notify={**told_of, "on": ["failed"]}),
        step("b", notify=told_of),
        step("c", notify=told_of),
    )
    async with engine(home, failing, **HERE) as (opened, _):
        await save(opened, *INVENTORY, *channels(web, "ops", "team"))
        await save(opened, job("three", *steps, targets="h1"))
        await ended(opened, (await start(opened, job="three", targets=None)).id)
        assert await told(opened, 2) == [("ops", "three: b failed"), ("team", "three: b failed")]


async def test_a_node_of_a_flow_tells_how_it_ended(home: Path, web: WebServer) -> None:
    nodes = [
        {
            "kind": "wait",
            "name": "w",
            "for_s": 0.01,
            "notify": {"channels": ["ops"], "on": ["succeeded"]},
        }
    ]
    flow = {"kind": "flow", "name": "f", "spec": {"nodes": nodes}}
    async with engine(home, **HERE) as (opened, _):
        await save(opened, *channels(web, "ops"), flow)
        await ended(opened, (await start(opened, flow="f", targets=None)).id)
        assert await told(opened, 1) == [("ops", "f: w succeeded")]


async def test_who_is_told_of_a_node_that_takes_long_is_told_again_and_then_others_are(
    home: Path, web: WebServer
) -> None:
    go = asyncio.Event()
    notify = {
        "channels": ["ops"],
        "remind_after_s": 0.05,
        "escalate_after_s": 0.1,
        "escalate_to": ["chief"],
    }
    executor = ScriptedExecutor(lambda target, work: Behaviour(until=go))
    lost = await crashing(home, executor, **HERE)
    await save(lost, *INVENTORY, *channels(web, "ops", "chief"))
    await save(lost, job("long", step("a", notify=notify), targets="h1"))
    run = await start(lost, job="long", targets=None)
    await running(executor, 1)
    chief, ops = await told(lost, 2)
    assert (chief[0], ops[0]) == ("chief", "ops")
    assert chief[1].startswith("long: a goes on since 20")
    await abandon(lost)
    async with engine(home, hosts=executor, **HERE) as (opened, _):
        go.set()
        await ended(opened, run.id)
        assert len(await told(opened, 2)) == 2, "nobody is told twice, and none of a good end"


async def test_a_channel_that_nodes_name_is_there_and_stays(home: Path, web: WebServer) -> None:
    async with engine(home, **HERE) as (opened, _):
        with pytest.raises(RequestError, match="notify"):
            await save(opened, job("j", step("a", notify={"channels": ["nowhere"]})))
        await save(opened, *channels(web, "ops"))
        await save(opened, job("j", step("a", notify={"channels": ["ops"]})))
        with pytest.raises(InUse):
            await opened.store.writer.write(
                lambda tx: opened.documents.delete(tx, "channel", "ops", "test")
            )
