"""Calls of schedules over TCP: with TLS, by who shows the secret, and nothing else of the API."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.api import hook_door
from core.api.outside import Outside
from core.api.serve import serve
from core.domain.webhooks import signature
from core.runtime.engine import StopMode
from tests.support.api import Api, running_api
from tests.support.certificates import Authority
from tests.support.sshd import free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Unix sockets")

SECRET = "K4n-hush-hush"
JOB = {"kind": "job", "name": "j", "spec": {"targets": "h", "steps": [
    {"kind": "command", "name": "c", "command": "x"}]}}  # fmt: skip
DOCUMENTS = (
    {"kind": "account", "name": "a", "spec": {"user": "u"}},
    {"kind": "host", "name": "h", "spec": {"account": "a"}},
    JOB,
    {"kind": "schedule", "name": "s", "spec": {
        "job": "j", "trigger": {"webhook": {"secret": SECRET}}}},
)  # fmt: skip


@pytest.fixture
def port() -> int:
    return free_port(["127.0.0.1"])


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def open_door(home: Path, **settings: Any) -> AsyncIterator[Api]:
    """An engine that listens, with a schedule that is called."""
    async with running_api(home / "j", **settings) as api:
        await api.apply(*DOCUMENTS)
        serving = asyncio.create_task(serve(api.engine, api.app))
        try:
            await eventually(lambda: bool(api.engine.hook_door.url))
            yield api
        finally:
            api.engine.request_stop(StopMode.DETACH)
            await serving


def tls(port: int, certificate: Path) -> dict[str, Any]:
    return {"listen_hooks": f"127.0.0.1:{port}", "tls_certificate": str(certificate)}


def client(port: int, authority: Authority | None = None) -> httpx.AsyncClient:
    """Of somebody who trusts an authority alone; without one it speaks plain HTTP."""
    if authority is None:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False)
    trusts = ssl.create_default_context(cadata=authority.pem)
    url = f"https://127.0.0.1:{port}/api/v1"
    return httpx.AsyncClient(base_url=url, verify=trusts, trust_env=False)


def signed(api: Api, body: bytes = b"{}", id_: str = "m1") -> dict[str, str]:
    sent_at = str(int(api.engine.clock.now().timestamp()))
    return {
        "webhook-id": id_,
        "webhook-timestamp": sent_at,
        "webhook-signature": signature(SECRET, id_, sent_at, body),
        "content-type": "application/json",
    }


async def call(api: Api, http: httpx.AsyncClient, body: bytes = b"{}") -> httpx.Response:
    return await http.post("/hooks/s", content=body, headers=signed(api, body))


async def test_a_signed_call_over_tls_is_a_slot(
    home: Path, port: int, authority: Authority
) -> None:
    async with (
        open_door(home, **tls(port, authority.server_file("127.0.0.1"))) as api,
        client(port, authority) as http,
    ):
        first, again = await call(api, http), await call(api, http)

        assert (first.status_code, first.json()["cause"]) == (202, "delivery m1")
        assert again.json()["slot"] == first.json()["slot"]
        shown = (await api.get("/engine")).json()["hooks"]
        assert shown == {"url": f"https://127.0.0.1:{port}", "fault": ""}


async def test_a_caller_that_trusts_somebody_else_is_not_talked_to(
    home: Path, port: int, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path)
    async with (
        open_door(home, **tls(port, authority.server_file("127.0.0.1"))),
        client(port, stranger) as http,
    ):
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await http.post("/hooks/s")


async def test_plain_text_is_not_answered_where_tls_is_spoken(
    home: Path, port: int, authority: Authority
) -> None:
    async with (
        open_door(home, **tls(port, authority.server_file("127.0.0.1"))),
        client(port) as http,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post("/hooks/s")


async def test_nothing_else_is_let_in_however_it_is_asked_for(home: Path, port: int) -> None:
    async with open_door(home, listen_hooks=f"127.0.0.1:{port}") as api, client(port) as http:
        before = api.journal_end
        answers = [
            await http.get("/engine"),
            await http.post("/engine/stop", json={}),
            await http.get("/documents"),
            await http.post("/schedules/s/fire", json={}),
            await http.get("/hooks/s"),
            await http.put("/hooks/s", json={}),
            await http.post("/hooks/../engine/stop", json={}),
            await http.post("/hooks/s/../../engine/stop", json={}),
            await http.post("/hooks/%2e%2e%2fengine%2fstop", json={}),
            await http.post("/hooks", json={}),
            await http.get("/openapi.json"),
        ]

        assert {answer.status_code for answer in answers} == {404}
        assert {answer.json()["code"] for answer in answers} == {"not-found"}
        assert api.journal_end == before


async def test_a_caller_may_do_nothing_but_call_even_where_the_guard_lets_it_through(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.api.outside._HOOK", re.compile(".*"))
    transport = httpx.ASGITransport(Outside(api.app, api.engine.clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://x/api/v1") as http:
        stop = await http.post("/engine/stop", json={})
        fire = await http.post("/schedules/s/fire", json={})

    assert {stop.status_code, fire.status_code} == {403}
    assert stop.json()["detail"] == "caller may not stop engine"


async def test_who_is_refused_too_often_waits(api: Api) -> None:
    transport = httpx.ASGITransport(Outside(api.app, api.engine.clock), client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://x/api/v1") as http:
        answers = [await http.post("/hooks/s", content=b"{}") for _ in range(21)]

    assert [answer.status_code for answer in answers] == [401] * 20 + [429]
    assert answers[-1].json()["code"] == "too-many-calls"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 61


async def test_a_body_that_is_too_large_is_not_read_to_its_end(home: Path, port: int) -> None:
    async with open_door(home, listen_hooks=f"127.0.0.1:{port}") as api, client(port) as http:
        answer = await call(api, http, b"x" * (2 * 1024 * 1024))

    assert answer.status_code == 413
    assert "1024 KiB" in answer.json()["detail"]


@pytest.mark.parametrize("said", [b"", b"POST /api/v1/hooks/s HTTP/1.1\r\nHost: x\r\n"])
async def test_a_caller_that_takes_its_time_is_left(
    home: Path, port: int, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_door, "PATIENCE_S", 0.2)
    async with open_door(home, listen_hooks=f"127.0.0.1:{port}"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        await writer.drain()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 10)
        writer.close()


async def test_a_body_that_never_comes_ends_with_its_connection(
    home: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_door, "PATIENCE_S", 0.3)
    async with open_door(home, listen_hooks=f"127.0.0.1:{port}") as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        before = api.journal_end
        writer.write(b"POST /api/v1/hooks/s HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        await writer.drain()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 10)
        writer.close()
        assert api.journal_end == before


async def test_there_is_room_for_few_at_a_time(
    home: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_door, "_MOST_CONNECTIONS", 2)
    async with open_door(home, listen_hooks=f"127.0.0.1:{port}") as api:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 10)
        for _, each in [*held, (reader, writer)]:
            each.close()
        async with client(port) as http:
            await eventually_answers(api, http)


async def eventually_answers(api: Api, http: httpx.AsyncClient) -> None:
    """Those who left have made room."""
    async with asyncio.timeout(10):
        while True:
            try:
                assert (await call(api, http)).status_code == 202
                return
            except httpx.TransportError:
                await asyncio.sleep(0.01)


@pytest.mark.expect_logs("ERROR .*hooks.not-listening")
async def test_a_port_that_is_taken_is_said_and_taken_when_it_is_free(
    home: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_door, "_LOOK_S", 0.05)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        async with open_door(home, listen_hooks=f"127.0.0.1:{port}") as api:
            assert "in use" in api.engine.hook_door.fault
            assert (await api.get("/engine")).status_code == 200
            other.close()
            await eventually(lambda: not api.engine.hook_door.fault)
            async with client(port) as http:
                assert (await call(api, http)).status_code == 202


@pytest.mark.expect_logs("ERROR .*hooks.not-listening")
@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), ("no certificate", "cannot be used")]
)
async def test_a_certificate_that_cannot_be_used_is_said(
    home: Path, port: int, tmp_path: Path, content: str | None, says: str
) -> None:
    file = tmp_path / "server.pem"
    if content is not None:
        file.write_text(content)
    async with open_door(home, **tls(port, file)) as api:
        assert says in api.engine.hook_door.fault
        assert str(file) in api.engine.hook_door.fault
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_a_renewed_certificate_is_taken_without_a_restart(
    home: Path, port: int, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_door, "_LOOK_S", 0.05)
    renewed = Authority(tmp_path)
    file = authority.server_file("127.0.0.1")
    async with open_door(home, **tls(port, file)) as api:
        async with client(port, authority) as http:
            assert (await call(api, http)).status_code == 202
        certificate, key = renewed.issue("127.0.0.1")
        file.write_text(key + certificate)
        os.utime(file, (1, 1))

        async with client(port, renewed) as http:
            await eventually_answers(api, http)
