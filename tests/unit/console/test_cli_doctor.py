"""`jobdeck doctor`: what is wrong with a home and its engine, what mends it, and the exit code."""

from __future__ import annotations

import json
import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.home import Home
from core.version import product_version
from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem

Usage = namedtuple("Usage", "total used free")


def engine(**changes: Any) -> dict[str, Any]:
    known = {"version": product_version(), "state": "running", "pid": 1, "home": "/h"}
    return {**known, "started_at": "2026-01-31T11:00:00Z", "uptime_s": 1.0, **changes}


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose engine listens."""
    monkeypatch.setenv("JOBDECK_LANG", "en")
    monkeypatch.setattr("console.autostart.is_listening", lambda _socket: True)
    home = Home.locate(None, os.environ)
    home.create()
    return home


def test_where_all_is_well_the_code_is_0(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("GET", "/engine", answer(engine()))

    ended = jobdeck("doctor")

    assert (ended.code, ended.out, ended.err) == (0, "✓  all is well\n", "")


def test_what_the_engine_suffers_from_is_told_with_commands(api: FakeApi, jobdeck: Jobdeck) -> None:
    queue = {"admission": {"mode": "frozen", "reason": "audit", "actor": "ann"}}
    api.on("GET", "/engine", answer(engine(unlocker="locked", queue=queue)))

    ended = jobdeck("doctor")

    assert ended.code == 1
    worst, advice, next_, its_advice = ended.out.splitlines()
    assert worst == "✗  the vault is locked: work that needs a secret fails"
    assert advice == "   `jobdeck vault unlock` opens it"
    assert next_.startswith("~  frozen by ann")
    assert its_advice == "   `jobdeck engine unfreeze` lets runs begin again"


def test_a_stopped_engine_is_told_and_not_started(
    jobdeck: Jobdeck, monkeypatch: pytest.MonkeyPatch, place: Home
) -> None:
    monkeypatch.setattr("console.autostart.is_listening", lambda _socket: False)
    monkeypatch.setattr("console.autostart.ensure_engine", lambda *_: pytest.fail("started"))

    ended = jobdeck("doctor")

    assert ended.code == 0
    assert ended.out == f"no engine runs in {place.root}\n✓  all is well\n"
    found = json.loads(jobdeck("doctor", "--json").out)
    assert found == {"home": str(place.root), "engine": "stopped", "findings": []}


def test_an_engine_that_answers_nothing_good_is_a_finding(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("GET", "/engine", problem(503, "unavailable", "it is starting"))

    ended = jobdeck("doctor")

    assert ended.code == 1
    assert "it is starting" in ended.out


def opened(home: Home, _patch: pytest.MonkeyPatch) -> None:
    home.root.chmod(0o755)


def full(_home: Home, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9, 3_000_000))


def without_zones(_home: Home, patch: pytest.MonkeyPatch) -> None:
    def zone(name: str) -> None:
        raise ValueError(name)

    patch.setattr("core.scheduling.zones.zone", zone)


def misspelt(home: Home, _patch: pytest.MonkeyPatch) -> None:
    home.preferences.write_text('[keys]\n"runs.fly" = "x"\n')


@pytest.mark.parametrize(
    ("spoil", "text", "advice"),
    [
        (opened, "others may look into the home folder", "chmod 700"),
        (full, "only 3.0 MB are free", "make room"),
        (without_zones, "this machine knows no time zones", "tzdata"),
        (misspelt, "cannot be as they are written", "[keys] runs.fly"),
    ],
)
def test_what_is_wrong_around_an_engine_is_told_with_and_without_one(
    api: FakeApi,
    jobdeck: Jobdeck,
    monkeypatch: pytest.MonkeyPatch,
    place: Home,
    spoil: Callable[[Home, pytest.MonkeyPatch], None],
    text: str,
    advice: str,
) -> None:
    api.on("GET", "/engine", answer(engine()))
    spoil(place, monkeypatch)

    for listens in (True, False):
        monkeypatch.setattr("console.autostart.is_listening", lambda _socket, now=listens: now)
        ended = jobdeck("doctor")
        assert ended.code == 1
        assert text in ended.out
        assert advice in ended.out


def test_an_engine_of_another_version_is_to_be_restarted(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("GET", "/engine", answer(engine(version="0.0.1")))

    found = json.loads(jobdeck("doctor", "--json").out)

    (finding,) = found["findings"]
    assert "0.0.1" in finding["text"]
    assert "jobdeck engine restart" in finding["advice"]
    assert finding["severity"] == "warning"


def test_a_home_that_is_not_there_yet_is_no_trouble(
    jobdeck: Jobdeck, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("console.autostart.is_listening", lambda _socket: False)

    ended = jobdeck("doctor", "--home", str(tmp_path / "new"))

    assert ended.code == 0
    assert not (tmp_path / "new").exists()
