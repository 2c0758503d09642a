"""Killed, halted and cut off at any instant: nothing acknowledged is lost, nothing is done twice.

`python -m tests.crash` does the same for as long as you like.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import pytest

from tests.crash.rounds import (
    SERVICE_POINTS,
    Total,
    failpoint_rounds,
    random_rounds,
    service_rounds,
    windows_rounds,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("sshd", "seq"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and uses pidfd"),
]

SEED = 20261125
KILLS = 100


def shown(rounds: Iterable[Total]) -> Total:
    """The last total; each is printed, and captured by pytest until a failure."""
    total = Total(SEED)
    for total in rounds:
        print(total.line())
    return total


@pytest.mark.timeout(600)
def test_a_hundred_engines_that_end_at_random_instants_lose_nothing_and_repeat_nothing() -> None:
    total = shown(random_rounds(SEED, KILLS))

    assert total.complaints == []
    assert total.lives == KILLS
    assert total.found.states["success"] > KILLS / 4


@pytest.mark.timeout(600)
def test_an_engine_that_is_killed_at_any_failpoint_loses_nothing_and_repeats_nothing() -> None:
    total = shown(failpoint_rounds(SEED))

    assert total.complaints == []
    assert total.lives >= 30


@pytest.mark.timeout(300)
def test_an_engine_that_is_killed_around_an_effect_of_a_service_never_has_it_twice() -> None:
    total = shown(service_rounds(SEED))

    assert total.complaints == []
    assert total.lives >= len(SERVICE_POINTS)
    assert total.found.states["success"] > len(SERVICE_POINTS)  # what a ledger tells, among others


@pytest.mark.timeout(300)
def test_an_engine_that_is_killed_around_work_on_windows_loses_nothing_and_repeats_nothing() -> (
    None
):
    total = shown(windows_rounds(SEED))

    assert total.complaints == []
    assert total.lives >= len(SERVICE_POINTS)
    assert total.found.states["success"] > len(SERVICE_POINTS)
