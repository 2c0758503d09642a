from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from console.client import Client
from console.problems import EngineBug
from core.errors import (
    ConfirmationRequired,
    Conflict,
    EngineUnreachable,
    EnvironmentFault,
    Forbidden,
    InUse,
    Invalid,
    OpsError,
    RequestError,
    StaleRevision,
)
from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem, stream

HOST = {"kind": "host", "name": "web01", "spec": {"port": 22}, "labels": {}, "revision": 3}
RUN = {
    "id": "01ABC", "title": "uptime", "origin": "adhoc", "state": "running", "actor": "ann",
    "created_at": "2026-01-01T00:00:00.000000Z",
}  # fmt: skip


def test_all_pages_of_a_list_are_read(api: FakeApi, client: Client) -> None:
    first = {"items": [HOST], "next_cursor": "abc"}
    second = {"items": [{**HOST, "name": "web02"}], "next_cursor": None}
    api.on("GET", "/documents/host", answer(first), answer(second))

    assert [document.name for document in client.documents("host")] == ["web01", "web02"]
    assert api.asked("/documents/host") == {"limit": ["1000"], "cursor": ["abc"]}


def test_a_limit_ends_the_reading_of_pages(api: FakeApi, client: Client) -> None:
    page = {"items": [RUN, {**RUN, "id": "01ABD"}], "next_cursor": "more"}
    api.on("GET", "/runs", answer(page))

    assert len(client.runs({"state": ["failed", "stopped"]}, limit=2)) == 2
    assert len(api.requests) == 1
    assert api.asked("/runs") == {"state": ["failed", "stopped"], "limit": ["2"]}


def test_names_are_quoted_in_paths(api: FakeApi, client: Client) -> None:
    api.on("GET", "/documents/host/a%2F..%2Fb%3Fc", answer(HOST))

    assert client.document("host", "a/../b?c").name == "web01"


def test_fields_that_a_newer_engine_adds_are_ignored(api: FakeApi, client: Client) -> None:
    api.on("GET", "/documents/host/web01", answer({**HOST, "colour": "blue"}))

    assert client.document("host", "web01").revision == 3


def test_a_replacement_names_the_revision_it_is_based_on(api: FakeApi, client: Client) -> None:
    api.on("PUT", "/documents/host/web01", answer(HOST))

    client.replace({"kind": "host", "name": "web01", "labels": {}, "spec": {}}, 7)

    assert api.requests[0].headers["If-Match"] == '"7"'


def test_a_start_carries_its_idempotency_key(api: FakeApi, client: Client) -> None:
    api.on("POST", "/runs", answer(RUN, 202))

    client.start({"step": {}}, "key-1")

    assert api.requests[0].headers["Idempotency-Key"] == "key-1"


@pytest.mark.parametrize(
    ("status", "code", "class_"),
    [
        (400, "bad-request", RequestError),
        (404, "not-found", RequestError),
        (409, "in-use", InUse),
        (409, "something-newer", Conflict),
        (412, "stale-revision", StaleRevision),
        (422, "idempotency-key-reused", RequestError),
        (503, "storage-fault", EnvironmentFault),
        (500, "internal-error", EngineBug),
    ],
)
def test_a_refusal_becomes_the_error_it_was(
    api: FakeApi, client: Client, status: int, code: str, class_: type[Exception]
) -> None:
    api.on("GET", "/engine", problem(status, code, "no", hint="try"))

    with pytest.raises(class_) as caught:
        client.engine()

    assert caught.value.code == code  # type: ignore[attr-defined]
    assert str(caught.value) == "no (try)"


def test_problems_come_with_their_places(api: FakeApi, client: Client) -> None:
    items = [{"where": "spec.port", "what": "must be at most 65535", "hint": ""}]
    api.on("POST", "/runs/preview", problem(422, "invalid", "not valid", problems=items))

    with pytest.raises(Invalid, match=r"not valid: spec\.port: must be at most 65535"):
        client.preview({})


def test_the_number_to_confirm_is_kept(api: FakeApi, client: Client) -> None:
    touched = {"prod": "web[01-40]"}
    asked = problem(409, "confirmation-required", "confirm", hosts=40, touched=touched)
    api.on("POST", "/runs", asked)

    with pytest.raises(ConfirmationRequired) as caught:
        client.start({}, "key")

    assert (caught.value.hosts, caught.value.touched) == (40, touched)


def test_a_refusal_keeps_its_class_and_its_problems(api: FakeApi, client: Client) -> None:
    items = [{"where": "environment prod", "what": "is read-only", "hint": ""}]
    api.on("POST", "/runs", problem(403, "forbidden", "no", problems=items))

    with pytest.raises(Forbidden, match="no: environment prod: is read-only"):
        client.start({}, "key")


def test_an_error_without_a_problem_document_is_a_bug(api: FakeApi, client: Client) -> None:
    api.on("GET", "/engine", lambda _request: httpx.Response(502, text="<html>"))

    with pytest.raises(EngineBug, match="502"):
        client.engine()


def test_an_answer_of_another_shape_says_what_to_try(api: FakeApi, client: Client) -> None:
    api.on("GET", "/engine", answer({"version": 3}))

    with pytest.raises(EnvironmentFault, match="jobdeck engine restart"):
        client.engine()


