"""Windows hosts in runs: documents to the end, a lost engine, a probe, secrets that stay secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.bootstrap import open_engine
from core.config import Settings
from core.domain.health import knock
from core.domain.probing import Finding
from core.domain.run import RunState, TargetState
from core.executors.winrm import WinrmExecutor
from core.flow.definition import RunRequest
from core.flow.dryrun import PlanLevel, PlanState
from core.home import Home
from core.runtime.engine import Engine, StopMode
from tests.support.runtime import abandon, arrived, assert_nowhere, ended, save, start, targets_of
from tests.support.waiting import eventually
from tests.support.winrm_line import PASSWORD, USER
from tests.support.winrmd import WinrmServer
from tests.support.work import QUICK, new_token

SECRET = "s3cret-of-the-run"


def documents(server: WinrmServer, **spec: Any) -> list[dict[str, Any]]:
    host = {
        "address": "127.0.0.1",
        "port": server.port,
        "protocol": "winrm",
        "account": "ada",
        "winrm": {"certificate": server.fingerprint()},
        **spec,
    }
    account = {"user": f"HOST\\{USER}", "password": PASSWORD}
    return [
        {"kind": "account", "name": "ada", "spec": account},
        {"kind": "host", "name": "win1", "spec": host},
    ]


async def opened_on(home: Path) -> Engine:
    access = {"winrm": WinrmExecutor(QUICK, new_token)}
    opened = open_engine(Home(home), Settings(), executors=access)
    await opened.start()
    return opened


@asynccontextmanager
async def engine(home: Path) -> AsyncIterator[Engine]:
    opened = await opened_on(home)
    try:
        yield opened
    finally:
        opened.request_stop(StopMode.DETACH)
        await opened.stop()


def command(text: str) -> dict[str, Any]:
    return {"kind": "command", "name": "look", "command": text}


async def printed(opened: Engine, run_id: str) -> bytes:
    came = await arrived(opened, run_id)
    return b"".join(segment.data for each in came for segment in each.segments)


async def probe(opened: Engine, request: RunRequest, level: PlanLevel = PlanLevel.PROBE) -> Finding:
    made = await opened.plans.make(request, level, "test")
    async with asyncio.timeout(60):
        while (found := await opened.plans.get(made.row.id)).row.state is PlanState.PROBING:  # noqa: ASYNC110 - a probe has no event for it
            await asyncio.sleep(0.02)
    return found.findings[-1]  # a check comes behind the probe of its host


async def test_a_run_reaches_a_windows_host_and_leaves_nothing_there(
    home: Path, server: WinrmServer
) -> None:
    async with engine(home) as opened:
        await save(opened, *documents(server))
        accepted = await start(
            opened,
            step=command('echo "$WHO $A"; echo "$JOBDECK_HOST"'),
            env={"WHO": "we"},
            secrets={"A": SECRET},
        )
        run = await ended(opened, accepted.id)
        output = await printed(opened, run.id)
        await eventually(lambda: not [p for p in server.home.glob(".jobdeck/*") if p.is_dir()])
    assert run.state is RunState.SUCCEEDED
    assert output.startswith(b"we ")
    assert output.endswith(b"win1\n")
    assert SECRET.encode() not in output
    assert_nowhere(home, SECRET.encode())
    assert_nowhere(home, PASSWORD.encode())


async def test_a_lost_engine_s_work_is_taken_up_by_the_next_one(
    home: Path, server: WinrmServer, tmp_path: Path
) -> None:
    gate, starts = tmp_path / "gate", tmp_path / "starts"
    text = (
        f"echo x >>'{starts}'; echo before; until [ -e '{gate}' ]; do sleep 0.05; done; echo after"
    )
    lost = await opened_on(home)
    await save(lost, *documents(server))
    accepted = await start(lost, step=command(text))
    await eventually(starts.exists)
    await abandon(lost)

    async with engine(home) as opened:
        gate.touch()
        run = await ended(opened, accepted.id)
        output = await printed(opened, run.id)

    assert run.state is RunState.SUCCEEDED
    assert output == b"before\nafter\n"
    assert starts.read_text() == "x\n"


async def test_a_line_that_breaks_is_found_again_within_the_run(
    home: Path, server: WinrmServer
) -> None:
    server.cuts["Receive"] = 3
    async with engine(home) as opened:
        await save(opened, *documents(server))
        run = await ended(opened, (await start(opened, step=command("echo once"))).id)
        output = await printed(opened, run.id)
    assert run.state is RunState.SUCCEEDED
    assert output.count(b"once\n") == 1


async def test_a_direct_step_whose_engine_is_lost_is_unknown(
    home: Path, server: WinrmServer, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    lost = await opened_on(home)
    await save(lost, *documents(server))
    direct = {**command(f"echo x >>'{starts}'; sleep 100"), "execution": "direct"}
    accepted = await start(lost, step=direct)
    await eventually(starts.exists)
    await abandon(lost)

    async with engine(home) as opened:
        await ended(opened, accepted.id)
        (row,) = await targets_of(opened, accepted.id)

    assert row.state is TargetState.UNKNOWN
    assert starts.read_text() == "x\n"


async def test_a_probe_asks_powershell_and_leaves_nothing(home: Path, server: WinrmServer) -> None:
    request = RunRequest.model_validate({"step": command("x"), "targets": "all"})
    async with engine(home) as opened:
        await save(opened, *documents(server))
        finding = await probe(opened, request)
    assert finding.facts is not None
    assert finding.facts.spool == str(server.home / ".jobdeck")
    assert finding.facts.interpreters == {"powershell": "powershell"}
    assert finding.state is TargetState.SUCCESS
    assert not (server.home / ".jobdeck").exists()


async def test_files_are_checked_first_then_sent_and_fetched(
    home: Path, server: WinrmServer, tmp_path: Path
) -> None:
    push = {"kind": "push", "name": "send", "text": "port = 80\n", "to": "~/app/app.conf"}
    pull = {"kind": "pull", "name": "fetch", "files": ["~/app"], "to": f"{tmp_path}/back"}
    request = RunRequest.model_validate({"step": push, "targets": "all"})
    async with engine(home) as opened:
        await save(opened, *documents(server))
        found = await probe(opened, request, PlanLevel.CHECK)
        before = (server.home / "app").exists()
        sent = await ended(opened, (await start(opened, step=push)).id)
        fetched = await ended(opened, (await start(opened, step=pull)).id)
    assert found.changes.startswith("create ")
    assert not before
    assert (sent.state, fetched.state) == (RunState.SUCCEEDED, RunState.SUCCEEDED)
    assert (tmp_path / "back/win1/app/app.conf").read_text() == "port = 80\n"


async def test_facts_are_gathered_with_a_program_for_powershell(
    home: Path, server: WinrmServer
) -> None:
    async with engine(home) as opened:
        await save(opened, *documents(server))
        (gathered,) = await opened.gathering.gather(["win1"], "test")
    assert gathered.state is TargetState.SUCCESS, gathered.message
    assert gathered.facts["hostname"]


async def test_a_health_check_reaches_a_windows_host(home: Path, server: WinrmServer) -> None:
    async with engine(home) as opened:
        await save(opened, *documents(server))
        replies = await opened.gathering.ask(["win1"], knock)
    assert replies["win1"].is_good
