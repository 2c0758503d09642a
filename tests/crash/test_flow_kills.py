"""Engines that are killed inside flows: each effect of a flow happens once, and it ends as it must.

`python -m tests.crash --flows` does the same for as long as you like.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.crash import flows
from tests.crash.flows import Flows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and uses pidfd"),
]

SEED = 20261127
KILLS = 8
POINTS = ("event.kept", "step.opened", "approval.voted", "run.retry.due")


def shown(rounds: Iterable[Flows]) -> Flows:
    """What is known after the last round; each is printed, and captured by pytest."""
    known = None
    for known in rounds:
        print(known.line())
    assert known is not None
    return known


@pytest.mark.timeout(120)
def test_flows_whose_engines_end_at_random_instants_do_everything_once(home: Path) -> None:
    known = shown(flows.random_rounds(home, SEED, KILLS))
    assert known.complaints == []
    assert known.lives == KILLS
    assert known.judged


@pytest.mark.timeout(120)
def test_a_flow_whose_engine_ends_around_what_it_remembers_does_everything_once(
    home: Path,
) -> None:
    known = shown(flows.failpoint_rounds(home, SEED, 1, POINTS))
    assert known.complaints == []
    assert known.lives == len(POINTS)
