"""Approvals through the API: what waits for whom, votes, and refusals that change nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from core.domain.approval import ApprovalSpec
from core.domain.authorization import Actor
from core.storage.approvals import ApprovalPlace, ApprovalRow
from tests.support.api import Api, command, host, running_api


def _by_header(request: Request) -> Actor:
    """Stands in for users, of whom the engine's socket has one: a test says who asks."""
    return Actor(request.headers.get("X-Test-Actor", "ada"))


@pytest.fixture
async def people(home: Path) -> AsyncIterator[Api]:
    async with running_api(home / "j", actor=_by_header) as running:
        await running.apply(host("h"))
        yield running


async def asked(api: Api, step: str = "gate", requester: str = "ada", **spec: Any) -> ApprovalRow:
    run_id = await api.run(command(targets="h"))
    wanted = ApprovalSpec.model_validate({"message": "restart db?", **spec})
    return await api.engine.approvals.open(
        ApprovalPlace(run_id=run_id, step=step),
        wanted,
        message=wanted.message,
        requester=requester,
        digest="d1",
    )


def as_(name: str) -> dict[str, Any]:
    return {"headers": {"X-Test-Actor": name}}


async def test_what_waits_for_whom(people: Api) -> None:
    first = await asked(people, approvers={"users": ["bob"]}, timeout_s=3600)
    second = await asked(people, requester="cy")
    await people.post(f"/approvals/{second.id}/votes", {"choice": "approve"}, **as_("dan"))

    everything = (await people.get("/approvals")).json()["items"]
    of_bob = (await people.get("/approvals?mine=true", **as_("bob"))).json()["items"]
    of_ada = (await people.get("/approvals?mine=true")).json()["items"]
    of_run = (await people.get(f"/approvals?run={first.run_id[:12]}")).json()["items"]
    open_ = (await people.get("/approvals?state=open")).json()["items"]

    assert [each["id"] for each in everything] == [second.id, first.id]
    assert [each["id"] for each in of_bob] == [first.id]
    assert of_ada == []
    assert [each["id"] for each in of_run] == [each["id"] for each in open_] == [first.id]
    assert open_[0]["missing"] == ["1 of bob"]
    assert open_[0]["refusal"] == (
        "ada asked for it; whoever asked may not approve or deny it (somebody else decides)"
    )


async def test_pages_neither_skip_nor_repeat(people: Api) -> None:
    ids = [(await asked(people)).id for _ in range(3)][::-1]
    page = (await people.get("/approvals?limit=2")).json()
    rest = (await people.get(f"/approvals?limit=2&cursor={page['next_cursor']}")).json()
    assert [each["id"] for each in (*page["items"], *rest["items"])] == ids
    assert rest["next_cursor"] is None


async def test_a_vote_is_answered_with_how_it_stands(people: Api) -> None:
    form = [{"name": "WINDOW", "required": True}]
    row = await asked(people, form=form, approvers={"users": ["bob", "cy"]}, required="all")
    path = f"/approvals/{row.id[:12]}/votes"
    first = await people.post(path, {"choice": "approve", "form": {"WINDOW": "now"}}, **as_("bob"))
    assert (first.json()["state"], first.json()["missing"]) == ("open", ["cy"])
    assert first.json()["refusal"] == "bob has voted on it already (a vote is never changed)"

    last = (await people.post(path, {"choice": "approve"}, **as_("cy"))).json()
    assert (last["state"], last["outputs"]) == ("approved", {"WINDOW": "now"})
    assert [each["voter"] for each in last["votes"]] == ["bob", "cy"]
    assert (await people.get(f"/approvals/{row.id}", **as_("cy"))).json() == last


async def test_refusals_have_a_code_and_change_nothing(people: Api) -> None:
    row = await asked(people, approvers={"users": ["bob", "ada"]})
    path = f"/approvals/{row.id}/votes"
    before = people.journal_end
    for who, body, status, code in (
        ("ada", {"choice": "approve"}, 403, "forbidden"),
        ("eve", {"choice": "approve"}, 403, "forbidden"),
        ("bob", {"choice": "deny"}, 422, "invalid"),
        ("bob", {"choice": "maybe"}, 422, "invalid"),
        ("bob", {"choice": "approve", "form": {"X": 1}}, 422, "invalid"),
        ("bob", {"choice": "approve", "digest": "d0"}, 409, "conflict"),
    ):
        answer = await people.post(path, body, **as_(who))
        assert (answer.status_code, answer.json()["code"]) == (status, code), (who, body)
    assert (await people.get("/approvals/01ABCDEFGH")).status_code == 404
    assert (await people.get("/approvals?run=01ABCDEFGH")).status_code == 404
    assert people.journal_end == before

    denied = await people.post(path, {"choice": "deny", "comment": "no"}, **as_("bob"))
    assert denied.json()["reason"] == "bob: no"
    late = await people.post(path, {"choice": "approve"}, **as_("bob"))
    assert (late.status_code, late.json()["code"]) == (409, "already-decided")


async def test_the_same_vote_with_the_same_key_is_answered_again(people: Api) -> None:
    row = await asked(people, required=2)
    settings = {"headers": {"X-Test-Actor": "bob", "Idempotency-Key": "k1"}}
    path = f"/approvals/{row.id}/votes"
    answers = [await people.post(path, {"choice": "approve"}, **settings) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    again = await people.post(path, {"choice": "approve"}, **as_("bob"))
    assert (again.status_code, again.json()["code"]) == (409, "already-voted")
