"""Transfers in runs: values, secrets, and an engine that is lost in the middle."""

from __future__ import annotations

import asyncio
import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from core.domain.documents import parse
from core.domain.run import RunState, TargetCode, TargetState
from core.errors import Invalid
from core.executors.files import RelayExecutor
from core.executors.local import LocalExecutor
from core.executors.protocol import Login, Target
from core.executors.scripted import ScriptedExecutor
from core.flow.definition import RunRequest
from core.flow.dryrun import PlanLevel, PlanState
from tests.support import work
from tests.support.runtime import (
    abandon,
    arrived,
    assert_nowhere,
    crashing,
    ended,
    engine,
    save,
    start,
    targets_of,
    well,
)
from tests.support.waiting import eventually
from tests.support.webserver import Reply, WebServer
from tests.support.work import QUICK, new_token

MB = 1_000_000
HOST = {"kind": "host", "name": "here", "spec": {"protocol": "local"}}


def local(home: Path) -> LocalExecutor:
    return LocalExecutor(QUICK, new_token, {"PATH": os.environ["PATH"], "HOME": str(home)})


def push(**more: Any) -> dict[str, Any]:
    return {"kind": "push", "name": "bring", **more}


async def test_an_engine_that_is_lost_in_the_middle_goes_on_where_it_was(home: Path) -> None:
    data, there, jobdeck = os.urandom(8 * MB), home / "there", home / "j"
    (home / "big").write_bytes(data)
    lost = await crashing(jobdeck, ScriptedExecutor(well), local(home))
    await save(lost, HOST)
    bring = push(files=[str(home / "big")], to=f"{there}/", bytes_per_s=8 * MB)
    accepted = await start(lost, step=bring)
    await eventually(lambda: sum(part.stat().st_size for part in there.glob(".*.part")) > MB)
    await abandon(lost)
    assert not (there / "big").exists()
    async with engine(jobdeck, local=local(home)) as (opened, _):
        run = await ended(opened, accepted.id)
        (row,) = await targets_of(opened, run.id)
        came = await arrived(opened, run.id)
        shown = b"".join(segment.data for each in came for segment in each.segments)

    assert (run.state, row.state) == (RunState.SUCCEEDED, TargetState.SUCCESS)
    assert b"big: going on at byte " in shown
    assert (there / "big").read_bytes() == data
    assert [path.name for path in there.iterdir()] == ["big"]


async def test_all_targets_keep_one_speed_together(home: Path) -> None:
    (home / "big").write_bytes(os.urandom(200_000))
    bring = push(
        files=[str(home / "big")], to=f"{home}/${{JOBDECK_HOST}}/", bytes_per_s_total=MB
    )  # fmt: skip
    async with engine(home / "j", local=local(home)) as (opened, _):
        await save(opened, *({**HOST, "name": name} for name in ("a", "b", "c")))
        run = await ended(opened, (await start(opened, step=bring, targets="all")).id)

    assert run.state is RunState.SUCCEEDED
    began, done = map(datetime.fromisoformat, (run.started_at or "", run.finished_at or ""))
    assert (done - began).total_seconds() >= 0.4, "600 kB; nobody waits for the first part"


async def test_a_secret_in_a_template_arrives_and_is_kept_nowhere_else(home: Path) -> None:
    secret, jobdeck = "tok-8dJ2xQ", home / "j"
    bring = push(text="token = ${TOKEN}", to=f"{home}/app.conf", template=True, mode="0600")
    async with engine(jobdeck, local=local(home)) as (opened, _):
        await save(opened, HOST)
        accepted = await start(opened, step=bring, secrets={"TOKEN": secret})
        run = await ended(opened, accepted.id)

    assert run.state is RunState.SUCCEEDED
    assert (home / "app.conf").read_text() == f"token = {secret}"
    assert_nowhere(jobdeck, secret.encode())


