"""Laws of the queue, whatever comes when and takes how long."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from core.dispatch import ageing
from core.dispatch.items import Item, Rules
from core.dispatch.queue import Queue
from core.dispatch.reasons import why
from core.domain.priorities import Priority
from tests.support.queues import LIMITS, PLACES, check_holdings, items, note_aged

STEP_S = 10.0
LONGEST_S = 8


@dataclass(frozen=True)
class Arrival:
    item: Item
    lasts: int


@st.composite
def arrivals(draw: st.DrawFn) -> list[Arrival]:
    return [
        Arrival(item, draw(st.integers(1, LONGEST_S))) for item in draw(items(most=25, apart_s=6))
    ]


@dataclass
class World:
    """A queue whose runs end after their time. Everything that is to be true is asked at each moment."""

    queue: Queue = field(default_factory=lambda: Queue(Rules(ageing_s=STEP_S, limits=LIMITS)))
    begun: dict[str, float] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    aged_before: dict[str, int] = field(default_factory=dict)
    """Run -> how many stood over it at the moment at which it was aged."""

    def decide(self, now: float, lasts: dict[str, int]) -> None:
        self.queue.renew_keeper(now)
        while not self.queue.is_settled:
            if item := self.queue.next(now):
                self.begun[item.run_id] = now
                self.ends[item.run_id] = now + lasts[item.run_id]
        for run_id in [run_id for run_id, _ in self.ends.items() if run_id in self.queue]:
            raise AssertionError(f"{run_id} waits and goes on")
        waiting = self.queue.in_order(now)
        assert all(why(self.queue, each, now).reasons for each in waiting), "who waits has a reason"
        note_aged(self.queue, now, self.aged_before)
        check_holdings(self.queue)

    def end(self, now: float) -> None:
        for run_id in [run_id for run_id, at in self.ends.items() if at <= now]:
            del self.ends[run_id]
            self.queue.leave(run_id)


def live(world: World, coming: list[Arrival]) -> None:
    lasts = {each.item.run_id: each.lasts for each in coming}
    left, now = list(coming), 0.0
    while left or len(world.queue) or world.ends:
        world.end(now)
        while left and left[0].item.since <= now:
            world.queue.enter(left.pop(0).item)
        world.decide(now, lasts)
        assert world.ends or left or not len(world.queue), "something waits, and nothing goes on"
        now += 1


@given(arrivals())
def test_locks_and_limits_hold_who_waits_has_a_reason_and_everything_ends(
    coming: list[Arrival],
) -> None:
    world = World()
    live(world, coming)
    assert world.begun.keys() == {each.item.run_id for each in coming}


@given(arrivals())
def test_no_run_waits_longer_than_the_bound(coming: list[Arrival]) -> None:
    world = World()
    live(world, coming)
    for each in coming:
        item = each.item
        aged_at = ageing.due(item, STEP_S)
        older = world.aged_before.get(item.run_id, 0)
        assert world.begun[item.run_id] <= aged_at + (older + 1) * LONGEST_S


@given(arrivals(), st.integers(0, 60))
def test_of_runs_that_want_the_same_places_the_first_in_order_begins(
    coming: list[Arrival], now: int
) -> None:
    queue = Queue(Rules(ageing_s=STEP_S, limits={PLACES[0].resource: 1}))
    for each in coming:
        item = each.item
        queue.enter(Item(**{**_fields(item), "uses": (PLACES[0],), "since": min(item.since, now)}))
    while len(queue):
        expected = queue.in_order(now)[0].item.run_id
        begun = None
        while begun is None:
            begun = queue.next(now)
        assert begun.run_id == expected
        queue.leave(expected)


@given(arrivals(), st.lists(st.tuples(st.integers(0, 24), st.sampled_from(Priority)), max_size=10))
def test_moving_and_leaving_at_any_time_loses_nobody(
    coming: list[Arrival], moves: list[tuple[int, Priority]]
) -> None:
    world = World()
    lasts = {each.item.run_id: each.lasts for each in coming}
    for each in coming:
        world.queue.enter(each.item)
    world.decide(0, lasts)
    for number, priority in moves:
        run_id = f"r{number}"
        if run_id in lasts:
            if run_id in world.queue:
                world.queue.move(run_id, priority)
            else:
                world.ends.pop(run_id, None)
                world.queue.leave(run_id)
        world.decide(1, lasts)
    now = 1.0
    while world.ends:
        now += 1
        world.end(now)
        world.decide(now, lasts)
    assert not len(world.queue)
    assert world.begun.keys() == lasts.keys()


def _fields(item: Item) -> dict[str, object]:
    return {name: getattr(item, name) for name in Item.__dataclass_fields__}
