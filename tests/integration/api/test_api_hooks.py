"""Calls from outside through the API: one slot a delivery, and no way in without the secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.domain.webhooks import signature
from core.storage import runs
from tests.support.api import Api, running_api

SECRET = "K4n-hush-hush"
HOST = {"kind": "host", "name": "h", "spec": {"account": "a"}}
ACCOUNT = {"kind": "account", "name": "a", "spec": {"user": "u"}}
REF = [{"name": "REF", "type": "string", "default": ""}]
JOB = {
    "kind": "job",
    "name": "j",
    "spec": {
        "steps": [{"kind": "command", "name": "c", "command": "x"}],
        "targets": "h",
        "parameters": REF,
    },
}


def schedule(name: str = "s", **more: Any) -> dict[str, Any]:
    hook = {"secret": SECRET, **more.pop("hook", {})}
    spec = {"job": "j", "trigger": {"webhook": hook}, "given": {"REF": "body.ref"}, **more}
    return {"kind": "schedule", "name": name, "spec": spec}


async def call(
    api: Api, id_: str = "m1", body: bytes = b'{"ref": "main"}', name: str = "s", **headers: str
) -> httpx.Response:
    sent_at = str(int(api.engine.clock.now().timestamp()))
    signed = {
        "webhook-id": id_,
        "webhook-timestamp": sent_at,
        "webhook-signature": signature(SECRET, id_, sent_at, body),
        "content-type": "application/json",
    }
    return await api.http.post(f"/api/v1/hooks/{name}", content=body, headers={**signed, **headers})


@pytest.fixture
async def api(home: Path) -> AsyncIterator[Api]:
    async with running_api(home) as api:
        await api.apply(ACCOUNT, HOST, JOB)
        yield api


async def test_a_call_is_one_slot_and_gives_what_the_schedule_asks_for(api: Api) -> None:
    await api.apply(schedule(overlap="parallel", overlap_max=9))

    first, again, other = await call(api), await call(api), await call(api, "m2")
    await api.engine.schedules.tick()

    assert (first.status_code, first.json()["verdict"]) == (202, "due")
    assert first.json()["cause"] == "delivery m1"
    assert again.json()["slot"] == first.json()["slot"] != other.json()["slot"]
    rows = (await api.get("/schedules/s/fires")).json()["items"]
    assert [(row["cause"], row["verdict"]) for row in rows] == [
        ("delivery m2", "started"),
        ("delivery m1", "started"),
    ]
    run_id = rows[0]["run_id"]
    read = api.engine.store.reader.read
    assert (await read(lambda c: runs.definition_of(c, run_id))).parameters == {"REF": "main"}
    for row in rows:
        await api.ended(row["run_id"])


async def test_who_does_not_know_the_secret_learns_nothing(api: Api) -> None:
    timed = {"kind": "schedule", "name": "t", "spec": {"job": "j", "trigger": {"every_s": 60}}}
    await api.apply(schedule(), timed)

    answers = [
        await call(api, name="nobody"),
        await call(api, name="t"),
        await call(api, **{"webhook-signature": "v1,AAAA"}),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["code"] == "hook-refused"
    assert (await api.get("/schedules/s/fires")).json()["items"] == []
    shown = await api.get("/documents/schedule/s")
    assert SECRET not in shown.text


@pytest.mark.parametrize(
    ("more", "body", "status", "code"),
    [
        ({"hook": {"max_bytes": 4}}, b'{"ref": 1}', 413, "body-too-large"),
        ({}, b"x" * (1024 * 1024 + 1), 413, "body-too-large"),
        ({}, b"ref=main", 400, "malformed-json"),
        ({"enabled": False}, b"{}", 409, "conflict"),
        ({"begins": "2999-01-01T00:00:00Z"}, b"{}", 409, "conflict"),
    ],
)
async def test_what_cannot_be_taken_says_why_and_leaves_no_slot(
    api: Api, more: dict[str, Any], body: bytes, status: int, code: str
) -> None:
    await api.apply(schedule(**more))

    answer = await call(api, body=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await api.get("/schedules/s/fires")).json()["items"] == []


async def test_more_calls_than_a_minute_takes_are_told_when_to_come_again(api: Api) -> None:
    await api.apply(schedule(hook={"per_minute": 2}))

    answers = [await call(api, id_) for id_ in ("a", "b", "c", "a")]

    assert [answer.status_code for answer in answers] == [202, 202, 429, 202]
    assert "again in" in answers[2].json()["hint"]


async def test_a_call_that_does_not_say_what_is_asked_for_has_a_slot_that_was_refused(
    api: Api,
) -> None:
    await api.apply(schedule())

    answer = await call(api, body=b'{"branch": "main"}')

    assert (answer.status_code, answer.json()["verdict"]) == (202, "refused")
    assert "ref" in answer.json()["reason"]
