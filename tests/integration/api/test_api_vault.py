"""The vault through the API: what opens it, and that nothing secret comes out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.api import Api, command, host

PASSPHRASE = "correct horse battery"


@pytest.fixture
async def kept(api: Api) -> Api:
    spec = {"user": "u", "password": "hunter2 of ops"}
    await api.apply({"kind": "account", "name": "ops", "spec": spec}, host("web1", account="ops"))
    return api


async def test_a_vault_says_what_keeps_its_key_and_how_many_secrets_it_has(kept: Api) -> None:
    shown = (await kept.get("/vault")).json()
    assert (shown["state"], shown["unlocker"], shown["secrets"]) == ("open", "key file", 1)
    assert [place["name"] for place in shown["unlockers"] if place["in_use"]] == ["key file"]
    verdict = (await kept.get("/vault/verify")).json()
    assert verdict == {"good": 1, "damaged": 0, "foreign": 0, "owners": []}


async def test_a_list_says_whose_secrets_there_are_and_what_uses_them(kept: Api) -> None:
    spec = {"user": "u", "password": "unused", "become": {"password": "unused too"}}
    await kept.apply({"kind": "account", "name": "spare", "spec": spec})
    await kept.run(command(targets="web1", secrets={"MINE": "of the run"}))
    (first,) = (page := (await kept.get("/vault/secrets?limit=1")).json())["items"]
    assert (first["owner"], first["used_by"]) == ("account/ops/spec.password", ["host/web1"])
    assert first["used_at"] >= first["created_at"]
    rest = (await kept.get(f"/vault/secrets?cursor={page['next_cursor']}")).json()["items"]
    assert [(one["owner"], one["used_at"], one["used_by"]) for one in rest] == [
        ("account/spare/spec.become.password", None, []),
        ("account/spare/spec.password", None, []),
    ]


async def test_a_run_that_needs_a_secret_of_a_locked_vault_says_so_and_runs_after_it_is_open(
    kept: Api,
) -> None:
    under = {"unlocker": "passphrase", "passphrase": PASSPHRASE}
    assert (await kept.post("/vault/init", json=under)).json()["unlocker"] == "passphrase"
    locked = (await kept.post("/vault/lock", json={})).json()
    assert (locked["state"], locked["needs_passphrase"]) == ("locked", True)

    run_id = await kept.run(command(targets="web1"))
    (target,) = (await kept.get(f"/runs/{run_id}/targets")).json()["items"]
    assert "the vault is locked" in target["message"]
    refused = await kept.post("/vault/unlock", json={"passphrase": "another one"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    opened = await kept.post("/vault/unlock", json={"passphrase": PASSPHRASE})
    assert opened.json()["state"] == "open"
    again = await kept.run(command(targets="web1"))
    assert (await kept.get(f"/runs/{again}")).json()["state"] == "succeeded"


async def test_a_key_that_is_exported_and_one_that_is_new_are_on_record(
    kept: Api, home: Path
) -> None:
    before = (await kept.get("/vault")).json()["key_id"]
    text = (await kept.post("/vault/export", json={"passphrase": PASSPHRASE})).json()["text"]
    assert (await kept.post("/vault/rotate", json={})).json()["key_id"] != before
    old = await kept.post("/vault/import", json={"text": text, "passphrase": PASSPHRASE})
    assert (old.status_code, old.json()["code"]) == (422, "invalid")
    entries = (await kept.get("/events?after=0")).json()["items"]
    told = [entry["type"] for entry in entries if entry["subject"] == "vault"]
    assert told == ["vault.exported", "vault.rotated"]
    assert (await kept.get("/vault/verify")).json()["good"] == 1


async def test_a_plan_and_a_start_say_that_an_account_has_had_its_last_day(api: Api) -> None:
    spec = {"user": "u", "password": "p", "expires": "2020-02-29"}
    await api.apply({"kind": "account", "name": "ops", "spec": spec}, host("web1", account="ops"))
    said = {
        "where": "account ops",
        "what": "its last day was 2020-02-29",
        "hint": "renew what proves it, and `expires`",
    }
    body = command(targets="web1")
    plan = (await api.post("/plans", json={"request": body, "level": "plan"})).json()
    assert plan["warnings"] == [said]
    started = await api.post("/runs", json=body)
    assert (started.status_code, started.json()["warnings"]) == (202, [said])
