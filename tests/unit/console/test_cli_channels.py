"""`jobdeck channels`: what is shown, and what a test says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem

AT = "2026-01-31T11:00:00.000000Z"


def channel(**changes: Any) -> dict[str, Any]:
    return {
        "name": "ops", "way": "webhook", "enabled": True, "wants": ["run-ended"],
        "waiting": 1, "sending": 2, "last_sent_at": AT, **changes,
    }  # fmt: skip


def notice(**changes: Any) -> dict[str, Any]:
    return {"id": "01N", "channel": "ops", "state": "sent", "subject": "t: failed", "at": AT,
            **changes}  # fmt: skip


def test_a_list_shows_what_waits_and_why_one_fails(api: FakeApi, jobdeck: Jobdeck) -> None:
    failing = channel(name="mail", error="no route")
    api.on("GET", "/channels", answer([channel(), failing, channel(name="x", enabled=False)]))
    shown = jobdeck("channels", "list").out.splitlines()
    assert shown[1].split()[:4] == ["ops", "on", "webhook", "3"]
    assert shown[1].endswith("run-ended")
    assert shown[2].split()[:2] == ["mail", "failing"]
    assert shown[2].endswith("no route")
    assert shown[3].split()[:2] == ["x", "off"]


def test_no_channel_says_where_to_read(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("GET", "/channels", answer([]))
    assert "`jobdeck help notices`" in jobdeck("channels", "list").out


@pytest.mark.parametrize(
    ("flags", "asked"),
    [
        ((), {"limit": ["30"]}),
        (("ops", "--state", "sent", "--limit", "5"),
         {"channel": ["ops"], "state": ["sent"], "limit": ["5"]}),
    ],
)  # fmt: skip
def test_the_outbox_asks_for_what_is_wanted(
    api: FakeApi, jobdeck: Jobdeck, flags: tuple[str, ...], asked: dict[str, list[str]]
) -> None:
    items = [notice(), notice(state="sending", error="status 500")]
    api.on("GET", "/channels/outbox", answer({"items": items}))
    ended = jobdeck("channels", "outbox", *flags)
    assert api.asked("/channels/outbox") == asked
    assert "✓ sent" in ended.out
    assert "t: failed  (status 500)" in ended.out


def test_a_test_ends_with_what_came_of_it(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("POST", "/channels/ops/test", answer({"channel": "ops", "message": "01M"}))
    ended = jobdeck("channels", "test", "ops")
    assert (ended.code, ended.err.strip()) == (0, "ops has taken the message")
    api.on("POST", "/channels/ops/test", problem(502, "undelivered", "the server refused it"))
    refused = jobdeck("channels", "test", "ops")
    assert refused.code == 1
    assert "the server refused it" in refused.err


def test_a_state_that_does_not_exist_is_refused(api: FakeApi, jobdeck: Jobdeck) -> None:
    refused = jobdeck("channels", "outbox", "--state", "snt")
    assert (refused.code, api.requests) == (2, [])
    assert "did you mean sent?" in refused.err
