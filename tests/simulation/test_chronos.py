"""A simulated quarter of schedules, with kills, sleep and clocks that jump; and a judge that sees."""

from __future__ import annotations

import pytest

from tests.simulation.chronos import BUGS, World, check


@pytest.mark.parametrize("seed", range(4))
def test_every_due_slot_is_one_run_or_one_reason(seed: int) -> None:
    world = World(seed, schedules=40, days=100)
    disk = world.run()

    assert check(disk) == []
    assert world.killed > 3
    assert len(disk.runs) > 700


@pytest.mark.parametrize("bug", BUGS)
def test_the_judge_finds_every_mistake_that_is_made_on_purpose(bug: str) -> None:
    world = World(7, schedules=60, days=100, bug=bug)

    assert check(world.run())