async def test_a_check_of_a_plan_says_what_would_become_of_each_file(home: Path) -> None:
    (home / "app.conf").write_text("port = 81\n")
    bring = push(text="port = 80\n", to=f"{home}/app.conf")
    async with engine(home / "j", local=local(home)) as (opened, _):
        await save(opened, HOST)
        request = RunRequest.model_validate({"step": bring, "targets": "all"})
        plan = await opened.plans.make(request, PlanLevel.CHECK, "test")
        async with asyncio.timeout(20):
            while plan.row.state is PlanState.PROBING:
                await asyncio.sleep(0.01)
                plan = await opened.plans.get(plan.row.id)
        changes = [finding.changes for finding in plan.findings if finding.changes]

    assert [text.splitlines()[1:] for text in changes] == [
        ["@@ -1 +1 @@", "-port = 81", "+port = 80"]
    ]
    assert changes[0].startswith("replace  ")
    assert (home / "app.conf").read_text() == "port = 81\n"


async def test_files_of_some_hosts_go_to_others_through_the_engine(home: Path) -> None:
    hosts = [{"kind": "host", "name": name, "spec": {"protocol": "local"}} for name in "abcd"]
    for name in ("a", "b"):
        (home / name).mkdir()
        (home / name / f"of {name}").write_text(name)
        (home / name / f"of {name}").chmod(0o754)
    spread = {
        "kind": "distribute",
        "name": "spread",
        "source": "a,b",
        "files": [f"{home}/[ab]"],
        "to": f"{home}/to/${{JOBDECK_HOST}}/",
        "by": "source",
    }
    async with engine(home / "j", local=local(home)) as (opened, _):
        await save(opened, *hosts)
        accepted = await start(opened, step=spread, targets="c,d")
        run = await ended(opened, accepted.id)
        rows = await targets_of(opened, run.id)
        with pytest.raises(Invalid, match="nothing to distribute"):
            await start(opened, step={**spread, "source": "x*"}, targets="c,d")

    assert run.state is RunState.SUCCEEDED, rows
    found = {str(path.relative_to(home / "to")): path for path in (home / "to").rglob("of *")}
    assert sorted(found) == [
        f"{target}/{source}/{folder}/of {folder}"
        for target in "cd"
        for source in "ab"
        for folder in "ab"
    ]
    assert {path.stat().st_mode & 0o700 for path in found.values()} == {0o700}
    assert not (home / "j" / "staging").exists()


async def test_a_file_of_a_web_server_is_fetched_once_and_goes_to_every_host(home: Path) -> None:
    data = os.urandom(3 * MB)
    hosts = [{"kind": "host", "name": name, "spec": {"protocol": "local"}} for name in "abc"]
    with WebServer() as web:
        web.serve("/app.tar", Reply(body=data))
        spread = {
            "kind": "distribute",
            "name": "spread",
            "urls": [{"url": web.url("/app.tar"), "sha256": hashlib.sha256(data).hexdigest()}],
            "to": f"{home}/to/${{JOBDECK_HOST}}/",
        }
        wrong = {**spread, "urls": [{"url": web.url("/app.tar"), "sha256": "0" * 64}]}
        absent = {**spread, "urls": [{"url": web.url("/none")}]}
        silent = {**spread, "urls": [{"url": "http://127.0.0.1:9/app.tar"}]}
        networks = {"http_networks": ("127.0.0.0/8",)}
        async with engine(home / "j", local=local(home), **networks) as (opened, _):
            await save(opened, *hosts)
            run = await ended(opened, (await start(opened, step=spread)).id)
            asked = len(web.received)
            found = [(home / "to" / name / "app.tar").read_bytes() == data for name in "abc"]
            rows = []
            for step in (wrong, absent, silent):
                other = await ended(opened, (await start(opened, step=step, targets="a")).id)
                rows += await targets_of(opened, other.id)

    assert (run.state, asked, found) == (RunState.SUCCEEDED, 1, [True] * 3)
    assert rows[0].state is TargetState.CHECKSUM_MISMATCH
    assert "it was sent to no host" in rows[0].message
    assert rows[1].code == TargetCode.UNEXPECTED_ANSWER
    assert "status 404, expected 2xx" in rows[1].message
    assert rows[2].code == TargetCode.CONNECTION_FAILURE
    assert "from 127.0.0.1: " in rows[2].message
    assert {row.state for row in rows[1:]} == {TargetState.FILE_SOURCE_MISSING}, "not the target's"


