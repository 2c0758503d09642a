"""HTTP steps in runs: per target or once, their outputs, their secrets, a lost engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.domain.documents import parse
from core.domain.run import RunState, TargetCode, TargetState
from core.errors import Invalid
from core.executors.protocol import Target, Work
from core.executors.scripted import Behaviour, ScriptedExecutor
from tests.support.runtime import (
    abandon,
    arrived,
    assert_nowhere,
    crashing,
    ended,
    engine,
    job,
    save,
    start,
    step,
    targets_of,
    well,
)
from tests.support.waiting import eventually
from tests.support.webserver import Reply, WebServer, json_reply

HOSTS: list[dict[str, Any]] = [
    {"kind": "host", "name": f"web{number}", "spec": {"address": f"127.0.0.{number}"}}
    for number in (1, 2)
]
LOCALLY = {"http_networks": ("127.0.0.0/8",)}


def http(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "http", "name": name, **more}


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


async def test_each_target_is_asked_at_its_own_address_without_an_account(
    home: Path, web: WebServer
) -> None:
    web.serve("/web1", Reply(body=b"ok"))
    web.serve("/web2", Reply(503))
    url = f"http://${{JOBDECK_ADDRESS}}:{web.port}/${{JOBDECK_HOST}}"
    async with engine(home) as (opened, _):
        await save(opened, *HOSTS)
        run = await ended(opened, (await start(opened, step=http("check", url=url, tries=1))).id)
        by_host = {row.host: row for row in await targets_of(opened, run.id)}
    assert run.state is RunState.PARTIALLY_SUCCEEDED
    assert by_host["web1"].state is TargetState.SUCCESS
    # Nothing listens on the second address; that is its own answer.
    assert by_host["web2"].code == TargetCode.CONNECTION_FAILURE


async def test_what_is_captured_reaches_the_next_step(home: Path, web: WebServer) -> None:
    web.serve("/leader", json_reply({"leader": {"id": "n7"}}))
    seen: list[str] = []

    def script(target: Target, work: Work | None) -> Behaviour:
        if work is not None:
            seen.append(work.env["LEADER"])
        return well(target, work)

    ask = http(
        "ask", url=web.url("/leader"), once=True, capture={"LEADER": {"json_path": "$.leader.id"}}
    )
    account = {"kind": "account", "name": "deploy", "spec": {"user": "deploy"}}
    host = {"kind": "host", "name": "h1", "spec": {"account": "deploy"}}
    async with engine(home, script, **LOCALLY) as (opened, _):
        await save(opened, account, host, job("j", ask, step("use")))
        run = await ended(opened, (await start(opened, job="j", targets=None)).id)
        asked = await targets_of(opened, run.id, step="ask")
    assert run.state is RunState.SUCCEEDED
    assert [row.host for row in asked] == ["(engine)"]
    assert seen == ["n7"]


async def test_a_secret_travels_in_a_header_and_comes_back_masked(
    home: Path, web: WebServer
) -> None:
    secret = "tok-8dJ2xQ"
    web.serve("/echo", Reply(401, f"bad token {secret}".encode(), {"X-Saw": secret}))
    ask = http(
        "ask",
        url=web.url("/echo"),
        once=True,
        headers={"Authorization": "Bearer ${TOKEN}"},
        expect={"status": ["401"], "headers": {"X-Saw": "nothing"}},
    )
    async with engine(home, **LOCALLY) as (opened, _):
        accepted = await start(opened, step=ask, targets=None, secrets={"TOKEN": secret})
        run = await ended(opened, accepted.id)
        (row,) = await targets_of(opened, run.id)
        came = await arrived(opened, run.id)
        shown = b"".join(segment.data for each in came for segment in each.segments)
    assert web.received[0].headers["Authorization"] == f"Bearer {secret}"
    assert b"bad token ***" in shown
    assert row.message == "header X-Saw is ***, expected nothing"
    assert_nowhere(home, secret.encode())


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("http://ann:pw@127.0.0.1/", "`url` holds a login, which would be shown"),
        ("file:///etc/passwd", "does not begin with http:// or https:// and a host"),
        ("http:///x", "does not begin with http:// or https:// and a host"),
    ],
)
async def test_a_base_address_is_judged_once_it_is_known(
    home: Path, base: str, message: str
) -> None:
    async with engine(home, **LOCALLY) as (opened, _):
        ask = http("ask", url="${BASE}", once=True, env={"BASE": base})
        run = await ended(opened, (await start(opened, step=ask, targets=None)).id)
        (row,) = await targets_of(opened, run.id)
    assert row.code == TargetCode.INVALID_OPTIONS
    assert message in row.message


async def test_a_value_that_is_missing_is_said_and_nothing_is_sent(
    home: Path, web: WebServer
) -> None:
    async with engine(home, **LOCALLY) as (opened, _):
        ask = http("ask", url=web.url("/${NONE}"), once=True)
        run = await ended(opened, (await start(opened, step=ask, targets=None)).id)
        (row,) = await targets_of(opened, run.id)
    assert (row.code, row.message) == (
        TargetCode.INVALID_OPTIONS,
        "${NONE} has no value here",
    )
    assert web.received == []


@pytest.mark.parametrize(
    ("method", "sent", "state"),
    [("POST", 1, TargetState.UNKNOWN), ("GET", 2, TargetState.SUCCESS)],
)
async def test_an_engine_that_is_lost_in_the_middle_repeats_only_what_may_be_repeated(
    home: Path, web: WebServer, method: str, sent: int, state: TargetState
) -> None:
    web.serve("/", Reply(delay_s=30), Reply(body=b"ok"))
    lost = await crashing(home, ScriptedExecutor(well), **LOCALLY)
    ask = http("ask", url=web.url("/"), once=True, method=method)
    accepted = await start(lost, step=ask, targets=None)
    await eventually(lambda: bool(web.received))
    await abandon(lost)
    async with engine(home, **LOCALLY) as (opened, _):
        run = await ended(opened, accepted.id)
        (row,) = await targets_of(opened, run.id)
    assert row.state is state
    assert len(web.received) == sent


async def test_the_engine_repeats_under_the_same_key(home: Path, web: WebServer) -> None:
    web.serve("/", Reply(delay_s=30), Reply(body=b"ok"))
    lost = await crashing(home, ScriptedExecutor(well), **LOCALLY)
    ask = http("ask", url=web.url("/"), once=True, method="POST", idempotent=True)
    accepted = await start(lost, step=ask, targets=None)
    await eventually(lambda: bool(web.received))
    await abandon(lost)
    async with engine(home, **LOCALLY) as (opened, _):
        run = await ended(opened, accepted.id)
    assert run.state is RunState.SUCCEEDED
    assert list(web.keys.values()) == [2]


@pytest.mark.parametrize(
    ("spec", "where", "what"),
    [
        ({"url": "ftp://x"}, "step", "`url` must begin with http:// or https://"),
        ({"url": "http://x/${a b}"}, "step.url", "names no variable"),
        ({"url": "http://x", "text": "a", "data": 1}, "step", "give one body"),
        ({"url": "http://x", "text": "a"}, "step", "a GET request has no body; drop `text`"),
        ({"url": "http://x", "expect": {"status": ["2x"]}}, "step.expect", "give a status as 200"),
        (
            {"url": "http://x", "expect": {"json_paths": {"$.a[": 1}}},
            "step.expect",
            "not a JSONPath",
        ),
        ({"url": "http://x", "execution": "detached"}, "step", "drop `execution`"),
        ({"url": "http://x", "once": True, "targets": "all"}, "step", "there are no targets"),
        ({"url": "https://x", "ca": "mine"}, "step.ca", "give certificates in PEM"),
        ({"url": "https://x", "ca": ""}, "step.ca", "give certificates in PEM"),
        ({"url": "http://x", "capture": {"A": {}}}, "step.capture", "one of the three"),
    ],
)
def test_a_bad_step_is_refused_with_its_place(spec: dict[str, Any], where: str, what: str) -> None:
    body = {"kind": "job", "name": "j", "spec": {"steps": [http("ask", method="GET", **spec)]}}
    with pytest.raises(Invalid) as caught:
        parse(body)
    (problem,) = caught.value.problems
    assert what in problem.what
    assert where.removeprefix("step") in problem.where


def test_a_status_may_be_written_as_a_number() -> None:
    spec = http("ask", method="GET", url="http://x", expect={"status": [204, "3xx"]})
    body = {"kind": "job", "name": "j", "spec": {"steps": [spec]}}
    step = parse(body).spec.steps[0]
    assert step.expect.status == ("204", "3xx")


async def test_an_account_logs_in_per_target_or_once_and_its_token_is_masked(
    home: Path, web: WebServer
) -> None:
    web.serve("/", Reply(body=b"you are t0ken-of-api"))
    account = {"kind": "account", "name": "api", "spec": {"token": "t0ken-of-api"}}
    auth = {"kind": "bearer", "unencrypted": True}
    async with engine(home, **LOCALLY) as (opened, _):
        await save(opened, account, *HOSTS)
        check = http("check", url=web.url(), auth=auth, once=True, run_as="api")
        run = await ended(opened, (await start(opened, step=check)).id)
        assert run.state is RunState.SUCCEEDED
        assert_nowhere(home, b"t0ken-of-api")
        with pytest.raises(Invalid, match="no account"):
            await start(opened, step=http("check", url=web.url(), auth=auth))
        basic = {**auth, "kind": "basic"}
        with pytest.raises(Invalid, match="account api has no user"):
            await start(opened, step=http("check", url=web.url(), auth=basic, run_as="api"))
    (received,) = web.received
    assert received.headers["Authorization"] == "Bearer t0ken-of-api"


async def test_a_token_that_stays_outside_is_read_for_each_run_and_masked(
    home: Path, web: WebServer
) -> None:
    web.serve("/", Reply(body=b"one t0ken-one, two t0ken-two"))
    place = home.parent / f"{home.name}.token"
    account = {"kind": "account", "name": "api", "spec": {"token": {"file": str(place)}}}
    check = http(
        "check",
        url=web.url(),
        auth={"kind": "bearer", "unencrypted": True},
        once=True,
        run_as="api",
    )
    try:
        async with engine(home, **LOCALLY, secret_sources=("file",)) as (opened, _):
            await save(opened, account)
            for token in ("t0ken-one", "t0ken-two"):
                place.write_text(f"{token}\n")
                run = await ended(opened, (await start(opened, step=check)).id)
                assert run.state is RunState.SUCCEEDED
            place.unlink()
            run = await ended(opened, (await start(opened, step=check)).id)
            (row,) = await targets_of(opened, run.id)
            assert (run.state, row.code) == (RunState.FAILED, TargetCode.DISPATCH_FAILURE)
            assert f"{place} cannot be read" in row.message
    finally:
        place.unlink(missing_ok=True)
    sent = [received.headers["Authorization"] for received in web.received]
    assert sent == ["Bearer t0ken-one", "Bearer t0ken-two"]
