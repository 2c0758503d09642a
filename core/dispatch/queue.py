"""The queue: which run begins next. Values in, values out; no clock, no loop.

Theory of operation. A run that enters is **ready**: it is looked at in its turn. When everything
that it uses fits, it begins and holds all of it at once, to its end. Otherwise it is parked at the
first thing that stands in its way, and is not looked at again before that thing changes. When a
run gives a resource back, the first that is parked there is ready again; when that one begins or
is parked elsewhere, the next. So one decision costs what has changed, not what waits.

Nobody waits for ever. The first aged run (`ageing`) **keeps** what it uses: nobody else takes of
it what would stand in that run's way. And at a lock nobody overtakes an older run that wants more of
it: readers do not pass a writer for ever. What waits for something outside (a busy host, a frozen
engine) keeps nothing.

Locks cannot deadlock: a run takes all of them together or none, and a run that waits holds none.

A rule for editors: after `next` has said None and `is_settled`, everything that waits has an
obstacle. Whatever makes an obstacle smaller must `_open` the resource at which it was parked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from core.dispatch import ageing
from core.dispatch.holding import Holdings
from core.dispatch.items import LOCKS, OUTSIDE, Item, Kind, Load, Mode, Resource, Rules, Use
from core.dispatch.lines import Line, Waiting
from core.dispatch.loads import is_busy
from core.domain.priorities import Priority

READY = None
"""Where a run is that is parked nowhere."""
FREEZE = Resource(Kind.FREEZE)
LOAD = Resource(Kind.LOAD)

EFFORT = 64
"""Looks at runs and resources in one step; what is left is done in the next."""


class Queue:
    """The runs that wait and those that have begun."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.held = Holdings()
        self._loads: Mapping[str, Load] = {}
        self._waiting: dict[str, Waiting] = {}
        self._places: dict[str, Resource | None] = {}
        self._lines: dict[Resource | None, Line] = {READY: Line()}
        self._from: dict[str, Resource] = {}
        """Ready again -> where it was parked: the next one there may follow."""
        self._opened: dict[Resource, None] = {}
        """Resources that may have room again for who is parked there; in the order of the changes."""
        self._inside = Line()
        """Those that wait for nothing outside: the first aged of them keeps what it uses."""
        self._keeper: Waiting | None = None
        self._kept: dict[Resource, Mode] = {}
        """What the keeper uses."""
        self._turns: dict[tuple[int, str], float] = {}
        """(class, owner) -> the last turn that was given to it."""
        self._served = [0.0 for _ in Priority]
        """Class -> the turn that was served last."""
        self._arrivals = 0

    # --- what happens -------------------------------------------------------------------------

    def enter(self, item: Item) -> None:
        """A run waits from here on, until `next` gives it."""
        assert item.run_id not in self._waiting, "a run waits once"
        self._arrivals += 1
        waiting = Waiting(
            item, ageing.due(item, self.rules.ageing_s), self._turn(item), self._arrivals
        )
        self._waiting[item.run_id] = waiting
        self._inside.add(waiting)
        self._park(waiting, READY)

    def seat(self, item: Item) -> None:
        """A run has begun already, whatever the limits say now."""
        self.held.take(item)

    def leave(self, run_id: str) -> None:
        """A run waits no more, or has ended. One that is unknown changes nothing."""
        if run_id in self._waiting:
            self._remove(run_id)
        elif item := self.held.give_back(run_id):
            for use in item.uses:
                self._open(use.resource)

    def move(self, run_id: str, priority: Priority) -> None:
        """Give a run another priority; KeyError where it neither waits nor goes on."""
        if item := self.held.get(run_id):
            self.held.replace(replace(item, priority=priority))
            return
        item = self._waiting[run_id].item
        if item.priority is not priority:
            self._remove(run_id)
            self.enter(replace(item, priority=priority))

    def set_rules(self, rules: Rules) -> None:
        """Other limits, another ageing, frozen or not."""
        if rules == self.rules:
            return
        is_aged_anew = rules.ageing_s != self.rules.ageing_s
        self.rules = rules
        if is_aged_anew:
            for item in [waiting.item for waiting in self._waiting.values()]:
                self._remove(item.run_id)
                self.enter(item)
        self._open(*(place for place in self._lines if place is not READY))

    def set_loads(self, loads: Mapping[str, Load]) -> None:
        """How busy hosts are; one that is not here is not known, and is asked nothing."""
        self._loads = loads
        self._open(LOAD)

    # --- what is decided ----------------------------------------------------------------------

    def next(self, now: float) -> Item | None:
        """The run that begins now, and holds what it uses; None: nobody does.

        A step looks at a bounded number of runs; while not `is_settled`, ask again.
        """
        effort = EFFORT
        while effort and not self.is_settled:
            effort -= 1
            self._renew_keeper(now)
            if self._opened:
                self._wake(now)
                continue
            waiting = self._lines[READY].first(now, self.rules.ageing_s)
            assert waiting is not None, "a line that is not empty has a first"
            obstacle = self._obstacle(waiting)
            if obstacle is not None:
                self._park(waiting, obstacle)
                continue
            self._begin(waiting)
            return waiting.item
        return None

    @property
    def is_settled(self) -> bool:
        """Whether nobody may begin before something changes."""
        return not self._opened and not self._lines[READY]

    # --- what is so ---------------------------------------------------------------------------

    def __len__(self) -> int:
        """Runs that wait."""
        return len(self._waiting)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._waiting

    def get(self, run_id: str) -> Waiting | None:
        """A run that waits."""
        return self._waiting.get(run_id)

    def in_order(self, now: float) -> list[Waiting]:
        """Who waits, the first one first."""
        ageing_s = self.rules.ageing_s
        return sorted(self._waiting.values(), key=lambda each: each.rank(now, ageing_s))

    def oldest_since(self) -> float | None:
        """Since when the one waits that has waited longest; None: nobody waits."""
        return min((each.item.since for each in self._waiting.values()), default=None)

    @property
    def asks_loads(self) -> bool:
        """Whether anybody waits who asks how busy hosts are."""
        return any(each.item.hosts for each in self._waiting.values())

    def ahead_of(self, run_id: str, now: float) -> int:
        """The number of runs that stand before one that waits."""
        ageing_s = self.rules.ageing_s
        own = self._waiting[run_id].rank(now, ageing_s)
        return sum(each.rank(now, ageing_s) < own for each in self._waiting.values())

    def obstacles(self, waiting: Waiting, now: float) -> Iterable[tuple[Use, Waiting | None]]:
        """Everything of ours in a run's way, in order; with the run that it may not pass there."""
        self._renew_keeper(now)
        for use in waiting.item.uses:
            if not self.held.fits(use, self.rules.limits):
                yield use, None
            elif passed := self._may_not_pass(waiting, use):
                yield use, passed

    def busy_hosts(self, item: Item) -> list[str]:
        """Hosts that are busier than the run bears."""
        return [host for host in item.hosts if is_busy(item.load[host], self._loads.get(host))]

    def load_of(self, host: str) -> Load | None:
        return self._loads.get(host)

    # --- inside -------------------------------------------------------------------------------

    def _obstacle(self, waiting: Waiting) -> Resource | None:
        """The first thing in its way."""
        item = waiting.item
        if self.rules.frozen and not item.override:
            return FREEZE
        for use in item.uses:
            if not self.held.fits(use, self.rules.limits) or self._may_not_pass(waiting, use):
                return use.resource
        if item.hosts and self.busy_hosts(item):
            return LOAD
        return None

    def _may_not_pass(self, waiting: Waiting, use: Use) -> Waiting | None:
        """The run that would be overtaken, where that is not borne."""
        keeper = self._keeper
        is_kept_from = keeper is not None and keeper is not waiting
        if is_kept_from and not self.held.fits(use, self.rules.limits, self._kept):
            return keeper
        if use.resource.kind in LOCKS and (line := self._lines.get(use.resource)):
            oldest = line.oldest()
            if (
                oldest
                and oldest is not waiting
                and (oldest.due, oldest.number)
                < (
                    waiting.due,
                    waiting.number,
                )
            ):
                return oldest
        return None

    def _begin(self, waiting: Waiting) -> None:
        item = waiting.item
        rank = item.priority.rank
        self._served[rank] = max(self._served[rank], waiting.turn)
        if self._turns.get((rank, item.owner), 0.0) <= self._served[rank]:
            self._turns.pop((rank, item.owner), None)
        self._remove(item.run_id)
        self.held.take(item)

    def _turn(self, item: Item) -> float:
        """Start-time fair queueing: an owner's next turn is behind its last, or now."""
        key = (item.priority.rank, item.owner)
        turn = max(self._served[item.priority.rank], self._turns.get(key, 0.0)) + 1
        self._turns[key] = turn
        return turn

    def _remove(self, run_id: str) -> None:
        """Take it out of wherever it waits; who is parked behind it may follow."""
        waiting = self._waiting.pop(run_id)
        place = self._places.pop(run_id)
        self._lines[place].remove(run_id)
        self._inside.remove(run_id)
        if place is not READY:
            self._open(place)
        if came_from := self._from.pop(run_id, None):
            self._open(came_from)
        if self._keeper is waiting:
            self._release_keeper()

    def _park(self, waiting: Waiting, place: Resource | None) -> None:
        run_id = waiting.item.run_id
        self._lines[self._places.get(run_id, READY)].remove(run_id)
        self._places[run_id] = place
        if place not in self._lines:
            self._lines[place] = Line()
        self._lines[place].add(waiting)
        came_from = self._from.pop(run_id, None)
        if came_from is not None and came_from != place:
            self._open(came_from)
        if place is not READY and place.kind in OUTSIDE:
            self._inside.remove(run_id)
            if self._keeper is waiting:
                self._release_keeper()

    def _open(self, *resources: Resource) -> None:
        for resource in resources:
            if resource in self._lines:
                self._opened[resource] = None

    def _wake(self, now: float) -> None:
        """The first that is parked at an opened resource is ready again."""
        resource = next(iter(self._opened))
        del self._opened[resource]
        line = self._lines[resource]
        is_lock = resource.kind in LOCKS
        waiting = line.oldest() if is_lock else line.first(now, self.rules.ageing_s)
        if waiting is None:
            del self._lines[resource]
            return
        run_id = waiting.item.run_id
        line.remove(run_id)
        self._places[run_id] = READY
        self._lines[READY].add(waiting)
        self._from[run_id] = resource
        if resource.kind in OUTSIDE:
            self._inside.add(waiting)

    def _renew_keeper(self, now: float) -> None:
        oldest = self._inside.oldest()
        keeper = oldest if oldest and oldest.due <= now else None
        if keeper is not self._keeper:
            self._release_keeper()
            self._keeper = keeper
            self._kept = dict(keeper.item.uses) if keeper else {}

    def _release_keeper(self) -> None:
        if self._keeper is not None:
            self._open(*self._kept)
            self._keeper, self._kept = None, {}
