"""Channels through the API: how each is, the outbox, and test messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.channels.message import Message
from core.domain.channel import ChannelSpec
from core.errors import Undelivered
from tests.support.api import Api, command, host, running_api


class Postbox:
    """Stands in for the far side, which other tests have for real: remembers, or refuses."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.refuses = ""

    async def send(self, spec: ChannelSpec, secrets: dict[str, str], message: Message) -> None:
        if self.refuses:
            raise Undelivered(self.refuses)
        self.taken.append(message)


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
async def told(home: Path, postbox: Postbox) -> AsyncIterator[Api]:
    async with running_api(home / "j") as running:
        running.engine.notices.sending._ways = {"webhook": postbox, "service": postbox}
        await running.apply(host("h"), channel())
        yield running


def channel(name: str = "ops", **spec: Any) -> dict[str, Any]:
    hook = {"url": "https://example.org/", "secret": "hush-hush-1"}
    given = {"webhook": hook, "wants": [{"topic": "run-ended"}], **spec}
    return {"kind": "channel", "name": name, "spec": given}


async def tried(api: Api) -> dict[str, Any]:
    """The one notice, once it was tried."""
    async with asyncio.timeout(20):
        while True:
            items: list[dict[str, Any]] = (await api.get("/channels/outbox")).json()["items"]
            if items and items[0]["tries"]:
                (notice,) = items
                return notice


async def test_a_channel_says_what_went_and_the_outbox_shows_it(
    told: Api, postbox: Postbox
) -> None:
    await told.run(command(targets="h", title="nightly"))
    notice = await tried(told)
    assert (notice["state"], notice["subject"]) == ("sent", "nightly: succeeded")
    assert notice["delivery_id"] == postbox.taken[0].id
    (listed,) = (await told.get("/channels")).json()
    assert listed["last_sent_at"] == notice["sent_at"]
    assert (listed["way"], listed["wants"], listed["waiting"]) == ("webhook", ["run-ended"], 0)
    assert "hush-hush" not in str((await told.get("/documents/channel/ops")).json())


async def test_what_fails_is_counted_with_its_reason(told: Api, postbox: Postbox) -> None:
    postbox.refuses = "status 500"
    await told.run(command(targets="h"))
    notice = await tried(told)
    assert (notice["state"], notice["tries"], notice["error"]) == ("sending", 1, "status 500")
    (listed,) = (await told.get("/channels")).json()
    assert (listed["sending"], listed["error"]) == (1, "status 500")
    waiting = (await told.get("/channels/outbox?state=waiting&channel=ops")).json()
    assert waiting["items"] == []


async def test_a_test_is_answered_with_what_came_of_it(told: Api, postbox: Postbox) -> None:
    tested = await told.post("/channels/ops/test")
    assert tested.json() == {"channel": "ops", "message": postbox.taken[0].id}
    postbox.refuses = "no route"
    refused = await told.post("/channels/ops/test")
    assert (refused.status_code, refused.json()["code"]) == (502, "undelivered")
    assert refused.json()["detail"] == "no route"
    await told.apply(channel(enabled=False))
    assert "is not enabled" in (await told.post("/channels/ops/test")).json()["detail"]


async def test_names_and_references_that_do_not_exist_are_refused(told: Api) -> None:
    before = told.journal_end
    assert (await told.post("/channels/opps/test")).status_code == 404
    assert (await told.get("/channels/outbox?channel=opps")).status_code == 404
    astray = channel(escalate={"to": "nobody"})
    refused = await told.post("/apply", {"documents": [astray]})
    assert "spec.escalate.to" in str(refused.json())
    rule = {"words": ["x"], "level": "review", "approval": {"channels": ["nobody"]}}
    body = {"kind": "command-rule", "name": "r", "spec": rule}
    assert "spec.approval.channels[0]" in str(
        (await told.post("/apply", {"documents": [body]})).json()
    )
    assert told.journal_end == before
