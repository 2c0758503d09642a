"""Tests of connections, facts, health and maintenance of hosts against a fake API."""

from __future__ import annotations

import json

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer
from tests.unit.console.test_cli_plans import PLAN, finding, plan


def test_a_connection_test_says_where_the_way_stopped(jobdeck: Jobdeck, api: FakeApi) -> None:
    stopped = finding(
        "web2", "auth_failed", code="AuthenticationFailure", message="web2 does not let us in",
        path=["bastion", "web2"], stopped_at="login", took_ms=1200,
    )  # fmt: skip
    well = finding("web1", path=["web1"], reached_ms=310, took_ms=420, notes=["clock-skew"])
    probing = plan("probe", state="probing")
    api.on("POST", "/plans", answer(probing, 202))
    api.on("GET", f"/plans/{PLAN}", answer({**probing, "state": "ready", "findings": [well, stopped]}))  # fmt: skip

    ended = jobdeck("hosts", "test", "web*", "--as", "ops")

    assert ended.code == 1
    assert ended.out.splitlines() == [
        "HOST  STATE          STOPPED AT  LOGIN AFTER   TOOK  USER    PATH",
        "web1  ✓ ready                          0.31s  0.42s  deploy  web1",
        "web2  ! auth_failed  login                     1.2s          bastion > web2",
        "",
        "web1: ! its clock is wrong  +0 s from the engine's",
        "web2: web2 does not let us in",
    ]
    assert ended.err == "✓ 1 ready  ! 1 auth_failed  \n"
    [sent] = api.sent("POST", "/plans")
    assert (sent["level"], sent["request"]["targets"], sent["request"]["run_as"]) == (
        "probe", "web*", "ops",
    )  # fmt: skip
    assert [item["host"] for item in json.loads(jobdeck("hosts", "test", "all", "--json").out)] == [
        "web1", "web2",
    ]  # fmt: skip
