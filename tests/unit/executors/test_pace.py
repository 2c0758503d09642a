"""How fast bytes go, and what is told of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from core.executors.files import pace
from core.executors.files.pace import Pace
from core.executors.files.sharedspeed import SharedSpeed


async def test_a_speed_is_kept_over_all_files() -> None:
    loop, going = asyncio.get_running_loop(), Pace(100_000, lambda _: None)
    began = loop.time()
    for _ in range(4):
        going.begin("a", 5_000, 0)
        await going.spend(5_000)
    assert loop.time() - began >= 0.19


async def test_each_file_and_all_of_them_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_EVERY_S", 0.0)
    told: list[str] = []
    going = Pace(None, told.append, total_bytes=10_000_000)
    going.ended(2_000_000)
    going.begin("a", 4_000_000, 1_000_000)
    await going.spend(1_000_000)
    assert told[0].startswith("a: 50 % of 4.0 MB, ")
    assert ", 40 % of all, " in told[0]


async def test_one_file_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_EVERY_S", 0.0)
    told: list[str] = []
    going = Pace(None, told.append, total_bytes=4_000_000)
    going.begin("a", 4_000_000, 0)
    await going.spend(1_000_000)
    assert told[0].startswith("a: 25 % of 4.0 MB, ")
    assert "of all" not in told[0]


async def test_a_shared_speed_is_kept_by_all_together(tmp_path: Path) -> None:
    loop, file = asyncio.get_running_loop(), str(tmp_path / "staging" / "speed")
    shared = [SharedSpeed(file, 100_000) for _ in range(4)]

    async def go(speed: SharedSpeed) -> None:
        going = Pace(None, lambda _: None, shared=speed)
        for _ in range(5):
            await going.turn(1_000)

    began = loop.time()
    await asyncio.gather(*map(go, shared))

    assert loop.time() - began >= 0.19, "4 x 5 x 1000 bytes, the first of which go at once"
    for speed in shared:
        speed.close()


def test_a_time_of_another_clock_makes_nobody_wait(tmp_path: Path) -> None:
    with closing(SharedSpeed(str(tmp_path / "speed"), 1_000)) as speed:
        assert speed.wait_s(5_000, now=1e9) == 0
        assert speed.wait_s(5_000, now=1e9 + 1) == pytest.approx(4)
        assert speed.wait_s(5_000, now=3.0) == 0, "the machine was restarted"
        assert speed.wait_s(1, now=3.0) == pytest.approx(5)
    (tmp_path / "speed").write_bytes(b"?")
    with closing(SharedSpeed(str(tmp_path / "speed"), 1_000)) as speed:
        assert speed.wait_s(1, now=3.0) == 0


def test_processes_take_turns(tmp_path: Path) -> None:
    text = (
        "import sys; from core.executors.files.sharedspeed import SharedSpeed\n"
        "speed = SharedSpeed(sys.argv[1], 1000)\n"
        "print(sum(speed.wait_s(10, 7.0) for _ in range(500)))"
    )
    command = [sys.executable, "-c", text, str(tmp_path / "speed")]
    sides = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]

    waited = sum(float(side.communicate()[0]) for side in sides)

    assert waited == pytest.approx(sum(0.01 * n for n in range(1000))), "no turn was given twice"
