"""Addresses that no request may reach, in every spelling: nothing is connected to, whoever points there.

`ssrf/urls.txt` is the list. The name server is the test's; what is connected to is recorded.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from core.domain.run import TargetState
from core.domain.steps import Given, HttpStep
from core.executors import guard
from core.executors.http import HttpExecutor
from core.executors.protocol import Login, Outcome, Target, Work
from core.executors.stopping import StopSignal
from tests.support.webserver import Reply, WebServer
from tests.support.work import MemorySink

_LINES = (Path(__file__).parent / "ssrf" / "urls.txt").read_text(encoding="utf-8").splitlines()
URLS = [line for line in _LINES if line and not line.startswith("#")]

GOOD = "198.51.100.7"
NAMES: dict[str, list[str]] = {
    "localhost": ["127.0.0.1"],
    "ip6-localhost": ["::1"],
    "metadata.google.internal": ["169.254.169.254"],
    "169.254.169.254.nip.example": ["169.254.169.254"],
    "inside.example": ["127.0.0.1"],
    "half-inside.example": [GOOD, "127.0.0.1"],
    "v6-inside.example": [GOOD, "::ffff:10.0.0.1", "fe80::1"],
    "good.example": [GOOD],
}
"""What a hostile name server says."""


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The name server: nobody is asked; numbers are read as the system reads them."""
    known = dict(NAMES)

    def look_up(host: str, port: int) -> list[str]:
        if found := known.get(host.rstrip(".").lower()):
            return found
        numeric = socket.AI_NUMERICHOST
        read = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=numeric)
        return list(dict.fromkeys(str(address[0]) for *_, address in read))

    monkeypatch.setattr(guard, "_look_up", look_up)
    return known


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that a socket was told to connect to; the web server of the test alone answers."""
    seen: list[str] = []
    connect = socket.socket.connect

    def recording(self: socket.socket, address: Any) -> None:
        seen.append(str(address[0]))
        if address[0] != "127.0.0.1":
            raise ConnectionRefusedError(111, "nobody is asked in tests")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", recording)
    return seen


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


async def ask(url: str, address: str = "web1.example") -> Outcome:
    """How a request ends by default: no network is allowed by name."""
    step = HttpStep.model_validate({"kind": "http", "name": "main", "url": url, "tries": 1})
    executor = HttpExecutor(SystemClock())
    target = Target(host="web1", address=address, login=Login(user=""), connect_timeout_s=5.0)
    work = Work(attempt_id="attempt-1", task=step.task(Given(script=None, env={})))
    try:
        async with executor.open(target) as session:
            return await session.run(work, MemorySink(), StopSignal())
    finally:
        await executor.close()


def test_the_list_is_long_and_says_nothing_twice() -> None:
    assert len(URLS) == len(set(URLS)) >= 60


@pytest.mark.parametrize("url", URLS)
async def test_nothing_is_sent_there(
    url: str, names: dict[str, list[str]], connected: list[str]
) -> None:
    try:
        outcome = await ask(url)
    except ValueError:
        return  # such a step cannot be saved, or not be filled

    assert outcome.state is not TargetState.SUCCESS
    assert connected in ([], [GOOD]), "nothing but what it may be read as besides"


async def test_what_may_be_reached_is_reached(names: object, connected: list[str]) -> None:
    await ask("http://good.example/")

    assert connected == [GOOD], "or else this file proves nothing"


def _elsewhere(url: str) -> bool:
    """Whether it leads past the server of the test, which is at 127.0.0.1 and may be reached."""
    local = ("127.0.0.1", "127.1", "localhost", "inside.example", "0177", "0x7f", "2130706433")
    return not any(word in url.lower() for word in local) and url.isascii()


@pytest.mark.parametrize("url", [url for url in URLS if _elsewhere(url)])
async def test_no_redirect_leads_there(
    url: str, names: object, connected: list[str], web: WebServer
) -> None:
    web.serve("/", Reply(302, headers={"Location": url}))

    outcome = await ask(web.url("/"), address="127.0.0.1")

    assert outcome.state is not TargetState.SUCCESS
    assert set(connected) <= {"127.0.0.1", GOOD}


async def test_a_name_that_means_another_address_the_second_time_is_not_asked_twice(
    names: dict[str, list[str]],
    connected: list[str],
    web: WebServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    plain = guard._look_up
    monkeypatch.setattr(
        guard,
        "_look_up",
        lambda host, port: next(answers) if host == "rebind.example" else plain(host, port),
    )
    url = f"http://rebind.example:{web.port}/"
    web.serve("/", Reply(302, headers={"Location": url}))

    outcome = await ask(url, address="127.0.0.1")

    assert "169.254.169.254" in outcome.message
    assert connected == ["127.0.0.1"], "the redirect asks again, and is judged again"
