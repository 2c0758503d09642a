"""HTTP requests against a real server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import tracemalloc
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from core.domain import http_rules
from core.domain.run import TargetCode, TargetState
from core.domain.steps import Given, HttpStep
from core.executors.http import HttpExecutor
from core.executors.protocol import Login, Outcome, Target, Work
from core.executors.stopping import StopSignal
from tests.support.certificates import Authority
from tests.support.waiting import eventually
from tests.support.webserver import Reply, WebServer, json_reply
from tests.support.work import MemorySink, NarrowSink

LOOPBACK = ("127.0.0.0/8", "::1/128")


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


async def ask(
    spec: Mapping[str, Any],
    *,
    env: Mapping[str, str] | None = None,
    networks: tuple[str, ...] = LOOPBACK,
    sink: MemorySink | None = None,
    stop: StopSignal | None = None,
    address: str = "web1.example",
    connect_timeout_s: float = 20.0,
) -> Outcome:
    step = HttpStep.model_validate({"kind": "http", "name": "main", **spec})
    executor = HttpExecutor(SystemClock())
    target = Target(
        host="web1",
        address=address,
        login=Login(user=""),
        networks=networks,
        connect_timeout_s=connect_timeout_s,
    )
    task = step.task(Given(script=None, env=env or {}))
    work = Work(attempt_id="attempt-1", task=task, timeout_s=step.timeout_s)
    try:
        async with executor.open(target) as session:
            return await session.run(work, sink or MemorySink(), stop or StopSignal())
    finally:
        await executor.close()


async def test_an_answer_is_shown_and_judged(web: WebServer) -> None:
    web.serve("/health", json_reply({"status": "up", "nodes": [{"id": 7}]}))
    sink = MemorySink()
    outcome = await ask(
        {
            "url": web.url("/health"),
            "expect": {"json_paths": {"$.status": "up"}, "headers": {"content-type": "json"}},
            "capture": {"NODE": {"json_path": "$.nodes[0].id"}, "KIND": {"header": "Content-Type"}},
        },
        sink=sink,
    )
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert outcome.outputs_file is not None
    assert json.loads(outcome.outputs_file) == {"NODE": 7, "KIND": "application/json"}
    assert json.loads(sink.out) == {"status": "up", "nodes": [{"id": 7}]}
    assert b"/health: 200 OK" in sink.note


async def test_values_are_put_in_by_the_way_of_their_place(web: WebServer) -> None:
    web.serve("/a/x%2F..%3F", Reply(201))
    outcome = await ask(
        {
            "method": "POST",
            "url": "${BASE}/a/${ID}",
            "query": {"q": "${ID}&x"},
            "headers": {"X-Token": "t ${ID}"},
            "data": {"text": "${QUOTE}", "list": ["${ID}", 1, None]},
        },
        env={"BASE": web.url(""), "ID": "x/..?", "QUOTE": '"}, "evil": {"'},
    )
    assert outcome.state is TargetState.SUCCESS, outcome.message
    (received,) = web.received
    assert received.target == "/a/x%2F..%3F?q=x%2F..%3F%26x"
    assert received.headers["X-Token"] == "t x/..?"
    assert json.loads(received.body) == {"text": '"}, "evil": {"', "list": ["x/..?", 1, None]}
    assert received.headers["Host"] == f"127.0.0.1:{web.port}"


async def test_everything_that_is_not_as_expected_is_said_at_once(web: WebServer) -> None:
    web.serve("/", Reply(503, b"busy", {"X-Kind": "a"}))
    outcome = await ask(
        {
            "url": web.url(),
            "tries": 1,
            "expect": {
                "status": ["200", "204-206"],
                "headers": {"X-Kind": "^b$", "X-None": "."},
                "body": "ready",
                "json_paths": {"$.a": 1},
                "max_bytes": 3,
            },
        }
    )
    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.UNEXPECTED_ANSWER)
    assert outcome.message == (
        "status 503, expected 200 or 204-206; header X-Kind is a, expected ^b$; no header X-None;"
        " a body of 4 bytes, expected at most 3; the body does not match ready; the body is not JSON"
    )


async def test_a_busy_server_is_asked_again_when_it_says_so(web: WebServer) -> None:
    web.serve("/", Reply(503, headers={"Retry-After": "0"}), Reply(429), Reply(200, b"at last"))
    sink = MemorySink()
    outcome = await ask({"url": web.url()}, sink=sink)
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert sink.out == b"at last"
    assert len(web.received) == 3


async def test_a_wait_that_is_no_number_is_not_kept(web: WebServer) -> None:
    web.serve("/", Reply(503, headers={"Retry-After": "²"}), Reply(200))
    outcome = await ask({"url": web.url()})
    assert outcome.state is TargetState.SUCCESS, outcome.message


async def test_headers_carry_any_language(web: WebServer) -> None:
    web.serve("/", Reply(200))
    outcome = await ask({"url": web.url(), "headers": {"X-Who": "${WHO}"}}, env={"WHO": "王"})
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert web.received[0].headers["X-Who"].encode("latin-1").decode() == "王"


async def test_a_port_that_cannot_be_is_said() -> None:
    outcome = await ask({"url": "http://127.0.0.1:99999/"})
    assert (outcome.state, outcome.code) == (
        TargetState.SUBMIT_FAILED,
        TargetCode.INVALID_OPTIONS,
    )
    assert "there is no port 99999" in outcome.message


async def test_a_request_that_may_not_be_repeated_is_sent_once(web: WebServer) -> None:
    web.serve("/pay", Reply(drop=True))
    outcome = await ask({"method": "POST", "url": web.url("/pay"), "text": "1 EUR"})
    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CONNECTION_LOST)
    assert "whether it took effect is not known" in outcome.message
    assert len(web.received) == 1


@pytest.mark.parametrize("status", [303, 307])
async def test_what_a_server_took_in_before_it_pointed_elsewhere_is_sent_once(
    web: WebServer, status: int
) -> None:
    with WebServer() as gone:
        elsewhere = gone.url("/receipt")
    web.serve("/pay", Reply(status, headers={"Location": elsewhere}))
    outcome = await ask({"method": "POST", "url": web.url("/pay"), "text": "1 EUR"})
    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CONNECTION_LOST)
    assert len(web.received) == 1


@pytest.mark.parametrize("elsewhere", ["http://10.1.1.1/", "/pay", "http://127.0.0.1:99999/"])
async def test_what_a_server_took_in_is_in_doubt_where_its_redirect_is_not_followed(
    web: WebServer, elsewhere: str
) -> None:
    web.serve("/pay", Reply(307, headers={"Location": elsewhere}))
    outcome = await ask({"method": "POST", "url": web.url("/pay"), "redirects": 1})
    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CONNECTION_LOST)


async def test_an_idempotent_request_is_repeated_under_one_key(web: WebServer) -> None:
    web.serve("/pay", Reply(drop=True), Reply(body=b"paid"))
    spec = {"method": "POST", "url": web.url("/pay"), "text": "1 EUR", "idempotent": True}
    outcome = await ask(spec)
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert web.keys == {"attempt-1": 2}


async def test_nobody_listens(web: WebServer) -> None:
    with WebServer() as gone:
        url = gone.url()
    outcome = await ask({"url": url, "tries": 2, "method": "POST"})
    assert (outcome.state, outcome.code) == (
        TargetState.UNREACHABLE,
        TargetCode.CONNECTION_FAILURE,
    )
    assert outcome.message == "127.0.0.1: connection refused"


async def test_a_cut_answer_is_no_answer(web: WebServer) -> None:
    web.serve("/", Reply(body=b"x" * 1000, cut_at=10))
    outcome = await ask({"url": web.url(), "tries": 1})
    assert outcome.code is TargetCode.CONNECTION_FAILURE
    assert "the answer broke off" in outcome.message


async def test_a_slow_answer_is_given_up(web: WebServer) -> None:
    web.serve("/", Reply(delay_s=30))
    outcome = await ask({"url": web.url(), "timeout_s": 0.2})
    assert (outcome.state, outcome.code) == (TargetState.TIMED_OUT, TargetCode.COMMAND_TIMEOUT)


async def test_a_stop_ends_the_wait_and_says_what_is_in_doubt(web: WebServer) -> None:
    web.serve("/", Reply(delay_s=30))
    stop = StopSignal()
    running = asyncio.ensure_future(ask({"method": "POST", "url": web.url()}, stop=stop))
    await eventually(lambda: bool(web.received))
    stop.set()
    outcome = await running
    assert (outcome.state, outcome.code) == (TargetState.TERMINATED, TargetCode.CANCEL_UNVERIFIED)


async def test_a_long_body_is_cut_off(web: WebServer) -> None:
    web.serve("/", Reply(body=b"x" * 100_000))
    sink = MemorySink()
    outcome = await ask({"url": web.url(), "max_body_bytes": 1000}, sink=sink)
    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.OUTPUT_LIMIT)


def packed(content: bytes, times: int) -> Reply:
    """An answer whose body is packed by gzip, so many times."""
    body = content
    for _ in range(times):
        body = gzip.compress(body)
    return Reply(body=body, headers={"Content-Encoding": ", ".join(["gzip"] * times)})


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"hello " * 50_000)),
        ("x-gzip, identity", gzip.compress(b"hello " * 50_000)),
        ("deflate", zlib.compress(b"hello " * 50_000)),
        ("deflate", zlib.compress(b"hello " * 50_000, wbits=-zlib.MAX_WBITS)),
        ("identity", b"hello " * 50_000),
    ],
)
async def test_a_packed_body_is_unpacked(web: WebServer, coding: str, body: bytes) -> None:
    web.serve("/", Reply(body=body, headers={"Content-Encoding": coding}))
    outcome = await ask({"url": web.url(), "expect": {"body": "^(hello )+$"}})
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert web.received[0].headers["Accept-Encoding"] == "gzip, deflate"


async def test_a_body_that_is_packed_a_thousand_times_smaller_fills_no_memory(
    web: WebServer,
) -> None:
    web.serve("/", packed(bytes(128 << 20), 1))
    tracemalloc.start()
    try:
        outcome = await ask({"url": web.url(), "max_body_bytes": 1 << 20})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome.code is TargetCode.OUTPUT_LIMIT, outcome.message
    assert most < 16 << 20


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (packed(b"hello", 2), "the body is packed 2 times, one in the other"),
        (
            Reply(body=b"hello", headers={"Content-Encoding": "gzip"}),
            "the body is not packed as it says",
        ),
    ],
)
async def test_a_body_that_cannot_be_unpacked_is_no_answer(
    web: WebServer, reply: Reply, reason: str
) -> None:
    web.serve("/", reply)
    outcome = await ask({"url": web.url(), "tries": 1})
    assert outcome.code is TargetCode.CONNECTION_FAILURE
    assert f"the answer cannot be read: {reason}" in outcome.message


# ------------------------------------------------------------------- hostile to its reader


@pytest.mark.parametrize(
    "spec",
    [
        {"expect": {"body": "^(a|aa)+$"}},
        {"expect": {"headers": {"x-word": "^(a|aa)+$"}}},
        {"capture": {"X": {"regex": "^(a|aa)+$"}}},
    ],
)
async def test_a_pattern_that_would_never_end_is_given_up_and_holds_nobody_up(
    web: WebServer, monkeypatch: pytest.MonkeyPatch, spec: dict[str, Any]
) -> None:
    monkeypatch.setattr(http_rules, "_SEARCH_S", 0.3)
    word = "a" * 60 + "!"
    web.serve("/", Reply(body=word.encode(), headers={"X-Word": word}))
    asking = asyncio.ensure_future(ask({"url": web.url(), **spec}))
    turns = 0
    while not asking.done():
        await asyncio.sleep(0.01)
        turns += 1
    outcome = asking.result()
    assert outcome.code is TargetCode.UNEXPECTED_ANSWER
    assert outcome.message == "to search the answer for ^(a|aa)+$ takes too long"
    assert turns > 5


@pytest.mark.parametrize("depth", [900, 100_000])
@pytest.mark.parametrize(
    "spec", [{"expect": {"json_paths": {"$..x": 1}}}, {"capture": {"X": {"json_path": "$..x"}}}]
)
async def test_an_answer_that_is_nested_too_deep_is_said_to_be(
    web: WebServer, depth: int, spec: dict[str, Any]
) -> None:
    web.serve("/", Reply(body=b"[" * depth + b"]" * depth))
    outcome = await ask({"url": web.url(), **spec})
    assert outcome.state is TargetState.FAILED
    assert outcome.message == "the answer is nested too deep to look into"


async def test_an_answer_that_takes_longer_to_look_into_than_there_is_time_is_said_to(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_rules, "_SEARCH_S", 3)
    web.serve("/", Reply(body=b"a" * 60 + b"!"))
    outcome = await ask({"url": web.url(), "timeout_s": 1, "expect": {"body": "^(a|aa)+$"}})
    assert outcome.state is TargetState.TIMED_OUT
    assert outcome.message == "to look into the answer takes more than 1 s"


async def test_half_of_a_surrogate_pair_is_shown_as_it_is_written(web: WebServer) -> None:
    web.serve("/", Reply(body=b'{"name": "\\ud800"}'))
    outcome = await ask({"url": web.url(), "expect": {"json_paths": {"$.name": "x"}}})
    assert outcome.message == '$.name is "\\ud800", expected "x"'


# ---------------------------------------------------------------------- where it may go


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "localhost"])
async def test_the_engines_own_machine_is_reached_only_where_it_is_allowed(
    web: WebServer, host: str
) -> None:
    web.serve("/", Reply(body=b"secret"))
    outcome = await ask({"url": web.url(host=host)}, networks=())
    assert outcome.code is TargetCode.UNAUTHORIZED, outcome.message
    assert "the engine's own machine" in outcome.message
    assert web.received == []


async def test_a_host_that_takes_no_connection_is_given_up_early() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(1)]
        try:
            outcome = await ask(
                {"url": f"http://127.0.0.1:{port}/", "tries": 1}, connect_timeout_s=0.2
            )
        finally:
            for line in waiting:
                line.close()
    assert (outcome.state, outcome.code) == (
        TargetState.UNREACHABLE,
        TargetCode.CONNECTION_TIMEOUT,
    )


async def test_a_login_in_a_redirect_is_not_used(web: WebServer) -> None:
    place = web.url("/there").replace("//", "//ann:secret@")
    web.serve("/", Reply(302, headers={"Location": place}))
    web.serve("/there", Reply(body=b"ok"))
    sink = MemorySink()
    outcome = await ask({"url": web.url()}, sink=sink)
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert "Authorization" not in web.received[1].headers
    assert b"secret" not in sink.note


async def test_what_is_no_address_is_said() -> None:
    outcome = await ask({"url": "http://0177.0.0.1/"})
    assert outcome.code is TargetCode.INVALID_OPTIONS, outcome.message


async def test_the_targets_own_address_is_approved(web: WebServer) -> None:
    web.serve("/", Reply(body=b"ok"))
    outcome = await ask({"url": web.url()}, networks=(), address="127.0.0.1")
    assert outcome.state is TargetState.SUCCESS, outcome.message


async def test_each_redirect_is_judged_anew(web: WebServer) -> None:
    web.serve("/", Reply(302, headers={"Location": "http://169.254.169.254/latest"}))
    outcome = await ask({"url": web.url()})
    assert outcome.code is TargetCode.UNAUTHORIZED, outcome.message
    assert "169.254.169.254 is in none of the networks allowed" in outcome.message


async def test_a_redirect_to_another_server_carries_no_secret(web: WebServer) -> None:
    with WebServer() as other:
        other.serve("/there", Reply(body=b"ok"))
        web.serve("/", Reply(307, headers={"Location": other.url("/there")}))
        headers = {"Authorization": "Bearer x", "X-Api-Key": "y", "Accept": "text/plain"}
        outcome = await ask({"url": web.url(), "headers": headers})
        assert outcome.state is TargetState.SUCCESS, outcome.message
        (received,) = other.received
    assert {"Authorization", "X-Api-Key"} <= set(web.received[0].headers)
    assert {"Authorization", "X-Api-Key"}.isdisjoint(received.headers)
    assert received.headers["Accept"] == "text/plain"


async def test_a_post_that_is_moved_becomes_a_get(web: WebServer) -> None:
    web.serve("/old", Reply(303, headers={"Location": "/new"}))
    web.serve("/new", Reply(body=b"ok"))
    outcome = await ask({"method": "POST", "url": web.url("/old"), "text": "x"})
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert [(each.method, each.body) for each in web.received] == [("POST", b"x"), ("GET", b"")]


async def test_redirects_end(web: WebServer) -> None:
    web.serve("/", Reply(302, headers={"Location": "/"}))
    outcome = await ask({"url": web.url(), "redirects": 3})
    assert "more than 3 redirects" in outcome.message
    assert len(web.received) == 4


# ---------------------------------------------------------------------- certificates


async def test_a_certificate_is_checked_against_the_name_and_the_authority(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with WebServer(authority, "localhost") as web:
        web.serve("/", Reply(body=b"ok"))
        url = web.url(host="localhost")
        good = await ask({"url": url, "ca": authority.pem})
        unknown = await ask({"url": url, "tries": 1})
        other_name = await ask({"url": web.url(), "ca": authority.pem, "tries": 1})
    assert good.state is TargetState.SUCCESS, good.message
    assert "CERTIFICATE_VERIFY_FAILED" in unknown.message
    assert "CERTIFICATE_VERIFY_FAILED" in other_name.message
    assert unknown.code is other_name.code is TargetCode.CONNECTION_FAILURE
    assert len(web.received) == 1


async def test_https_is_not_left_for_http(tmp_path: Path, web: WebServer) -> None:
    authority = Authority(tmp_path)
    with WebServer(authority, "localhost") as safe:
        safe.serve("/", Reply(302, headers={"Location": web.url("/")}))
        outcome = await ask({"url": safe.url(host="localhost"), "ca": authority.pem})
    assert "from https to http" in outcome.message
    assert web.received == []


async def test_output_waits_for_room(web: WebServer) -> None:
    web.serve("/", Reply(body=b"x" * 300_000))
    sink = NarrowSink()
    outcome = await ask({"url": web.url()}, sink=sink)
    assert outcome.state is TargetState.SUCCESS
    assert len(sink.out) == 300_000
    assert sink.waits > 1
