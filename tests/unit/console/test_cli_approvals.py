"""`jobdeck approvals`: what is shown, what is sent, and what is refused before anything is asked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem

ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"
AT = "2026-01-31T11:00:00.000000Z"
VOTES = f"/approvals/{ID}/votes"


def approval(**changes: Any) -> dict[str, Any]:
    return {
        "id": ID, "run_id": "01JRUN", "state": "open", "title": "migrate", "step": "rule/four-eyes",
        "requester": "req", "message": "migrate: it meets the rule\nstep a on h1: migrate now",
        "opened_at": AT, "approvers": "ann, role dba", "required": "all", "on_timeout": "deny",
        "missing": ["role dba"], "digest": "d1",
        "votes": [{"voter": "ann", "choice": "approve", "at": AT, "comment": "fine"}],
        "form": [{"name": "WINDOW", "type": "string", "required": True}], **changes,
    }  # fmt: skip


@pytest.fixture
def one(api: FakeApi) -> FakeApi:
    api.on("GET", "/approvals", answer({"items": [approval()]}))
    api.on("GET", f"/approvals/{ID}", answer(approval()))
    done = approval(state="approved", missing=[], outputs={"WINDOW": "night"})
    return api.on("POST", VOTES, answer(done))


@pytest.mark.parametrize(
    ("flags", "asked"),
    [
        ((), {"state": ["open"], "limit": ["30"]}),
        (("--mine",), {"mine": ["true"], "limit": ["30"]}),
        (("--all", "--run", "01JRUN"), {"run": ["01JRUN"], "limit": ["30"]}),
        (("--state", "denied", "--limit", "5"), {"state": ["denied"], "limit": ["5"]}),
    ],
)
def test_a_list_asks_for_what_is_wanted(
    one: FakeApi, jobdeck: Jobdeck, flags: tuple[str, ...], asked: dict[str, list[str]]
) -> None:
    ended = jobdeck("approvals", "list", *flags)
    assert ended.code == 0
    assert one.asked("/approvals") == asked
    assert ID[:12] in ended.out
    assert "◦ waits" in ended.out


def test_nothing_that_waits_is_said(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("GET", "/approvals", answer({"items": []}))
    assert "nothing waits for approval" in jobdeck("approvals", "list").out


def test_one_is_shown_with_everything_before_a_vote(one: FakeApi, jobdeck: Jobdeck) -> None:
    shown = jobdeck("approvals", "show", ID).out
    for text in (
        "step a on h1: migrate now",
        "ann, role dba",
        "all of them",
        "WINDOW: string, required",
        "approves  ann",
        f"jobdeck approvals approve {ID} --form WINDOW=…",
    ):
        assert text in shown


def test_who_may_not_vote_reads_why(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("GET", f"/approvals/{ID}", answer(approval(refusal="req asked for it")))
    shown = jobdeck("approvals", "show", ID).out
    assert "req asked for it" in shown
    assert "jobdeck approvals approve" not in shown


def test_a_vote_is_of_what_was_seen_and_sent_under_one_key(one: FakeApi, jobdeck: Jobdeck) -> None:
    ended = jobdeck("approvals", "approve", "last", "--reason", "ok", "--form", "WINDOW=night")
    assert (ended.code, ended.err.strip()) == (0, "✓ approved")
    assert one.sent("POST", VOTES) == [
        {"choice": "approve", "comment": "ok", "form": {"WINDOW": "night"}, "digest": "d1"}
    ]
    assert one.requests[-1].headers["Idempotency-Key"]


def test_a_deny_says_why_or_nothing_is_sent(one: FakeApi, jobdeck: Jobdeck) -> None:
    refused = jobdeck("approvals", "deny", ID)
    assert (refused.code, one.requests) == (2, [])
    assert "--reason: it is missing" in refused.err
    jobdeck("approvals", "deny", ID, "--reason", "no")
    assert one.sent("POST", VOTES)[0]["comment"] == "no"


def test_a_decided_one_is_a_conflict(one: FakeApi, jobdeck: Jobdeck) -> None:
    one.on("POST", VOTES, problem(409, "already-decided", "this approval is already decided"))
    ended = jobdeck("approvals", "approve", ID)
    assert ended.code == 4
    assert "already decided" in ended.err


def test_flags_that_exclude_each_other_are_refused(one: FakeApi, jobdeck: Jobdeck) -> None:
    assert jobdeck("approvals", "list", "--mine", "--all").code == 2
    assert "did you mean open?" in jobdeck("approvals", "list", "--state", "opne").err
    assert one.requests == []


def test_last_where_nothing_waits_is_not_found(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("GET", "/approvals", answer({"items": []}))
    ended = jobdeck("approvals", "approve", "last")
    assert ended.code == 2
    assert "'last' does not exist" in ended.err
