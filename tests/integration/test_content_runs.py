"""Contents on their way to a target: exactly what the job names, or nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.domain.run import RunState, TargetState
from core.executors.local import LocalExecutor
from core.runtime.engine import Engine
from core.storage.contents import Content
from tests.support.runtime import ended, engine, save, start, targets_of
from tests.support.work import QUICK, new_token

DATA = b"port = ${PORT}\n" * 100
HOST = {"kind": "host", "name": "here", "spec": {"protocol": "local"}}


@pytest.fixture
async def opened(home: Path) -> AsyncIterator[Engine]:
    local = LocalExecutor(QUICK, new_token, {"PATH": os.environ["PATH"], "HOME": str(home)})
    async with engine(home / "j", local=local) as (opened, _):
        await save(opened, HOST)
        yield opened


async def add(opened: Engine, data: bytes) -> Content:
    async def parts() -> AsyncIterator[bytes]:
        yield data[:7]
        yield data[7:]

    return await opened.contents.receive(hashlib.sha256(data).hexdigest(), parts(), "ada")


async def send(opened: Engine, kept: Content, **more: Any) -> tuple[RunState, TargetState, str]:
    named = {"name": "conf.d/app.conf", "sha256": kept.sha256, "mode": "0750"}
    step = {"kind": "push", "name": "bring", "contents": [named], **more}
    run = await ended(opened, (await start(opened, step=step)).id)
    (row,) = await targets_of(opened, run.id)
    return run.state, row.state, row.message


async def test_a_content_arrives_under_the_name_and_mode_that_the_step_gives_it(
    opened: Engine, home: Path
) -> None:
    kept = await add(opened, DATA)
    state, _, message = await send(opened, kept, to=f"{home}/there/")

    there = home / "there" / "conf.d" / "app.conf"
    assert state is RunState.SUCCEEDED, message
    assert (there.read_bytes(), there.stat().st_mode & 0o777) == (DATA, 0o750)


@pytest.mark.parametrize("template", [False, True])
async def test_nothing_of_a_damaged_content_is_sent(
    opened: Engine, home: Path, *, template: bool
) -> None:
    kept = await add(opened, DATA)
    (file,) = (home / "j" / "content").glob("[0-9a-f][0-9a-f]/*")
    file.write_bytes(DATA.replace(b"port", b"sort"))
    how = {"to": f"{home}/there/", "template": template, "env": {"PORT": "80"}}

    state, target, message = await send(opened, kept, **how)
    assert (state, target) == (RunState.FAILED, TargetState.CHECKSUM_MISMATCH)
    assert "is damaged in the engine's home" in message
    assert not any("there" in folder for folder, _, files in os.walk(home) if files)

    await add(opened, DATA)
    state, _, message = await send(opened, kept, **how)
    assert state is RunState.SUCCEEDED, message


async def test_a_content_whose_file_is_gone_is_a_failure_that_says_so(
    opened: Engine, home: Path
) -> None:
    kept = await add(opened, DATA)
    (file,) = (home / "j" / "content").glob("[0-9a-f][0-9a-f]/*")
    file.unlink()
    _, target, message = await send(opened, kept, to=f"{home}/there/")
    assert target is TargetState.FILE_SOURCE_MISSING
    assert "the content of conf.d/app.conf is not in the engine's home" in message
    assert "`jobdeck contents add`" in message
