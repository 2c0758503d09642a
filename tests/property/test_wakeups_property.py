"""The law of waking up: whatever happens to a queue, who waits has a reason.

A run that waits without one has been forgotten: something got out of its way, and nobody looked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from core.dispatch.items import Item, Load, Rules
from core.dispatch.queue import Queue
from core.dispatch.reasons import why
from core.domain.priorities import Priority
from core.domain.queueing import LoadLimits
from tests.support.queues import HOSTS, LIMITS, check_holdings, items

STEP_S = 10.0

LOADS = st.dictionaries(
    st.sampled_from(HOSTS), st.builds(Load, per_cpu=st.sampled_from([0.5, 1.5, 2.5]))
)
LOAD_LIMITS = st.dictionaries(
    st.sampled_from(HOSTS),
    st.builds(LoadLimits, max_load_per_cpu=st.sampled_from([1.0, 2.0])),
)


@dataclass
class World:
    """A queue, and all that may happen to it."""

    coming: list[Item]
    queue: Queue = field(default_factory=lambda: Queue(Rules(ageing_s=STEP_S, limits=LIMITS)))
    going: list[str] = field(default_factory=list)
    yielding: dict[str, str] = field(default_factory=dict)
    """Run -> to whom it was told to give way."""
    now: float = 0.0

    def settle(self) -> None:
        """Let begin whoever may, and ask of all others what keeps them."""
        self.queue.renew_keeper(self.now)
        while not self.queue.is_settled:
            if item := self.queue.next(self.now):
                self.going.append(item.run_id)
        for order in self.queue.take_orders():
            if order.to is None:
                self.yielding.pop(order.run_id, None)
            elif order.run_id in self.going:
                self.yielding[order.run_id] = order.to.run_id
        check_holdings(self.queue)
        for waiting in self.queue.in_order(self.now):
            assert why(self.queue, waiting, self.now).reasons, f"{waiting.item.run_id} is forgotten"

    def enter(self, number: int) -> None:
        if self.coming:
            self.queue.enter(replace(self.coming.pop(0), since=self.now))

    def end(self, number: int) -> None:
        if self.going:
            run_id = self.going.pop(number % len(self.going))
            self.yielding.pop(run_id, None)
            self.queue.leave(run_id)

    def cancel(self, number: int) -> None:
        if waiting := self.queue.in_order(self.now):
            self.queue.leave(waiting[number % len(waiting)].item.run_id)

    def bear(self, number: int) -> None:
        if self.going:
            self.queue.set_bears(self.going[number % len(self.going)], number % (len(Priority) + 1))

    def give_way(self, number: int) -> None:
        if self.yielding:
            run_id = sorted(self.yielding)[number % len(self.yielding)]
            self.going.remove(run_id)
            self.queue.suspend(run_id, self.yielding.pop(run_id), self.now)

    def move(self, number: int) -> None:
        known = [*self.going, *(each.item.run_id for each in self.queue.in_order(self.now))]
        if known:
            self.queue.move(known[number % len(known)], [*Priority][number % len(Priority)])

    def limit(self, number: int) -> None:
        limits = {place: max(1, LIMITS[place] - number % 3) for place in LIMITS}
        self.queue.set_rules(replace(self.queue.rules, limits=limits))

    def freeze(self, number: int) -> None:
        self.queue.set_rules(replace(self.queue.rules, frozen="ann" if number % 2 else ""))

    def wait(self, number: int) -> None:
        self.now += number % 16


HAPPENINGS: tuple[Callable[[World, int], None], ...] = (
    World.enter,
    World.enter,
    World.enter,
    World.enter,
    World.end,
    World.end,
    World.cancel,
    World.bear,
    World.bear,
    World.bear,
    World.give_way,
    World.give_way,
    World.move,
    World.limit,
    World.freeze,
    World.wait,
    World.wait,
)
Happening = tuple[Callable[[World, int], None], int] | dict[str, Load]


@st.composite
def comers(draw: st.DrawFn) -> list[Item]:
    found = []
    for item in draw(items(most=30, apart_s=0)):
        load = draw(LOAD_LIMITS)
        override = draw(st.sampled_from([False, False, False, True]))
        found.append(replace(item, hosts=tuple(load), load=load, override=override))
    return found


@settings(max_examples=300, deadline=None)
@given(
    comers(),
    st.lists(
        st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 99)) | LOADS,
        min_size=10,
        max_size=80,
    ),
    st.integers(1, 4),
)
def test_who_waits_has_a_reason_whatever_happens(
    coming: list[Item], happenings: list[Happening], at_once: int
) -> None:
    world = World(coming)
    for number, each in enumerate(happenings):
        if isinstance(each, dict):
            world.queue.set_loads(each)
        else:
            happens, which = each
            happens(world, which)
        if number % at_once == 0:
            world.settle()
    world.settle()
