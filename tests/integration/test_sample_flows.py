"""The flows among the samples: each plans, and does on scripted hosts what its description says."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

import assets
from core.domain import yamlsafe
from core.domain.approval import Choice
from core.domain.authorization import Actor
from core.domain.captures import SetLines
from core.domain.outputs_file import read_outputs_file
from core.domain.run import RunState
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour
from core.flow.definition import RunRequest
from core.runtime.approvals import Ballot
from core.runtime.engine import Engine
from core.storage import approvals
from tests.support.runtime import ended, engine, row_of, save, start, steps_of

FOLDER = Path(assets.__file__).parent


def read(folder: str) -> list[dict[str, Any]]:
    return [
        document.value
        for file in sorted((FOLDER / folder).glob("*.yaml"))
        for document in yamlsafe.load_all(file.read_text(encoding="utf-8"))
    ]


def documents(folder: str = "samples") -> list[dict[str, Any]]:
    """Of a folder, with waits that are over at once."""
    found = read(folder)
    for document in found:
        for node in document["spec"].get("nodes", ()):
            if node["kind"] == "wait":
                node["for_s"] = 0.01
            node.pop("retry", None)
    return found


class Site:
    """Scripted hosts: what a step prints, and where it fails."""

    def __init__(self) -> None:
        self.prints: dict[str, str] = {}
        self.fails: set[tuple[str, str]] = set()
        self.began: list[tuple[str, str]] = []

    def __call__(self, target: Target, work: Work | None) -> Behaviour:
        if work is None:
            return Behaviour()
        step = work.env["JOBDECK_STEP"]
        what = work.env.get("DATABASE", target.host)
        self.began.append((step, what))
        text = self.prints.get(step, "")
        return Behaviour(
            output=((Stream.OUT, text.encode()),), exit_code=int((step, what) in self.fails)
        )


FLOWS = {
    "rolling-deploy": {"VERSION": "1.4.2"},
    "nightly-backup": {},
    "incident-triage": {},
    "renew-certificate": {},
}


@pytest.mark.parametrize(("folder", "names"), [("samples", FLOWS), ("samples-windows", {"windows-patch-round": {}})])  # fmt: skip
async def test_every_flow_can_be_started(
    home: Path, folder: str, names: dict[str, dict[str, Any]]
) -> None:
    async with engine(home, Site()) as (opened, _):
        found = documents(folder)
        await save(opened, *found)
        assert {each["name"] for each in found if each["kind"] == "flow"} == set(names)
        for name, parameters in names.items():
            await opened.runs.preview(RunRequest(flow=name, parameters=parameters))


async def run_of(opened: Engine, name: str, **parameters: Any) -> str:
    run = await start(opened, flow=name, targets=None, parameters=parameters)
    return run.id


async def test_a_release_that_is_not_well_is_taken_back_where_it_was_made(home: Path) -> None:
    site = Site()
    site.fails = {("look", "web03")}
    async with engine(home, site) as (opened, _):
        await save(opened, *documents())
        run = await run_of(opened, "rolling-deploy", VERSION="1.4.2")
        assert (await ended(opened, run)).state is RunState.ROLLED_BACK
        restored = sorted(host for step, host in site.began if step == "restore")
        assert restored == [f"web0{n}" for n in range(1, 6)]


async def test_the_databases_that_have_no_new_dump_are_counted_and_nothing_is_pruned(
    home: Path,
) -> None:
    site = Site()
    site.prints["list"] = "::set databases=orders stock users::\n"
    site.fails = {("dump-one", "stock")}
    async with engine(home, site) as (opened, _):
        await save(opened, *documents())
        run = await run_of(opened, "nightly-backup")
        row = await ended(opened, run)
        assert (row.state, row.reason) == (RunState.FAILED, "1 databases have no new dump")
        dumped = sorted(what for step, what in site.began if step == "dump-one")
        assert dumped == ["orders", "stock", "users"]
        assert "prune" not in {step for step, _ in site.began}


async def test_servers_are_restarted_where_they_are_down_after_somebody_has_agreed(
    home: Path,
) -> None:
    site = Site()
    site.fails = {("services", "web02")}
    async with engine(home, site) as (opened, _):
        await save(opened, *documents())
        run = await run_of(opened, "incident-triage")

        async def asked() -> list[approvals.ApprovalRow]:
            return await opened.store.reader.read(lambda c: list(approvals.of_run(c, run)))

        async with asyncio.timeout(20):
            while not (rows := await asked()):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
        assert "nginx is down on 1 hosts. Restart it there?" in rows[0].spec
        ballot = Ballot(choice=Choice.APPROVE, comment="seen")
        await opened.approvals.vote(rows[0].id, Actor(kind="person", name="bob"), ballot)
        await ended(opened, run)
        assert [host for step, host in site.began if step == "restart"] == ["web02"]


async def test_servers_that_are_well_are_left_alone(home: Path) -> None:
    site = Site()
    async with engine(home, site) as (opened, _):
        await save(opened, *documents())
        run = await run_of(opened, "incident-triage")
        assert (await ended(opened, run)).state is RunState.SUCCEEDED
        assert {row.step for row in await steps_of(opened, run)} >= {"down", "fine"}
        assert (await row_of(opened, run)).reason == ""


@pytest.mark.parametrize(
    ("flow", "node", "program", "prints", "sets"),
    [
        (
            "nightly-backup",
            "list",
            "psql",
            "orders\\ncustomers\\n",
            {"databases": "orders customers"},
        ),
        ("incident-triage", "disks", "df", "Disk\\n/dev/sda 9 8 1 87% /\\n", {"disk": "87"}),
    ],
)
def test_what_a_script_hands_on_is_what_later_nodes_read(
    tmp_path: Path, flow: str, node: str, program: str, prints: str, sets: dict[str, str]
) -> None:
    stub, file = tmp_path / program, tmp_path / "outputs"
    stub.write_text(f"#!/bin/sh\nprintf '{prints.replace('%', '%%')}'\n", encoding="utf-8")
    stub.chmod(0o700)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "JOBDECK_OUTPUT": str(file)}

    ended = subprocess.run(
        ["sh", "-c", text_of(flow, node)], env=env, capture_output=True, check=True
    )

    lines = SetLines()
    lines.feed(ended.stdout)
    written = read_outputs_file(file.read_bytes() if file.exists() else None, str)
    assert {**lines.finish().values, **written} == sets


def text_of(flow: str, node: str) -> str:
    nodes = next(each["spec"]["nodes"] for each in read("samples") if each["name"] == flow)
    text = next(each["text"] for each in nodes if each["name"] == node)
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("folder", ["samples", "samples-windows"])
def test_no_script_writes_the_file_of_outputs_as_anything_but_an_object(folder: str) -> None:
    lines = [
        line
        for file in sorted((FOLDER / folder).glob("*.yaml"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    assert [line for line in lines if "JOBDECK_OUTPUT" in line and "{" not in line] == []
