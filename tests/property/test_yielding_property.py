"""Laws of giving way: nobody starves, nobody is sent to and fro for ever, and locks hold.

No law: that the run begins for which another gave way. Something else may have come into its way
meanwhile; then the other one goes on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from core.dispatch import ageing
from core.dispatch.items import Item, Rules
from core.dispatch.queue import Queue
from core.dispatch.reasons import why
from core.domain.priorities import Priority
from tests.support.queues import LIMITS, check_holdings, items, note_aged

STEP_S = 10.0
ALL = len(Priority)


@dataclass
class Run:
    """A run of parts, which gives way at the end of each but the last, if it is of that kind."""

    item: Item
    parts: list[int]
    yields: bool
    left_s: int = 0
    """Of the part that goes on."""
    waited_s: float = 0.0
    waits_since: float = 0.0
    to: Item | None = None
    """For whom it is to give way."""
    bears: int = ALL
    suspended_since_end: int = 0


@st.composite
def coming(draw: st.DrawFn) -> list[Run]:
    parts = st.lists(st.integers(1, 4), min_size=1, max_size=4)
    return [
        Run(item, draw(parts), draw(st.booleans()), waits_since=item.since)
        for item in draw(items(most=20, apart_s=5))
    ]


@dataclass
class World:
    runs: dict[str, Run]
    queue: Queue = field(default_factory=lambda: Queue(Rules(ageing_s=STEP_S, limits=LIMITS)))
    going: dict[str, Run] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    older: dict[str, int] = field(default_factory=dict)
    """Run -> how many stood over it at the moment at which it was aged."""
    suspended: Counter[str] = field(default_factory=Counter)
    given: list[Item] = field(default_factory=list)
    """Runs for which the last of those that were asked has just given way."""

    def decide(self, now: float) -> None:
        self.queue.renew_keeper(now)
        begun = []
        an_aged_one_waits = any(each.due <= now for each in self.queue.in_order(now))
        while not self.queue.is_settled:
            if item := self.queue.next(now):
                begun.append(item)
                run = self.runs[item.run_id]
                self.going[item.run_id] = run
                run.waited_s += now - run.waits_since
                run.left_s = run.parts[0]
                self.queue.set_bears(item.run_id, run.bears if run.yields else 0)
        for order in self.queue.take_orders():
            if (run := self.going.get(order.run_id)) is None:
                continue
            assert order.to is None or order.to.priority.rank < run.item.priority.rank
            assert order.to is None or order.to.priority.rank < run.bears
            run.to = order.to
        waiting = self.queue.in_order(now)
        others = [*begun, *(each.item for each in waiting)]
        for claimant in self.given:
            assert (
                begun
                or any(other.priority.rank < claimant.priority.rank for other in others)
                or an_aged_one_waits
            ), "what is given does not lie idle: somebody begins, or it is kept for who comes first"
        self.given.clear()
        for each in waiting:
            assert why(self.queue, each, now).reasons, "who waits has a reason"
        note_aged(self.queue, now, self.older)
        check_holdings(self.queue)

    def go(self, now: float) -> None:
        """A second passes for all that go on."""
        for run_id, run in list(self.going.items()):
            run.left_s -= 1
            if run.left_s:
                continue
            del run.parts[0]
            run.bears, run.suspended_since_end = ALL, 0
            if not run.parts:
                del self.going[run_id]
                self.ended.add(run_id)
                self.queue.leave(run_id)
            elif run.to is not None:
                del self.going[run_id]
                self.suspend(run, run.to, now)
            else:
                run.left_s = run.parts[0]
                self.queue.set_bears(run_id, run.bears if run.yields else 0)

    def suspend(self, run: Run, to: Item, now: float) -> None:
        run.suspended_since_end += 1
        assert run.suspended_since_end <= run.item.priority.rank, "it goes on between"
        run.to, run.bears, run.waits_since = None, to.priority.rank, now
        self.suspended[run.item.run_id] += 1
        self.queue.suspend(run.item.run_id, to.run_id, now)
        if to.run_id in self.queue and not self.queue.claims.victims_of(to.run_id):
            self.given.append(to)


def live(world: World) -> None:
    left, now = list(world.runs.values()), 0.0
    while left or world.going or len(world.queue):
        world.go(now)
        while left and left[0].item.since <= now:
            world.queue.enter(left.pop(0).item)
        world.decide(now)
        assert world.going or left or not len(world.queue), "something waits, and nothing goes on"
        now += 1


@settings(max_examples=150, deadline=None)
@given(coming())
def test_everything_ends_what_is_given_is_used_and_none_gives_way_more_often_than_it_goes_on(
    runs: list[Run],
) -> None:
    parts = {run.item.run_id: len(run.parts) for run in runs}
    world = World({run.item.run_id: run for run in runs})
    live(world)
    assert world.ended == parts.keys()
    for run_id, times in world.suspended.items():
        assert times <= (parts[run_id] - 1) * world.runs[run_id].item.priority.rank


@settings(max_examples=150, deadline=None)
@given(coming())
def test_no_run_waits_longer_than_the_bound_however_often_it_is_suspended(runs: list[Run]) -> None:
    longest = max(sum(run.parts) for run in runs)
    world = World({run.item.run_id: run for run in runs})
    live(world)
    for run in runs:
        until_aged = ageing.waits_s(run.item.priority, STEP_S)
        older = world.older.get(run.item.run_id, 0)
        assert run.waited_s <= until_aged + (older + 1) * longest
