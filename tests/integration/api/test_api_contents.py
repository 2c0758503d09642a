"""Contents through the API: whole or not at all, held by who refers to them, given to nobody damaged."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from core.storage.retention import Rules
from tests.support.api import Api, host, running_api

DATA = os.urandom(3_000_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
BYTES = {"Content-Type": "application/octet-stream"}


async def put(api: Api, data: bytes = DATA, sha256: str = "") -> httpx.Response:
    sha256 = sha256 or hashlib.sha256(data).hexdigest()
    path = f"/api/v1/contents/{sha256}/bytes"
    return await api.http.put(path, content=data, headers=BYTES)


def job(sha256: str = SHA256) -> dict[str, Any]:
    bring = {
        "kind": "push",
        "name": "bring",
        "contents": [{"name": "app.conf", "sha256": sha256}],
        "to": "/etc/app/",
    }
    return {"kind": "job", "name": "deploy", "spec": {"targets": "web1", "steps": [bring]}}


def files(api: Api) -> list[Path]:
    return [path for path in api.engine.home.contents.rglob("*") if path.is_file()]


async def sweep(api: Api) -> dict[str, Any]:
    """Remove whatever nobody refers to, young or old."""
    api.engine.retention.rules = Rules(runs_count=1, contents_age=timedelta(seconds=-1))
    shown = (await api.get("/retention/preview")).json()
    body = {"as_of": shown["as_of"], "digest": shown["digest"]}
    done: dict[str, Any] = (await api.post("/retention/apply", json=body)).json()
    return done


async def test_a_content_comes_back_as_it_went_in(api: Api) -> None:
    first, again = await put(api), await put(api)

    assert (first.status_code, first.json()["size_bytes"]) == (200, len(DATA))
    assert {key: again.json()[key] for key in ("added_by", "used_by", "runs")} == {
        "added_by": "ada",
        "used_by": [],
        "runs": 0,
    }
    assert (await api.get(f"/contents/{SHA256}/bytes")).content == DATA
    listed = (await api.get(f"/contents?begins={SHA256[:4]}")).json()["items"]
    assert [each["sha256"] for each in listed] == [SHA256]
    (file,) = files(api)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert str(file).endswith(f"/content/{SHA256[:2]}/{SHA256[2:]}")


async def test_what_is_not_what_it_was_announced_as_is_not_kept(api: Api) -> None:
    wrong = await put(api, DATA[:-1], SHA256)
    untyped = await api.http.put(f"/api/v1/contents/{SHA256}/bytes", content=DATA)

    assert (wrong.status_code, wrong.json()["code"]) == (409, "conflict")
    assert untyped.status_code == 415
    assert files(api) == []
    assert (await api.get(f"/contents/{SHA256}")).status_code == 404


async def test_more_than_there_may_be_is_refused_before_all_of_it_has_come(home: Path) -> None:
    async with running_api(home / "j", contents_size="4MB") as small:
        assert (await put(small)).status_code == 200
        refused = await put(small, os.urandom(1_500_000))
        assert (refused.status_code, refused.json()["code"]) == (409, "contents-full")
        assert len(files(small)) == 1
        assert (await put(small, b"still room")).status_code == 200


async def test_a_damaged_content_is_given_to_nobody_and_mended_by_its_bytes(api: Api) -> None:
    await put(api)
    (file,) = files(api)
    file.write_bytes(DATA[:-1] + b"x")

    refused = await api.get(f"/contents/{SHA256}/bytes")
    assert (refused.status_code, refused.json()["code"]) == (503, "storage-fault")
    await put(api)
    assert (await api.get(f"/contents/{SHA256}/bytes")).content == DATA


async def test_a_content_is_read_and_found_right_damaged_or_gone(api: Api) -> None:
    await put(api)

    async def fault() -> str:
        return str((await api.get(f"/contents/{SHA256}/verify")).json()["fault"])

    assert await fault() == ""
    [path] = files(api)
    path.write_bytes(DATA[:-1] + b"?")
    assert "is damaged on the disk" in await fault()
    path.unlink()
    assert await fault() == "its file is gone"
    assert (await api.get(f"/contents/{'0' * 64}/verify")).status_code == 404


async def test_a_document_and_a_run_can_only_name_what_is_there(api: Api) -> None:
    await api.apply(host("web1"))
    refused = await api.post("/apply", {"documents": [job()]})
    adhoc = {"step": job()["spec"]["steps"][0], "targets": "web1"}
    started = await api.post("/runs", adhoc)

    assert refused.status_code == 422
    assert refused.json()["problems"][0]["where"] == "spec.steps[0].contents[0]"
    assert (started.status_code, started.json()["problems"][0]["where"]) == (422, SHA256)
    assert (await api.get("/runs")).json()["items"] == []


async def test_plans_and_runs_say_which_files_go_where(api: Api) -> None:
    await put(api)
    await api.apply(host("web1"), job())
    carried = {
        "taken": [{"source": "content", "files": ["app.conf"], "hosts": ""}],
        "to": "/etc/app/",
    }

    planned = await api.post("/plans", {"request": {"job": "deploy"}, "level": "plan"})
    started = await api.post("/runs", {"job": "deploy"})
    run = (await api.get(f"/runs/{started.json()['id']}")).json()

    assert [step["carried"] for step in planned.json()["steps"]] == [carried]
    assert [step["carried"] for step in run["definition"]["steps"]] == [carried]


async def test_what_somebody_refers_to_stays_and_then_goes(api: Api) -> None:
    await put(api)
    await api.apply(host("web1"), job())
    run_id = await api.run({"job": "deploy"})
    shown = (await api.get(f"/contents/{SHA256}")).json()
    assert (shown["used_by"], shown["runs"]) == (["job/deploy"], 1)
    assert (await sweep(api))["contents"] == 0

    await api.delete("/documents/job/deploy", headers={"If-Match": "*"})
    assert (await sweep(api))["contents"] == 0, "the run can be retried"
    step = {"name": "x", "kind": "command", "command": "true"}
    await api.run({"step": step, "targets": "web1"})
    assert (await sweep(api))["runs"] == 1, run_id
    gone = await sweep(api)

    assert (gone["contents"], gone["contents_bytes"]) == (1, len(DATA))
    assert files(api) == []
    assert (await api.get(f"/contents/{SHA256}")).status_code == 404


async def test_a_content_has_a_time_of_grace(api: Api) -> None:
    await put(api)
    api.engine.retention.rules = Rules(contents_age=timedelta(hours=1))
    assert (await api.get("/retention/preview")).json()["contents"] == 0


async def test_an_engine_clears_away_what_a_lost_one_left(home: Path) -> None:
    async with running_api(home / "j") as lost:
        await put(lost)
    folder = home / "j" / "content"
    (folder / "incoming" / "half").write_bytes(b"half")
    for name, age_s in (("old", 30 * 86400), ("young", 0)):
        stray = folder / "ab" / name
        stray.parent.mkdir(exist_ok=True)
        stray.write_bytes(b"no row")
        os.utime(stray, (stray.stat().st_mtime - age_s,) * 2)
    async with running_api(home / "j") as api:
        assert sorted(path.name for path in files(api)) == sorted([SHA256[2:], "young"])
