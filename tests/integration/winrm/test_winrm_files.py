"""Files to and from a double of a Windows host, which plays files.ps1 by the programs for /bin/sh."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import Target
from core.executors.stopping import StopSignal
from core.executors.winrm import WinrmExecutor
from tests.support.transfers import pull, push
from tests.support.waiting import eventually
from tests.support.winrmd import WinrmServer
from tests.support.work import MemorySink, Result, run

S, C = TargetState, TargetCode


@pytest.fixture
def drive(server: WinrmServer) -> Path:
    """Drive C: of the host."""
    folder = server.home / "C:"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_file_arrives_once_and_is_then_left_alone(
    executor: WinrmExecutor, server: WinrmServer, target: Target, drive: Path, home: Path
) -> None:
    data = os.urandom(300_000)
    (home / "big").write_bytes(data)
    work = push(files=[str(home / "big")], to="C:/Program Files/App/big.bin")

    first = await run(executor, target, work)
    sent = server.operations["Send"]
    second = await run(executor, target, work)

    assert first.outcome.state is S.SUCCESS, first
    digest = hashlib.sha256(data).hexdigest()
    assert first.out.decode() == f"created  {digest}  C:/Program Files/App/big.bin\n"
    assert second.out.startswith(b"unchanged")
    assert (drive / "Program Files/App/big.bin").read_bytes() == data
    assert server.operations["Send"] - sent < 3
    assert max(map(len, server.seen)) < 150_000


async def test_a_folder_goes_there_and_comes_back(
    executor: WinrmExecutor, target: Target, drive: Path, home: Path
) -> None:
    (home / "src" / "conf.d").mkdir(parents=True)
    for name in ("app.conf", "conf.d/zwei äöü'$x", "conf.d/empty"):
        (home / "src" / name).write_text(name if name != "conf.d/empty" else "")

    there = await run(executor, target, push(files=[f"{home}/src"], to="C:/app/"))
    back = await run(executor, target, pull(files=["C:/app/src"], to=f"{home}/back"))

    assert there.outcome.state is S.SUCCESS, there
    assert back.outcome.state is S.SUCCESS, back
    assert (home / "back/web1/src/conf.d/zwei äöü'$x").read_text() == "conf.d/zwei äöü'$x"
    assert (home / "back/web1/src/conf.d/empty").read_bytes() == b""


async def test_a_pattern_names_files_of_the_home(
    executor: WinrmExecutor, server: WinrmServer, target: Target, home: Path
) -> None:
    for name in ("a.log", "b.log", "c.txt"):
        (server.home / name).write_text(name * 20_000)

    result = await run(executor, target, pull(files=["~/*.log"], to=f"{home}/logs"))

    assert result.outcome.state is S.SUCCESS, result
    assert sorted(path.name for path in (home / "logs/web1").iterdir()) == ["a.log", "b.log"]
    assert (home / "logs/web1/b.log").read_text() == "b.log" * 20_000


async def test_a_check_writes_nothing_and_shows_how_a_text_would_change(
    executor: WinrmExecutor, target: Target, drive: Path
) -> None:
    (drive / "motd").write_text("old\n")

    result = await run(executor, target, push(text="new\n", to="C:/motd", check=True))

    assert result.outcome.state is S.SUCCESS, result
    assert "-old\n+new\n" in result.out.decode()
    assert (drive / "motd").read_text() == "old\n"


async def test_a_line_that_breaks_in_the_middle_is_taken_up_at_the_byte(
    executor: WinrmExecutor, server: WinrmServer, target: Target, drive: Path, home: Path
) -> None:
    data = os.urandom(600_000)
    (home / "big").write_bytes(data)
    running = asyncio.ensure_future(
        run(executor, target, push(files=[f"{home}/big"], to="C:/", bytes_per_s=500_000))
    )
    await eventually(lambda: [p for p in drive.glob(".jobdeck-*.part") if p.stat().st_size])
    server.cuts["Send"] = 1

    result: Result = await running

    assert result.outcome.state is S.SUCCESS, result
    assert b"going on at byte" in result.sink.note
    assert (drive / "big").read_bytes() == data
    assert names(drive) == ["big"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a:stream", "no files with: :"),
        ("..\\up", "no files with: \\"),
        ("COM1.txt", "device"),
        ("end.", "dot or blank"),
    ],
)
async def test_a_name_that_windows_reads_otherwise_is_refused(
    executor: WinrmExecutor, target: Target, drive: Path, home: Path, name: str, words: str
) -> None:
    (home / name).write_text("x")

    result = await run(executor, target, push(files=[str(home / name)], to="C:/in/"))

    assert result.outcome.state is S.FILE_FAILED
    assert words in result.outcome.message
    assert names(drive) == []


async def test_a_host_that_cannot_write_says_why_though_more_was_to_be_sent(
    executor: WinrmExecutor, target: Target, drive: Path, home: Path
) -> None:
    (home / "big").write_bytes(os.urandom(3_000_000))
    (drive / "big").mkdir()

    result = await run(executor, target, push(files=[f"{home}/big"], to="C:/"))

    assert result.outcome.state is S.FILE_FAILED
    assert "is a folder" in result.outcome.message


async def test_a_stop_leaves_no_half_of_a_file(
    executor: WinrmExecutor, server: WinrmServer, target: Target, drive: Path, home: Path
) -> None:
    (home / "big").write_bytes(os.urandom(1_000_000))
    stop = StopSignal()
    work = push(files=[f"{home}/big"], to="C:/", bytes_per_s=100_000)
    async with executor.open(target) as session:
        running = asyncio.ensure_future(session.run(work, MemorySink(), stop))
        await eventually(lambda: [p for p in drive.glob(".jobdeck-*.part") if p.stat().st_size])
        stop.set()
        outcome = await running

    assert (outcome.state, outcome.code) == (S.TERMINATED, C.CANCELLED)
    assert not (drive / "big").exists()
    await eventually(lambda: not server.shells)