async def test_a_web_server_that_may_not_be_reached_is_not_asked(home: Path) -> None:
    with WebServer() as web:
        spread = {
            "kind": "distribute",
            "name": "spread",
            "urls": [{"url": web.url("/app.tar")}],
            "to": f"{home}/to/",
        }
        async with engine(home / "j", local=local(home)) as (opened, _):
            await save(opened, HOST)
            run = await ended(opened, (await start(opened, step=spread)).id)
            (row,) = await targets_of(opened, run.id)

    assert row.code == TargetCode.UNAUTHORIZED
    assert web.received == []
    assert not (home / "to").exists()


async def test_a_source_that_has_no_such_file_is_named_and_no_target_is_touched(home: Path) -> None:
    hosts = [{"kind": "host", "name": name, "spec": {"protocol": "local"}} for name in "abc"]
    spread = {
        "kind": "distribute",
        "name": "spread",
        "source": "a",
        "files": ["/none/*"],
        "to": f"{home}/to/",
    }
    async with engine(home / "j", local=local(home)) as (opened, _):
        await save(opened, *hosts)
        run = await ended(opened, (await start(opened, step=spread, targets="b,c")).id)
        rows = await targets_of(opened, run.id)

    assert {row.state for row in rows} == {TargetState.FILE_SOURCE_MISSING}
    assert {row.message for row in rows} == {"from a: /none/* is not there on the target"}
    assert not (home / "to").exists()


async def test_a_probe_of_a_distribution_asks_the_target_itself(home: Path) -> None:
    relay = RelayExecutor({"local": local(home)}, home / "staging")
    to = Target(host="a", address="localhost", protocol="local", login=Login(user=""))
    result = await work.run(relay, to, "echo here")

    assert result.out == b"here\n"


async def test_two_sources_with_files_of_one_name_are_refused_without_a_folder_each(
    home: Path,
) -> None:
    hosts = [{"kind": "host", "name": name, "spec": {"protocol": "local"}} for name in "abc"]
    (home / "x").write_text("x")
    spread = {
        "kind": "distribute",
        "name": "spread",
        "source": "a,b",
        "files": [f"{home}/x"],
        "to": f"{home}/to/",
    }
    async with engine(home / "j", local=local(home)) as (opened, _):
        await save(opened, *hosts)
        run = await ended(opened, (await start(opened, step=spread, targets="c")).id)
        (row,) = await targets_of(opened, run.id)

    assert row.state is TargetState.INVALID_TARGET
    assert "would both become x" in row.message
    assert not (home / "to").exists()


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        (
            {"files": ["/a"], "text": "x", "to": "/b"},
            "give `files`, `contents` or `text`, one of the three",
        ),
        ({"to": "/b"}, "give `files`, `contents` or `text`, one of the three"),
        ({"files": ["a"], "to": "/b"}, "a must be a whole path, beginning with /"),
        ({"files": ["/a", "/b"], "to": "/c"}, "`to` must have a / at its end"),
        ({"files": ["/a*"], "to": "/c"}, "`to` must have a / at its end"),
        ({"files": ["/a"], "to": "b/"}, "must be a whole path, beginning with / or ~/"),
        ({"files": ["/a"], "to": "/b/../c"}, "goes up with `..`"),
        ({"files": ["/a"], "to": "/b\n/"}, "has a control character (code 10)"),
        ({"text": "x", "to": "/b/"}, "`to` must name it, without a / at its end"),
        ({"text": "x", "to": "/b", "mode": "rw"}, "octal digits"),
        ({"text": "x", "to": "/b", "owner": "a b"}, "must be USER or USER:GROUP"),
        ({"text": "${a b}", "to": "/b", "template": True}, "names no variable"),
        ({"text": "x", "to": "/b", "execution": "detached"}, "drop `execution`"),
    ],
)
def test_a_bad_step_is_refused_with_its_reason(spec: dict[str, Any], what: str) -> None:
    body = {"kind": "job", "name": "j", "spec": {"steps": [push(**spec)]}}
    with pytest.raises(Invalid) as caught:
        parse(body)
    (problem,) = caught.value.problems
    assert what in problem.what
