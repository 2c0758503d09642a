"""The engine, its kinds and its inventory through the API."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.runtime.engine import StopMode
from tests.support.api import Api, command, host


async def test_the_engine_says_how_it_is(api: Api) -> None:
    await api.apply(host("web1"))
    await api.run(command(targets="web1"))
    engine = (await api.get("/engine")).json()
    assert (engine["state"], engine["runs"], engine["live_runs"]) == (
        "running",
        {"succeeded": 1},
        0,
    )
    assert engine["home"] == str(api.engine.home.root)
    assert engine["database_bytes"] > 0


@pytest.mark.parametrize("mode", ["drain", "detach"])
async def test_a_stop_is_accepted_and_no_new_run_is(api: Api, mode: str) -> None:
    await api.apply(host("web1"))
    answer = await api.post("/engine/stop", {"mode": mode})
    assert (answer.status_code, answer.json()["state"]) == (202, "stopping")
    assert api.engine.stop_requested.is_set()
    refused = await api.post("/runs", command(targets="web1"))
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


async def test_a_drain_that_takes_too_long_becomes_a_detach(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: asyncio.Queue[StopMode] = asyncio.Queue()
    monkeypatch.setattr(api.engine, "request_stop", modes.put_nowait)
    await api.post("/engine/stop", {"mode": "drain", "timeout_s": 0.01})
    async with asyncio.timeout(10):
        assert [await modes.get(), await modes.get()] == [StopMode.DRAIN, StopMode.DETACH]


async def test_kinds_come_with_the_schema_of_a_whole_document(api: Api) -> None:
    kinds = (await api.get("/kinds")).json()
    assert [kind["kind"] for kind in kinds] == [
        "environment",
        "account",
        "host",
        "group",
        "inventory-source",
        "script",
        "job",
        "channel",
        "flow",
        "command-rule",
        "calendar",
        "schedule",
    ]
    for kind in kinds:
        schema = (await api.http.get(kind["schema_url"])).json()
        assert schema["properties"]["kind"] == {
            "const": kind["kind"],
            "title": "Kind",
            "type": "string",
        }
        assert set(schema["required"]) == {"kind", "name", "spec"}
        assert schema["additionalProperties"] is False


async def test_an_expression_is_resolved_to_hosts(api: Api) -> None:
    await api.apply(*(host(f"web{number}") for number in (1, 2, 10)), host("db1"))
    answer = await api.post("/targets/resolve", {"expression": "web*,!web2"})
    assert answer.json() == {"hosts": ["web1", "web10"], "count": 2, "folded": "web[1,10]"}


async def test_an_inventory_becomes_documents_that_apply_takes(api: Api) -> None:
    text = "name,address,user\nweb1,10.0.0.1,ops\nweb2,10.0.0.2,\n"
    before = api.journal_end
    body = {"source": "csv", "text": text, "account": "root", "labels": {"from": "csv"}}
    preview = (await api.post("/inventory/import", body)).json()
    assert api.journal_end == before
    hosts = {doc["name"]: doc for doc in preview["documents"] if doc["kind"] == "host"}
    assert hosts["web1"]["spec"] == {"address": "10.0.0.1", "account": "ops-agent"}
    assert hosts["web2"]["spec"] == {"address": "10.0.0.2", "account": "root"}
    assert hosts["web1"]["labels"] == {"from": "csv"}
    root = {"kind": "account", "name": "root", "spec": {"user": "root", "agent": True}}
    await api.apply(root, *preview["documents"])


async def test_a_backup_is_made_while_the_engine_works(api: Api, home: Path) -> None:
    await api.apply(host("web1"))
    made = await api.post("/backups", {"path": str(home / "copy.db")})
    assert made.status_code == 201
    assert (made.json()["integrity"], made.json()["last_seq"]) == ("ok", 1)
    assert (home / "copy.db").stat().st_size == made.json()["size_bytes"]
    again = await api.post("/backups", {"path": str(home / "copy.db")})
    assert (again.status_code, again.json()["code"]) == (409, "already-exists")


async def test_a_backup_without_a_name_is_named_after_the_time(api: Api, home: Path) -> None:
    made = (await api.post("/backups", {})).json()
    assert Path(made["path"]).parent == api.engine.home.root / "backups"
    made = (await api.post("/backups", {"path": str(home)})).json()
    assert Path(made["path"]).parent == home
    assert Path(made["path"]).name.startswith("jobdeck-20")


@pytest.mark.parametrize("path", ["copy.db", "", "/tmp/\0copy.db"])
async def test_a_backup_s_place_is_an_absolute_path(api: Api, path: str) -> None:
    answer = await api.post("/backups", {"path": path})
    assert (answer.status_code, answer.json()["problems"][0]["where"]) == (422, "path")


@pytest.mark.parametrize("path", ["missing/copy.db", "n" * 300])
async def test_a_place_that_cannot_be_written_is_the_machine_s_fault(
    api: Api, home: Path, path: str
) -> None:
    answer = await api.post("/backups", {"path": str(home / path)})
    assert (answer.status_code, answer.json()["code"]) == (503, "storage-fault")
    assert answer.json()["hint"]
