"""Rounds of a few engines' lives each, and a verdict after every round."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from core import failpoints
from tests.crash import scenario, trouble, verdict
from tests.crash.verdict import Verdict
from tests.crash.world import World, world

LIVES = 10
"""Engines a round."""


@dataclass
class Total:
    """What a seed has shown so far."""

    seed: int
    lives: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    found: Verdict = field(default_factory=Verdict)

    @property
    def complaints(self) -> list[str]:
        """Everything that is wrong."""
        return [*self.found.wrong, *self.found.unjustified]

    def line(self) -> str:
        """One line for people."""
        found = self.found
        happened = ", ".join(f"{count} {name}" for name, count in self.happened.most_common())
        states = ", ".join(f"{count} {state}" for state, count in sorted(found.states.items()))
        return (
            f"{self.lives} lives ({happened}); {found.runs} runs, {found.targets} targets"
            f" ({states}); {len(self.complaints)} wrong"
        )


def random_rounds(seed: int, lives: int) -> Iterator[Total]:
    """Break engines at random instants; the total after each round."""
    chance = random.Random(seed)
    total = Total(seed)
    with world(seed) as made:
        made.kill()
        while total.lives < lives and not total.complaints:
            for _ in range(min(LIVES, lives - total.lives)):
                trouble.live(made, chance, total.happened)
                total.lives += 1
            close_round(made, total)
            yield total


SCHEDULE_POINTS = "schedule."
"""Such points are reached where schedules are: test_schedule_kills.py."""
QUEUE_POINTS = ("queue.", "yield.")
"""Such points are reached where runs wait: test_queue_kills.py, test_yield_kills.py."""
PEOPLE_POINTS = ("approval.", "notice.")
"""Such points are reached where people are asked and told: test_people_kills.py."""


def failpoint_rounds(seed: int, hits: int = 1) -> Iterator[Total]:
    """Kill at every failpoint, each at its first to its `hits`-th hit; the total after each round.

    A point whose first hit is never reached is wrong; later ones need not come.
    """
    total = Total(seed)
    elsewhere = (SCHEDULE_POINTS, *QUEUE_POINTS, *PEOPLE_POINTS)
    points = [point for point in failpoints.POINTS if not point.startswith(elsewhere)]
    plan = [(point, hit) for hit in range(1, hits + 1) for point in points]
    with world(seed, workers=0) as made:  # a plan is the engine's own: it comes to every point
        made.kill()
        for start in range(0, len(plan), LIVES):
            yield _kill_at(made, total, plan[start : start + LIVES])


def _kill_at(
    made: World,
    total: Total,
    plan: Iterable[tuple[str, int]],
    moves: Sequence[scenario.Move] | None = None,
) -> Total:
    """One round: kill at each point of the plan, at that hit of it; `moves` as `pass_through`'s."""
    for point, hit in plan:
        if scenario.pass_through(made, point, hit, moves):
            total.lives += 1
            total.happened["failpoint"] += 1
        elif hit == 1:
            total.found.wrong.append(f"no engine ever reached {point}")
    close_round(made, total)
    return total


SERVICE_POINTS = (
    "target.intent.kept",
    "target.entered",
    "target.output.written",
    "target.worked",
    "target.end.written",
    "target.ended",
)
"""Around the effect of a request or a statement."""


def service_rounds(seed: int) -> Iterator[Total]:
    """Kill around the effects that services have, each point for the first and the second of two."""
    total = Total(seed)
    with world(seed, workers=0) as made:
        made.kill()
        for hit in (1, 2):
            plan = [(point, hit) for point in SERVICE_POINTS]
            yield _kill_at(made, total, plan, (scenario.ask_services,))


def windows_rounds(seed: int) -> Iterator[Total]:
    """Kill around the work of a Windows host."""
    total = Total(seed)
    with world(seed, workers=0) as made:
        made.kill()
        plan = [(point, 1) for point in (*SERVICE_POINTS, "target.settling", "target.settled")]
        yield _kill_at(made, total, plan, (scenario.work_on_windows,))


def close_round(made: World, total: Total) -> None:
    """Let everything end, and look at all of it."""
    made.settle()
    total.found.add(verdict.judge(made))
    made.forget()
    made.kill()
