"""Inventory sources of a real engine: files, commands and a real web server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.bootstrap import open_engine
from core.clock import ManualClock
from core.config import Settings
from core.home import Home
from core.runtime.engine import Engine
from core.runtime.sources import Refreshed
from core.storage import hosts, sources
from core.storage.documents import snapshot
from core.storage.journal import read_after
from tests.support.runtime import INVENTORY, engine, save
from tests.support.webserver import Reply, WebServer, json_reply

LIST = "web1 10.0.0.1\nweb2 10.0.0.2\n"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def opened(home: Path, clock: ManualClock) -> AsyncIterator[Engine]:
    networks = ("127.0.0.0/8",)
    async with engine(home / "j", clock=clock, http_networks=networks) as (running, _):
        await save(running, *INVENTORY)
        yield running


def source(**spec: Any) -> dict[str, Any]:
    body = {"format": "list", "account": "deploy", **spec}
    return {"kind": "inventory-source", "name": "cloud", "spec": body}


async def refresh(opened: Engine, **how: Any) -> Refreshed:
    return await opened.sources.refresh("cloud", "ann", **{"apply": True, **how})


async def ports(opened: Engine) -> dict[str, int]:
    """The hosts that are there, but for those of every test."""
    found = (await opened.store.reader.read(snapshot)).hosts
    return {name: spec.port for name, spec in found.items() if not name.startswith("h")}


async def entries(opened: Engine) -> list[tuple[str, Any]]:
    types = ["source.failed", "source.answered", "source.applied"]
    found = await opened.store.reader.read(lambda c: read_after(c, 0, 1000, types=types))
    return [(entry.type, entry.data) for entry in found]


def actions(found: Refreshed) -> dict[str, str]:
    return {change.host: change.action.value for change in found.changes}


async def test_a_refresh_only_compares_until_it_is_told_to_apply(
    opened: Engine, tmp_path: Path
) -> None:
    (tmp_path / "hosts").write_text(LIST)
    await save(opened, source(file=str(tmp_path / "hosts")))

    compared = await refresh(opened, apply=False)
    assert actions(compared) == {"web1": "create", "web2": "create"}
    assert await ports(opened) == {}

    assert actions(await refresh(opened)) == {"web1": "create", "web2": "create"}
    assert await ports(opened) == {"web1": 22, "web2": 22}
    assert actions(await refresh(opened)) == {"web1": "unchanged", "web2": "unchanged"}
    assert await entries(opened) == [("source.applied", {"create": ["web1", "web2"]})]


async def test_a_host_that_vanishes_is_left_out_of_runs_and_comes_back(
    opened: Engine, tmp_path: Path, clock: ManualClock
) -> None:
    file = tmp_path / "hosts"
    file.write_text(LIST)
    await save(opened, source(file=str(file)))
    await refresh(opened)

    file.write_text("web2 10.0.0.2\n")
    assert actions(await refresh(opened)) == {"web1": "vanish", "web2": "unchanged"}
    assert await ports(opened) == {"web1": 22, "web2": 22}
    away = await opened.store.reader.read(lambda c: hosts.away(c, clock.now()))
    assert away == {"web1": "vanished from the inventory source cloud"}

    file.write_text(LIST)
    assert actions(await refresh(opened))["web1"] == "return"
    assert await opened.store.reader.read(lambda c: hosts.away(c, clock.now())) == {}


async def test_what_people_made_or_changed_is_kept_and_said(opened: Engine, tmp_path: Path) -> None:
    own = {"kind": "host", "name": "web2", "spec": {"port": 7}}
    await save(opened, own)
    file = tmp_path / "hosts"
    file.write_text(LIST)
    await save(opened, source(file=str(file)))
    await refresh(opened)
    edited = {"kind": "host", "name": "web1", "spec": {"address": "10.0.0.1", "port": 9}}
    await save(opened, edited)
    file.write_text(LIST.replace("10.0.0.1", "10.0.0.9"))

    found = await refresh(opened)

    assert [(change.host, change.action.value, change.why) for change in found.changes] == [
        ("web1", "keep", "a person changed it"),
        ("web2", "keep", "a person made it"),
    ]
    assert await ports(opened) == {"web1": 9, "web2": 7}
    await refresh(opened, overwrite=True)
    assert await ports(opened) == {"web1": 22, "web2": 7}


async def test_a_source_that_fails_keeps_its_last_good_answer(
    opened: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "hosts"
    file.write_text(LIST)
    await save(opened, source(file=str(file)))
    await refresh(opened)

    file.write_text("web1 a b\n")
    failed = [await refresh(opened), await refresh(opened)]

    assert "3 words" in failed[0].failure
    assert await ports(opened) == {"web1": 22, "web2": 22}
    good = await opened.store.reader.read(lambda c: sources.last_good(c, "cloud"))
    assert [body["name"] for body in good or ()] == ["web1", "web2"]
    assert (await opened.status()).failing_sources == {"cloud": failed[0].failure}
    file.unlink()
    assert "cannot be read: no such file" in (await refresh(opened)).failure
    file.write_text(LIST)
    await refresh(opened)
    assert (await opened.status()).failing_sources == {}
    assert [type_ for type_, _ in await entries(opened)] == [
        "source.applied", "source.failed", "source.failed", "source.answered",
    ]  # fmt: skip


async def test_a_file_is_watched_and_others_are_asked_on_their_interval(
    opened: Engine, tmp_path: Path, clock: ManualClock
) -> None:
    file = tmp_path / "hosts"
    file.write_text("web1\n")
    await save(opened, source(file=str(file), automatic=True))
    with WebServer() as server:
        server.serve("/hosts", Reply(body=b"api1\n"))
        web = source(url=server.url("/hosts"), every_s=60)
        await save(opened, {**web, "name": "web"})
        for _ in range(5):  # at 0, 30, 60, 90 and 120 s
            await opened.refreshing.tick()
            clock.advance(timedelta(seconds=30))
        assert len(server.received) == 3
    assert await ports(opened) == {"web1": 22}  # the other waits for somebody to apply it

    replaced = tmp_path / "new"
    replaced.write_text("web1\nweb2\n")
    replaced.replace(file)
    await opened.refreshing.tick()
    assert await ports(opened) == {"web1": 22, "web2": 22}


async def test_a_web_address_is_asked_with_a_token_that_shows_nowhere(
    opened: Engine, home: Path
) -> None:
    with WebServer() as server:
        server.serve("/inventory", json_reply({"web": ["web1"]}), Reply(403, b"no, canary-77"))
        token = {"format": "ansible", "url": server.url("/inventory"), "token": "canary-77"}
        await save(opened, source(**token))
        assert actions(await refresh(opened)) == {"web1": "create"}
        refused = await refresh(opened)
        assert server.received[0].headers["Authorization"] == "Bearer canary-77"
    assert "status is 403" in refused.failure or "403" in refused.failure
    stored = (await opened.store.reader.read(snapshot)).stored["host"]["web1"]
    assert stored.document.labels == {"web": "yes"}
    for place in (home / "j").rglob("*"):
        if place.is_file():
            assert b"canary-77" not in place.read_bytes(), place


async def test_a_token_that_stays_outside_is_read_and_sent(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "token"
    place.write_text("canary-78\n")
    settings = {"http_networks": ("127.0.0.0/8",), "secret_sources": ("file",)}
    async with engine(home / "j", **settings) as (opened, _):
        with WebServer() as server:
            server.serve("/inventory", Reply(200, b"web1"), Reply(403, b"no, canary-78"))
            await save(opened, *INVENTORY)
            await save(opened, source(url=server.url("/inventory"), token={"file": str(place)}))
            assert actions(await refresh(opened)) == {"web1": "create"}
            assert "canary-78" not in (await refresh(opened)).failure
            place.unlink()
            assert str(place) in (await refresh(opened)).failure
        tokens = [request.headers["Authorization"] for request in server.received]
        assert tokens == ["Bearer canary-78"] * 2, "without its token, nothing is asked"


async def test_a_source_whose_token_is_locked_fails_and_the_others_are_refreshed(
    opened: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "hosts"
    file.write_text(LIST)
    token = source(url="http://127.0.0.1:9/", token="canary-79", every_s=30)
    await save(opened, token, {**source(file=str(file), automatic=True), "name": "other"})
    opened.vault.keychain.lock("ann")

    await opened.refreshing.tick()

    assert await ports(opened) == {"web1": 22, "web2": 22}
    assert "the vault is locked" in (await refresh(opened)).failure


async def test_addresses_of_the_engines_own_machine_are_not_asked(home: Path) -> None:
    async with engine(home / "j") as (opened, _):
        with WebServer() as server:
            await save(opened, *INVENTORY, source(url=server.url("/x")))
            assert "the engine's own machine" in (await refresh(opened)).failure
            assert server.received == []


async def test_a_command_is_run_on_the_engines_machine(home: Path) -> None:
    opened = open_engine(Home(home / "j"), Settings())
    await opened.start()
    try:
        good = 'printf \'%s\' \'{"_meta": {"hostvars": {"web1": {"ansible_port": 7}}}}\''
        await save(opened, *INVENTORY, source(command=good, format="ansible"))
        assert actions(await refresh(opened)) == {"web1": "create"}
        assert await ports(opened) == {"web1": 7}
        await save(opened, source(command="echo broken >&2; exit 3", format="ansible"))
        assert (await refresh(opened)).failure == "its command ended with exit code 3"
        await save(opened, source(command="sleep 60", format="ansible", timeout_s=0.2))
        assert "0.2 s" in (await refresh(opened)).failure
    finally:
        await opened.stop()