def failing(error: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def reply(request: httpx.Request) -> httpx.Response:
        raise error("gone", request=request)

    return reply


@pytest.mark.parametrize(
    ("error", "what"),
    [(httpx.ConnectError, "does not answer"), (httpx.ReadError, "stopped answering")],
)
def test_no_engine_is_an_environment_fault(
    api: FakeApi, client: Client, error: type[httpx.TransportError], what: str
) -> None:
    api.on("GET", "/engine", failing(error))

    with pytest.raises(EngineUnreachable, match=what):
        client.engine()


def test_a_refused_socket_is_closed_at_once(home: Path) -> None:
    path = home / "engine.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    lowest_free = os.dup(0)
    os.close(lowest_free)

    with Client.over_socket(path) as client, pytest.raises(EngineUnreachable) as caught:
        client.engine()

    still_free = os.dup(0)
    os.close(still_free)
    assert isinstance(caught.value.__cause__, httpx.ConnectError)
    assert still_free == lowest_free


def test_the_way_over_the_socket_needs_no_certificates(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(home / "none.pem"))

    with Client.over_socket(home / "engine.sock") as client, pytest.raises(EngineUnreachable):
        client.engine()


ENGINE = ("GET", "/engine", Client.engine)
STOP = ("POST", "/engine/stop", lambda client: client.stop_engine("drain"))


@pytest.mark.parametrize(
    ("asked", "error", "times"),
    [
        (ENGINE, httpx.ConnectError, 2),
        (ENGINE, httpx.ReadError, 2),
        (STOP, httpx.ConnectError, 2),
        (STOP, httpx.ReadError, 1),
    ],
)
def test_a_patient_client_sends_again_what_is_harmless_or_never_arrived(
    api: FakeApi,
    client: Client,
    asked: tuple[str, str, Callable[[Client], object]],
    error: type[httpx.TransportError],
    times: int,
) -> None:
    method, path, call = asked
    api.on(method, path, failing(error), answer({"detail": "arrived"}, status=418))
    absences: list[EngineUnreachable] = []

    with pytest.raises(OpsError) as caught:
        call(client.patient(absences.append))

    assert len(api.requests) == times
    assert len(absences) == times - 1
    assert isinstance(caught.value, EngineUnreachable) == (times == 1)


def test_an_engine_that_went_a_moment_ago_is_started_again(
    api: FakeApi, jobdeck: Jobdeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr("console.autostart.ensure_engine", started.append)
    api.on("GET", "/runs", failing(httpx.ConnectError), answer({"items": [], "next_cursor": None}))

    ended = jobdeck("runs", "list")

    assert (ended.code, len(started)) == (0, 2), ended.err


def test_an_engine_that_is_halted_is_reported_not_replaced(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("GET", "/runs", failing(httpx.ReadTimeout))

    ended = jobdeck("runs", "list")

    assert ended.code != 0
    assert "kill -CONT" in ended.err
    assert len(api.requests) == 1


def piece(text: str) -> dict[str, object]:
    return {
        "host": "web01", "step": "command", "attempt": 1, "ordinal": 0, "offset": 0,
        "stream": "out", "text": text,
    }  # fmt: skip


def test_output_is_followed_to_the_end_of_the_run(api: FakeApi, client: Client) -> None:
    events = (("output", "1", piece("a")), ("output", "1.1", piece("b")), ("end", "", {}))
    api.on("GET", "/runs/01ABC/output/stream", stream(*events))

    found = [(place, item.text) for place, item in client.follow_output("01ABC", "0")]

    assert found == [("1", "a"), ("1.1", "b")]


def test_output_that_ends_with_the_engine_is_not_the_end_of_the_run(
    api: FakeApi, client: Client
) -> None:
    api.on("GET", "/runs/01ABC/output/stream", stream(("output", "1", piece("a")), ("bye", "", {})))
    following = client.follow_output("01ABC")

    assert next(following)[1].text == "a"
    with pytest.raises(EngineUnreachable):
        next(following)


def test_output_is_read_page_by_page_also_over_empty_ones(api: FakeApi, client: Client) -> None:
    pages = [
        {"pieces": [], "next_offset": 10},
        {"pieces": [{"offset": 10, "stream": "err", "text": "x"}], "next_offset": 20},
        {"pieces": [], "next_offset": None},
    ]
    api.on("GET", "/runs/01ABC/output", *map(answer, pages))

    assert [item.text for item in client.output("01ABC", {"ordinal": 0})] == ["x"]
    assert api.asked("/runs/01ABC/output") == {"ordinal": ["0"], "offset": ["20"]}


def test_raw_output_is_byte_for_byte(api: FakeApi, client: Client) -> None:
    data = bytes(range(256))
    api.on("GET", "/runs/01ABC/output", lambda _request: httpx.Response(200, content=data))

    assert b"".join(client.raw_output("01ABC", {"host": "web01"})) == data
    assert api.requests[0].headers["Accept"] == "application/octet-stream"


def test_a_refused_stream_says_why(api: FakeApi, client: Client) -> None:
    api.on("GET", "/events", problem(422, "invalid", "no such entry"))

    with pytest.raises(RequestError, match="no such entry"):
        next(client.follow_events({"after": 10**9}))
