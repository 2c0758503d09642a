"""Retention through the API: what was previewed is what goes, and the journal says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.storage.retention import Rules
from tests.support.api import Api, command, host


@pytest.fixture
async def web(api: Api) -> Api:
    await api.apply(host("web1"))
    api.engine.retention.rules = Rules(runs_count=1)
    return api


async def test_nothing_goes_by_the_settings_of_a_new_home(api: Api) -> None:
    assert api.engine.retention.rules == Rules()


async def test_what_was_previewed_is_removed(web: Api) -> None:
    old, new = [await web.run(command(targets="web1")) for _ in range(2)]
    shown = (await web.get("/retention/preview")).json()
    assert (shown["runs"], shown["run_ids"], shown["outputs"]) == (1, [old], 0)
    assert shown["rules"]["runs_count"] == 1

    body = {"as_of": shown["as_of"], "digest": shown["digest"]}
    done = await web.post("/retention/apply", json=body)

    assert (done.status_code, done.json()["runs"]) == (200, 1)
    assert [run["id"] for run in (await web.get("/runs")).json()["items"]] == [new]
    assert (await web.get(f"/runs/{old}")).status_code == 404
    entries = (await web.get("/events?after=0")).json()["items"]
    (entry,) = [entry for entry in entries if entry["type"] == "retention.applied"]
    assert (entry["actor"], entry["data"]["run_ids"]) == ("ada", [old])


async def test_a_preview_that_no_longer_holds_is_refused_and_nothing_goes(web: Api) -> None:
    for _ in range(2):
        await web.run(command(targets="web1"))
    shown = (await web.get("/retention/preview")).json()
    await web.run(command(targets="web1"))

    body = {"as_of": shown["as_of"], "digest": shown["digest"]}
    refused = await web.post("/retention/apply", json=body)

    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert len((await web.get("/runs")).json()["items"]) == 3


async def test_output_can_go_while_the_record_stays(web: Api) -> None:
    run_id = await web.run(command(targets="web1"))
    web.engine.retention.rules = Rules(output_age=timedelta(0))
    shown = (await web.get("/retention/preview")).json()
    body = {"as_of": shown["as_of"], "digest": shown["digest"]}
    assert (await web.post("/retention/apply", json=body)).json()["outputs"] == 1
    page = (await web.get(f"/runs/{run_id}/output?host=web1")).json()
    assert (page["pieces"], page["size_bytes"], page["removed_bytes"]) == ([], 0, 5)
    assert (await web.get(f"/runs/{run_id}")).json()["counts"] == {"success": 1}
