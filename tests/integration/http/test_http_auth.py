"""HTTP logins against real servers: what is shown to whom, and what is never shown."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from core.clock import ManualClock
from core.domain.run import TargetCode, TargetState
from core.domain.steps import Given, HttpStep
from core.executors.http import HttpExecutor, repeating
from core.executors.protocol import Login, Outcome, Target, Work
from core.executors.stopping import StopSignal
from tests.support.certificates import Authority
from tests.support.webserver import Reply, WebServer, json_reply
from tests.support.work import MemorySink

USER = Login(user="ada", password="s3cret/é:", token="tok-e/n")


@pytest.fixture
def authority(home: Path) -> Authority:
    return Authority(home)


@pytest.fixture
def web(authority: Authority) -> Iterator[WebServer]:
    with WebServer(authority, "127.0.0.1", asks_for_certificate=True) as server:
        yield server


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def executor(clock: ManualClock) -> AsyncIterator[HttpExecutor]:
    made = HttpExecutor(clock)
    yield made
    await made.close()


async def ask(
    executor: HttpExecutor,
    web: WebServer,
    authority: Authority,
    auth: Mapping[str, Any],
    login: Login = USER,
    sink: MemorySink | None = None,
    **spec: Any,
) -> Outcome:
    raw = {"kind": "http", "name": "main", "url": web.url("/"), "ca": authority.pem, "tries": 1}
    step = HttpStep.model_validate({**raw, "auth": auth, **spec})
    target = Target(host="web1", address="w", login=login, networks=("127.0.0.0/8",))
    work = Work(attempt_id="attempt-1", task=step.task(Given(script=None, env={})))
    async with executor.open(target) as session:
        return await session.run(work, sink or MemorySink(), StopSignal())


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (
            {"kind": "basic"},
            "Authorization",
            "Basic " + base64.b64encode("ada:s3cret/é:".encode()).decode(),
        ),
        ({"kind": "bearer"}, "Authorization", "Bearer tok-e/n"),
        ({"kind": "api-key"}, "X-API-Key", "tok-e/n"),
        ({"kind": "api-key", "header": "Private-Token"}, "Private-Token", "tok-e/n"),
    ],
)
async def test_an_account_proves_itself_in_a_header_and_not_to_another_server(
    executor: HttpExecutor,
    web: WebServer,
    authority: Authority,
    auth: dict[str, Any],
    header: str,
    value: str,
) -> None:
    with WebServer(authority, "127.0.0.1") as other:
        other.serve("/there", Reply(200))
        web.serve("/", Reply(307, headers={"Location": "/here"}))
        web.serve("/here", Reply(307, headers={"Location": other.url("/there")}))
        outcome = await ask(executor, web, authority, auth)
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert [received.headers[header] for received in web.received] == [value, value]
    (elsewhere,) = other.received
    assert header not in elsewhere.headers


@pytest.mark.parametrize("passphrase", [None, "of the key"])
async def test_a_certificate_is_shown_to_its_server_and_to_no_other(
    executor: HttpExecutor, web: WebServer, authority: Authority, passphrase: str | None
) -> None:
    certificate, key = authority.issue("client-7", passphrase)
    login = Login(
        user="", tls_certificate=certificate, tls_key=key, tls_passphrase=passphrase, token="t"
    )
    with WebServer(authority, "127.0.0.1", asks_for_certificate=True) as other:
        other.serve("/", Reply(200))
        web.serve("/", Reply(307, headers={"Location": other.url("/")}))
        outcome = await ask(executor, web, authority, {"kind": "certificate"}, login)
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert [received.peer for received in (*web.received, *other.received)] == ["client-7", ""]


@pytest.mark.parametrize(
    ("passphrase", "key_of", "says"),
    [
        ("wrong", "client-7", "`tls_key` cannot be opened with `tls_passphrase`"),
        ("right", "another", "`tls_key` is not the key of `tls_certificate`"),
    ],
)
async def test_a_key_that_does_not_fit_is_said_without_being_shown(
    executor: HttpExecutor,
    web: WebServer,
    authority: Authority,
    passphrase: str,
    key_of: str,
    says: str,
) -> None:
    certificate, key = authority.issue("client-7", "right")
    if key_of != "client-7":
        _, key = authority.issue(key_of, "right")
    login = Login(user="", tls_certificate=certificate, tls_key=key, tls_passphrase=passphrase)
    outcome = await ask(executor, web, authority, {"kind": "certificate"}, login)
    assert (outcome.state, outcome.code) == (TargetState.SUBMIT_FAILED, TargetCode.INVALID_OPTIONS)
    assert says in outcome.message
    assert web.received == []


def oauth2(web: WebServer, **more: Any) -> dict[str, Any]:
    return {"kind": "oauth2", "token_url": web.url("/token"), "scopes": ["a", "b c"], **more}


async def test_a_token_is_got_once_hidden_and_got_anew_when_it_expires(
    executor: HttpExecutor, clock: ManualClock, web: WebServer, authority: Authority
) -> None:
    web.serve(
        "/token",
        json_reply({"access_token": "first-token", "token_type": "bearer", "expires_in": 600}),
        json_reply({"access_token": "second-token", "expires_in": 600}),
    )
    web.serve("/", json_reply({"you sent": "Bearer first-token"}))
    sink = MemorySink()
    capture = {"SENT": {"json_path": "$['you sent']"}}
    for _ in range(2):
        outcome = await ask(executor, web, authority, oauth2(web), sink=sink, capture=capture)
        assert outcome.state is TargetState.SUCCESS, outcome.message
        assert outcome.outputs_file == b'{"SENT": "Bearer ***"}'
    assert b"first-token" not in sink.out + sink.note
    assert sink.out.count(b"***") == 2
    clock.advance(timedelta(seconds=600))
    await ask(executor, web, authority, oauth2(web))
    asked = [received for received in web.received if received.target == "/token"]
    assert len(asked) == 2
    assert parse_qs(asked[0].body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["a b c"],
    }
    given = base64.b64decode(asked[0].headers["Authorization"].removeprefix("Basic ")).decode()
    assert given == "ada:s3cret%2F%C3%A9%3A"
    sent = [r.headers["Authorization"] for r in web.received if r.target == "/"]
    assert sent == ["Bearer first-token", "Bearer first-token", "Bearer second-token"]


async def test_a_token_server_that_is_busy_or_cut_is_asked_again_as_often_as_the_step_says(
    executor: HttpExecutor,
    web: WebServer,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(repeating, "PAUSE_S", 0.0)
    granted = json_reply({"access_token": "first-token"})
    web.serve("/token", Reply(503), Reply(drop=True), Reply(502), granted)
    web.serve("/", Reply(200, b"done"))
    sink = MemorySink()

    early = await ask(executor, web, authority, oauth2(web), sink=sink, tries=3, method="POST")
    well = await ask(executor, web, authority, oauth2(web), tries=3, method="POST")
    web.serve("/token", Reply(400))
    refused = await ask(executor, web, authority, oauth2(web, audience="x"), tries=3)

    assert (early.code, "gives no token: status 502" in early.message) == (
        TargetCode.UNAUTHORIZED,
        True,
    )
    assert sink.note.count(b"trying again") == 2
    assert well.state is TargetState.SUCCESS
    assert "status 400" in refused.message
    asked = [received.target for received in web.received]
    assert asked == ["/token"] * 4 + ["/", "/token"], "what is refused is not asked for again"


async def test_a_kept_token_that_is_refused_is_got_anew_once(
    executor: HttpExecutor, web: WebServer, authority: Authority
) -> None:
    web.serve(
        "/token",
        json_reply({"access_token": "first-token"}),
        json_reply({"access_token": "second-token"}),
    )
    web.serve("/", Reply(200), Reply(401, b"who?"), Reply(200, b"done"), Reply(401), Reply(401))
    auth = oauth2(web, in_body=True, audience="api")
    sink = MemorySink()
    for _ in range(2):
        outcome = await ask(executor, web, authority, auth, sink=sink, method="POST")
        assert outcome.state is TargetState.SUCCESS, outcome.message
    assert sink.out == b"done"
    assert b"the kept token is refused" in sink.note
    asked = [parse_qs(r.body.decode()) for r in web.received if r.target == "/token"]
    assert [form["client_secret"] for form in asked] == [["s3cret/é:"]] * 2
    assert asked[0]["audience"] == ["api"]
    refused = await ask(executor, web, authority, auth, method="POST")
    assert (refused.state, refused.message) == (TargetState.FAILED, "status 401, expected 2xx")
    assert len([r for r in web.received if r.target == "/"]) == 5


async def test_many_targets_at_once_get_one_token(
    executor: HttpExecutor, web: WebServer, authority: Authority
) -> None:
    web.serve("/token", json_reply({"access_token": "first-token"}))
    web.serve("/", Reply(200))
    asking = (ask(executor, web, authority, oauth2(web)) for _ in range(5))
    outcomes = await asyncio.gather(*asking)
    assert {outcome.state for outcome in outcomes} == {TargetState.SUCCESS}
    assert sum(received.target == "/token" for received in web.received) == 1


async def test_where_a_refused_token_cannot_be_renewed_the_request_did_nothing(
    executor: HttpExecutor, web: WebServer, authority: Authority
) -> None:
    web.serve("/token", json_reply({"access_token": "first-token"}), Reply(500))
    web.serve("/", Reply(200), Reply(401))
    await ask(executor, web, authority, oauth2(web), method="POST")
    outcome = await ask(executor, web, authority, oauth2(web), method="POST")
    assert (outcome.state, outcome.code) == (TargetState.SUBMIT_FAILED, TargetCode.UNAUTHORIZED)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(401, b'{"error": "invalid_client"}'), "status 401, invalid_client"),
        (Reply(400, b"s3cret/ is wrong"), "status 400"),
        (json_reply({"token": "x"}), "its answer holds none"),
        (json_reply({"access_token": "x", "token_type": "mac"}), "no bearer token"),
    ],
)
async def test_where_no_token_comes_nothing_is_sent_and_no_secret_is_said(
    executor: HttpExecutor, web: WebServer, authority: Authority, reply: Reply, says: str
) -> None:
    web.serve("/token", reply)
    sink = MemorySink()
    outcome = await ask(executor, web, authority, oauth2(web), sink=sink)
    assert outcome.code is TargetCode.UNAUTHORIZED
    assert says in outcome.message
    assert "s3cret" not in outcome.message
    assert [received.target for received in web.received] == ["/token"]
