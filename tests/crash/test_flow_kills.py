"""Engines that are killed inside flows: each effect of a flow happens once, and it ends as it must.

Every run takes other instants and another part of the failpoints. `python -m tests.crash --flows`
goes on for as long as you like, `--flows --hits 1` comes to all of them.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterable, Mapping

import pytest

from core import failpoints
from tests.crash import flows
from tests.crash.flow_points import BEFORE, BESIDE, NEVER
from tests.crash.flow_verdict import FlowRun, Place, judge_flow
from tests.crash.flow_work import BAD, EFFECTS, ENDS
from tests.crash.flows import Flows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("sshd"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and uses pidfd"),
]

KILLS = 10
PARTS = 5
"""Runs of this file that come to every failpoint."""


def shown(rounds: Iterable[Flows]) -> Flows:
    """What is known after the last round; each is printed, and captured by pytest."""
    known = None
    for known in rounds:
        print(f"seed {known.seed}: {known.line()}")
    assert known is not None
    return known


@pytest.mark.timeout(300)
def test_flows_whose_engines_end_at_random_instants_do_everything_once() -> None:
    known = shown(flows.random_rounds(secrets.randbelow(10**6), KILLS))
    assert known.complaints == []
    assert known.lives == KILLS
    assert known.ended


@pytest.mark.timeout(300)
def test_a_flow_whose_engine_ends_at_a_failpoint_does_everything_once() -> None:
    points = flows.POINTS[secrets.randbelow(PARTS) :: PARTS]
    known = shown(flows.failpoint_rounds(secrets.randbelow(10**6), 1, points))
    assert known.complaints == []
    assert known.killed_at == {*points}


def test_every_failpoint_is_come_to_or_has_a_reason_why_not() -> None:
    assert {*flows.POINTS} | {*NEVER} == {*failpoints.POINTS}
    assert all(NEVER.values())
    named = [*BEFORE, *BESIDE]
    assert [name for name in named if not any(p.startswith(name) for p in flows.POINTS)] == []


def all_effects(run: str) -> list[Place]:
    """What a flow that is undone leaves in the ledger."""
    undone = ["un-right", "un-left"]
    done = [name for name in EFFECTS[BAD] if name not in undone]
    return [
        (run, step, str(number), item)
        for step, _, item in (name.partition(" ") for name in [*done, *undone])
        for number in range(EFFECTS[BAD][f"{step} {item}".strip()])
    ]


Change = Callable[[list[Place]], list[Place]]
WRONG: Mapping[str, tuple[str, Change, str]] = {
    "another end": ("failed", lambda its: its, "is failed"),
    "done twice": (ENDS[BAD], lambda its: [*its, ("r", "left", "2", "")], "has done"),
    "lost": (ENDS[BAD], lambda its: its[1:], "has done"),
    "undone in order": (ENDS[BAD], lambda its: its[::-1], "was undone in the order"),
}
"""What went wrong -> the run's state, its ledger, and what the judge says."""


def test_the_judge_finds_nothing_where_nothing_is_wrong() -> None:
    run = FlowRun("r", ENDS[BAD], f"flow/{BAD}-here@1", None)

    assert [*judge_flow(run, all_effects("r"))] == []


@pytest.mark.parametrize("mistake", WRONG)
def test_the_judge_sees_what_is_lost_doubled_or_out_of_order(mistake: str) -> None:
    state, change, says = WRONG[mistake]
    run = FlowRun("r", state, f"flow/{BAD}-here@1", None)

    (found,) = judge_flow(run, change(all_effects("r")))

    assert says in found
