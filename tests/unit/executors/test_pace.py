"""How fast bytes go, and what is told of it."""

from __future__ import annotations

import asyncio

import pytest

from core.executors.files import pace
from core.executors.files.pace import Pace


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
