"""Hosts that ask to be watched: looks on an interval, changes of state, samples."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock
from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour
from core.runtime.engine import Engine
from core.storage import facts, hosts
from core.storage.journal import read_after
from tests.support.runtime import INVENTORY, engine, save


class Hosts:
    """Hosts that answer, but for those that are `dark`; counts who was reached."""

    def __init__(self) -> None:
        self.dark: set[str] = set()

    def __call__(self, target: Target, work: Work | None) -> Behaviour:
        if target.host in self.dark:
            return Behaviour(refuses=TargetError(TargetCode.CONNECTION_TIMEOUT, "no answer"))
        return Behaviour(output=((Stream.OUT, b"os-release ID=debian\nload=0.5\n"),))


def watched(name: str, **spec: Any) -> dict[str, Any]:
    return {"kind": "host", "name": name, "spec": {"account": "deploy", **spec}}


async def states(opened: Engine) -> dict[str, str]:
    found = await opened.store.reader.read(lambda c: hosts.states(c, opened.clock.now()))
    return {name: state.health.state.value for name, state in found.items() if state.health}


async def entries(opened: Engine, type_: str) -> list[tuple[str, Any]]:
    found = await opened.store.reader.read(lambda c: read_after(c, 0, 1000, types=[type_]))
    return [(entry.subject, entry.data) for entry in found]


async def test_a_host_that_goes_and_comes_back_is_told_once_each(home: Path) -> None:
    clock, script = ManualClock(), Hosts()
    async with engine(home / "j", script, clock=clock) as (opened, _):
        await save(opened, *INVENTORY, watched("web1", health_s=60), watched("web2", health_s=60))
        await opened.watching.tick()
        assert await states(opened) == {"web1": "up", "web2": "up"}
        assert await entries(opened, "host.health") == []

        script.dark.add("web1")
        for _ in range(3):
            assert (await states(opened))["web1"] == "up"
            clock.advance(timedelta(seconds=60))
            await opened.watching.tick()
        script.dark.clear()
        for _ in range(2):
            assert (await states(opened))["web1"] == "down"
            clock.advance(timedelta(seconds=60))
            await opened.watching.tick()

        assert await entries(opened, "host.health") == [
            ("host/web1", {"state": "down", "message": "no answer"}),
            ("host/web1", {"state": "up", "message": ""}),
        ]


async def test_who_is_not_due_is_not_asked(home: Path) -> None:
    clock = ManualClock()
    async with engine(home / "j", Hosts(), clock=clock) as (opened, executor):
        await save(opened, *INVENTORY, watched("web1", health_s=60), watched("web2", facts_s=300))
        for _ in range(5):  # at 0, 30, 60, 90 and 120 s
            await opened.watching.tick()
            clock.advance(timedelta(seconds=30))
        assert sorted(name for name, _ in executor.works) == ["web1", "web1", "web1", "web2"]


async def test_facts_and_samples_come_by_themselves_and_are_bounded(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "KEPT_SAMPLES", 3)
    clock = ManualClock()
    async with engine(home / "j", Hosts(), clock=clock) as (opened, _):
        await save(opened, *INVENTORY, watched("web1", facts_s=300))
        for _ in range(5):
            await opened.watching.tick()
            clock.advance(timedelta(seconds=300))
        read = opened.store.reader.read
        assert [span.facts["os.id"] for span in await read(lambda c: facts.history(c, "web1"))] == [
            "debian"
        ]
        samples = await read(lambda c: facts.samples(c, "web1", limit=99))
        assert [(sample.at[11:16], sample.facts) for sample in samples] == [
            ("00:20", {"load": 0.5}), ("00:15", {"load": 0.5}), ("00:10", {"load": 0.5}),
        ]  # fmt: skip


async def test_a_host_without_a_login_hides_no_other(home: Path) -> None:
    async with engine(home / "j", Hosts(), clock=ManualClock()) as (opened, _):
        lost = {"kind": "host", "name": "web1", "spec": {"health_s": 60}}
        await save(opened, *INVENTORY, lost, watched("web2", health_s=60))
        await opened.watching.tick()
        assert await states(opened) == {"web1": "down", "web2": "up"}
        [(subject, data)] = await entries(opened, "host.health")
        assert subject == "host/web1"
        assert "the run has no way to log in" in data["message"]
