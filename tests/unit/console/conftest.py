"""An API that answers what a test tells it to, and a command line that talks to it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from console.cli import main
from console.client import Client
from tests.unit.console.fake_api import Ended, FakeApi, Jobdeck


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def client(api: FakeApi) -> Iterator[Client]:
    with Client(httpx.MockTransport(api)) as client:
        yield client


@pytest.fixture
def jobdeck(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Jobdeck:
    """Runs `jobdeck …` in this process against the fake API."""
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setattr("console.autostart.ensure_engine", lambda *_: False)
    monkeypatch.setattr(Client, "over_socket", lambda *_: Client(httpx.MockTransport(api)))

    def run(*args: str) -> Ended:
        code = main.run(args)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run
