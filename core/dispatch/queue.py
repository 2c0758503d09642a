"""The queue: which run begins next. Values in, values out; no clock, no loop.

Theory of operation. A run that enters is **ready**: it is looked at in its turn. When everything
that it uses fits, it begins and holds all of it at once, to its end. Otherwise it is parked at the
first thing that stands in its way, and is not looked at again before that thing changes. When a
run gives a resource back, the first that is parked there is ready again; when that one begins or
is parked elsewhere, the next; when it is parked there again, the first of those that are more urgent
than it, from whom less is kept. So one decision costs what has changed, not what waits.

Nobody waits for ever. The first aged run (`ageing`) **keeps** what it uses: nobody else takes of
it what would stand in that run's way. And at a lock nobody overtakes an older run that wants more of
it: readers do not pass a writer for ever. What waits for something outside (a busy host, a frozen
engine) keeps nothing.

Locks cannot deadlock: a run takes all of them together or none, and a run that waits holds none.

A rule for editors: after `next` has said None and `is_settled`, everything that waits has an
obstacle (`tests/property/test_wakeups_property.py`). Whatever makes an obstacle smaller must `_open` the
resource at which it was parked; and who is taken from a line remembers it, for those behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from core.dispatch import ageing
from core.dispatch.claims import Claims, Order
from core.dispatch.holding import Begun, Holdings
from core.dispatch.items import LOCKS, OUTSIDE, Item, Kind, Load, Mode, Resource, Rules, Use
from core.dispatch.keeping import Keeping, Kept
from core.dispatch.lines import FAR_S, Line, Waiting
from core.dispatch.loads import is_busy
from core.domain.priorities import Priority

READY = None
"""Where a run is that is parked nowhere."""
ENGINE = Use(Resource(Kind.ENGINE), Mode.SLOT)
"""What every run uses that is made of a definition."""
FREEZE = Resource(Kind.FREEZE)
YIELD = Resource(Kind.YIELD)
"""Where a run is that others were asked to give way to."""

_ALL = len(Priority)
"""Below it are all classes."""
_LOOKING = 8
"""Of those that wait at one thing, how many look at a run that would give way."""

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
        self._from: dict[str, tuple[Resource, ...]] = {}
        """Run -> where it was woken: when it begins or goes elsewhere, the next one there may follow."""
        self._opened: dict[Resource, int] = {}
        """Resources that may have room again for who is parked there and is more urgent than that
        class; in the order of the changes."""
        self._inside = Line()
        """Those that wait for nothing outside: the first aged of them keeps what it uses."""
        self.claims = Claims(self.held)
        self._keeping = Keeping(self.claims)
        self._offered: dict[str, None] = {}
        """Runs that would give way since somebody may have a use for it."""
        self._turns: dict[tuple[int, str], float] = {}
        """(class, owner) -> the last turn that was given to it."""
        self._served = [0.0 for _ in Priority]
        """Class -> the turn that was served last."""
        self._arrivals = 0
        self._without_engine = 0
        """Of those that wait, how many take no place of the engine."""

    # --- what happens -------------------------------------------------------------------------

    def enter(self, item: Item) -> None:
        """A run waits from here on, until `next` gives it."""
        assert item.run_id not in self._waiting, "a run waits once"
        self._arrivals += 1
        due = ageing.due(item, self.rules.ageing_s)
        turn = due - FAR_S if item.gave_way_to else self._turn(item)
        waiting = Waiting(item, due, turn, self._arrivals)
        self._waiting[item.run_id] = waiting
        self._without_engine += ENGINE not in item.uses
        self._inside.add(waiting)
        self._park(waiting, READY)

    def seat(self, item: Item, waited_s: float = 0.0) -> None:
        """A run has begun already, whatever the limits say now; it had waited that long."""
        self.held.take(item, waited_s)

    def leave(self, run_id: str) -> None:
        """A run waits no more, or has ended. One that is unknown changes nothing."""
        if run_id in self._waiting:
            self._remove(run_id)
        else:
            self._give_back(run_id)

    def suspend(self, run_id: str, to: str, now: float) -> None:
        """A run has given way to another one: it holds nothing, and waits with the age it had."""
        if begun := self._give_back(run_id):
            since = now - begun.waited_s
            self.enter(replace(begun.item, since=since, gave_way_to=to))

    def set_bears(self, run_id: str, bears: int) -> None:
        """A run that goes on gives way to runs of so many classes, the most urgent first."""
        if not self.held.set_bears(run_id, bears):
            return
        if bears:
            self._offered[run_id] = None
        else:
            self._release(run_id)

    def recall(self, run_id: str, to: str) -> bool:
        """Whether a run, which an earlier engine asked to give way to another, is still to do so."""
        waiting = self._waiting.get(to)
        if waiting is None or run_id not in self.held:
            return False
        known = frozenset(self.claims.victims_of(to))
        self._claim(waiting, known | {run_id}, is_told=True)
        return True

    @property
    def has_orders(self) -> bool:
        """Whether there may be something to say to runs that go on."""
        return self.claims.has_orders

    def take_orders(self) -> list[Order]:
        """Who is to be asked to give way, and who not any more."""
        return self.claims.take_orders()

    def move(self, run_id: str, priority: Priority) -> None:
        """Give a run another priority; KeyError where it neither waits nor goes on."""
        if begun := self.held.get(run_id):
            self.held.set_priority(run_id, priority)
            if claimant := self.claims.asked_for(run_id):
                self._ready(self._waiting[claimant])
            elif begun.bears:
                self._offered[run_id] = None
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
        for claimant in self.claims.claimants():
            self._ready(claimant)

    def set_loads(self, loads: Mapping[str, Load]) -> None:
        """How busy hosts are; one that is not here is not known, and is asked nothing."""
        self._loads = loads
        for place, line in self._lines.items():
            if place is not READY and place.kind is Kind.LOAD:
                first = line.oldest()
                if first is None or self._busy_at(first.item) != place:
                    self._open(place)

    def renew_keeper(self, now: float) -> None:
        """The first run that is aged by now keeps what it uses, and is looked at when it begins to.

        To be called from time to time: a run is aged without anything else happening.
        """
        freed, keeper = self._keeping.renew(self._inside, now)
        self._open(*freed)
        if keeper is not None:
            self._ready(keeper)

    # --- what is decided ----------------------------------------------------------------------

    def next(self, now: float) -> Item | None:
        """The run that begins now, and holds what it uses; None: nobody does.

        A step looks at a bounded number of runs; while not `is_settled`, ask again.
        """
        effort = EFFORT
        self.renew_keeper(now)
        while effort and not self.is_settled:
            effort -= 1
            if self._opened:
                self._wake(now)
                continue
            if self._offered:
                self._offer()
                continue
            waiting = self._lines[READY].first(now, self.rules.ageing_s)
            assert waiting is not None, "a line that is not empty has a first"
            obstacle = self._obstacle(waiting)
            if obstacle is not None:
                self._park(waiting, self._claimed(waiting, obstacle))
                if obstacle.kind in OUTSIDE:
                    self.renew_keeper(now)
                continue
            self._begin(waiting, now)
            return waiting.item
        return None

    @property
    def is_settled(self) -> bool:
        """Whether nobody may begin before something changes."""
        return not (self._opened or self._offered or self._lines[READY])

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

    def obstacles(self, waiting: Waiting) -> Iterable[tuple[Use, Waiting | None]]:
        """Everything of ours in a run's way, in order; with the run that it may not pass there."""
        for use in waiting.item.uses:
            if not self.held.fits(use, self.rules.limits):
                yield use, None
            elif passed := self._may_not_pass(waiting, use):
                yield use, passed

    def busy_hosts(self, item: Item) -> list[str]:
        """Hosts that are busier than the run bears."""
        return [host for host in item.hosts if self._is_busy(item, host)]

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
        return self._busy_at(item)

    def _busy_at(self, item: Item) -> Resource | None:
        """Where those wait that ask the same of its first busy host: none of them may begin."""
        for host in item.hosts:
            if self._is_busy(item, host):
                limits = item.load[host]
                return Resource(
                    Kind.LOAD, f"{host} {limits.max_load_per_cpu} {limits.min_free_mem_mb}"
                )
        return None

    def _is_busy(self, item: Item, host: str) -> bool:
        return is_busy(item.load[host], self._loads.get(host))

    def _may_not_pass(self, waiting: Waiting, use: Use) -> Waiting | None:
        """The run that would be overtaken, where that is not borne."""
        kept = self._keeping.at(waiting, use.resource)
        if kept and not self._leaves_room(use, kept):
            return kept[0][0]
        return self._elder(waiting, use.resource)

    def _leaves_room(self, use: Use, kept: Sequence[Kept]) -> bool:
        """Whether what is kept for others is left to them if one more run uses it."""
        holders = self.held.holders(use.resource)
        leaving = sum(
            victim in holders
            for other, _ in kept
            for victim in self.claims.victims_of(other.item.run_id)
        )
        return self.held.fits(use, self.rules.limits, [mode for _, mode in kept], leaving)

    def _elder(self, waiting: Waiting, resource: Resource) -> Waiting | None:
        """Who waits at a lock and has waited longer. Who has a claim on it has been let past."""
        line = self._lines.get(resource) if resource.kind in LOCKS else None
        oldest = line.oldest() if line else None
        if oldest is None or oldest is waiting or self.claims.keeps(waiting.item.run_id, resource):
            return None
        is_older = (oldest.due, oldest.number) < (waiting.due, waiting.number)
        return oldest if is_older else None

    def _claimed(self, waiting: Waiting, obstacle: Resource) -> Resource:
        """Where a run waits that cannot begin: for those that give way to it, or at an obstacle.

        Where nobody can help it, at what nobody gives way for.
        """
        if not self.held.bearing and waiting.item.run_id not in self.claims:
            return obstacle
        found = self._beyond_help(waiting, obstacle) or self.claims.possible(
            waiting, self.rules, self._modes_kept
        )
        if isinstance(found, Resource):
            self._unclaim(waiting)
            return found
        if not found:
            self._unclaim(waiting)
            return obstacle
        self._claim(waiting, found)
        return YIELD

    def _claim(self, waiting: Waiting, chosen: frozenset[str], *, is_told: bool = False) -> None:
        """Others give way to a run; what they leave beyond its use is there for whoever comes."""
        asked = chosen.difference(self.claims.victims_of(waiting.item.run_id))
        spared = self.claims.make(waiting, chosen, is_told=is_told)
        self._offered.update(dict.fromkeys(spared))
        for run_id in sorted(asked):
            begun = self.held.get(run_id)
            assert begun is not None, "only who holds something gives it"
            self._open(*(use.resource for use in begun.item.uses))

    def _release(self, run_id: str) -> None:
        """A run that goes on gives way no more; for whom it did, others may."""
        if claimant := self.claims.released(run_id):
            self._ready(self._waiting[claimant])

    def _beyond_help(self, waiting: Waiting, obstacle: Resource) -> Resource | None:
        """What no run that goes on can give it."""
        if obstacle.kind in OUTSIDE:
            return obstacle
        item = waiting.item
        if busy := self._busy_at(item):
            return busy
        return next((use.resource for use in item.uses if self._elder(waiting, use.resource)), None)

    def _modes_kept(self, waiting: Waiting, resource: Resource) -> list[Mode]:
        return [mode for _, mode in self._keeping.at(waiting, resource)]

    def _begin(self, waiting: Waiting, now: float) -> None:
        item = waiting.item
        rank = item.priority.rank
        self._served[rank] = max(self._served[rank], waiting.turn)
        if self._turns.get((rank, item.owner), 0.0) <= self._served[rank]:
            self._turns.pop((rank, item.owner), None)
        self._remove(item.run_id)
        self.held.take(item, now - item.since)

    def _turn(self, item: Item) -> float:
        """Start-time fair queueing: an owner's next turn is behind its last, or now."""
        key = (item.priority.rank, item.owner)
        turn = max(self._served[item.priority.rank], self._turns.get(key, 0.0)) + 1
        self._turns[key] = turn
        return turn

    def _remove(self, run_id: str) -> None:
        """Take it out of wherever it waits; who is parked behind it may follow."""
        waiting = self._waiting.pop(run_id)
        self._without_engine -= ENGINE not in waiting.item.uses
        place = self._places.pop(run_id)
        self._lines[place].remove(run_id)
        self._inside.remove(run_id)
        if place is not READY:
            self._open(place)
        self._open(*self._from.pop(run_id, ()))
        self._open(*self._keeping.release(waiting))
        self._unclaim(waiting)

    def _give_back(self, run_id: str) -> Begun | None:
        """A run holds nothing any more; whoever waits for something of it may follow."""
        begun = self.held.give_back(run_id)
        if begun is not None:
            self._offered.pop(run_id, None)
            self._release(run_id)
            self._open(*(use.resource for use in begun.item.uses))
        return begun

    def _unclaim(self, waiting: Waiting) -> None:
        """Nothing is kept any more for a run; whoever was to give way to it, may for others."""
        if waiting.item.run_id in self.claims:
            self._offered.update(dict.fromkeys(self.claims.drop(waiting.item.run_id)))
            self._open(*(use.resource for use in waiting.item.uses))

    def _park(self, waiting: Waiting, place: Resource | None) -> None:
        run_id = waiting.item.run_id
        self._lines[self._places.get(run_id, READY)].remove(run_id)
        self._places[run_id] = place
        if place not in self._lines:
            self._lines[place] = Line()
        self._lines[place].add(waiting)
        came_from = self._from.pop(run_id, ())
        elsewhere = tuple(each for each in came_from if each != place)
        if place is not READY and place in came_from:
            self._open(place, below=waiting.own)
        if elsewhere and self._is_full_for_all(place):
            self._from[run_id] = elsewhere
            self._open(*elsewhere, below=waiting.own)
        else:
            self._open(*elsewhere)
        if place is not READY and place.kind in OUTSIDE:
            self._inside.remove(run_id)
            self._open(*self._keeping.release(waiting))

    def _is_full_for_all(self, place: Resource | None) -> bool:
        """Whether a run is parked where nobody that waits gets past, but for the keeper.

        Then the next one is not woken before it goes on, but for one that is more urgent: a lock or a
        place that is set free while the engine is full would send its whole line to wait for the engine.
        """
        if place != ENGINE.resource or self._without_engine:
            return False
        kept = self._keeping.by_keeper(ENGINE.resource)
        return not self.held.fits(ENGINE, self.rules.limits, kept)

    def _open(self, *resources: Resource, below: int = _ALL) -> None:
        """There may be room for those that wait here and are more urgent than class `below`."""
        for resource in resources:
            if resource is not YIELD and (resource in self._lines or any(self.claims.at(resource))):
                self._opened[resource] = max(below, self._opened.get(resource, 0))

    def _wake(self, now: float) -> None:
        """The first that is parked at an opened resource is ready again, and who has a claim on it."""
        resource = next(iter(self._opened))
        below = self._opened.pop(resource)
        for claimant in [claimant for claimant, _ in self.claims.at(resource)]:
            if claimant.own < below:
                self._ready(claimant)
        line = self._lines.get(resource)
        if line is None:
            return
        if not line:
            del self._lines[resource]
            return
        if resource.kind in LOCKS:
            first = line.oldest()  # whom nobody else passes
            waiting = first if first and first.own < below else None
        else:
            waiting = line.first(now, self.rules.ageing_s, below)
        if waiting is not None:
            self._ready(waiting)
            if resource.kind in OUTSIDE:
                self._inside.add(waiting)
                self.renew_keeper(now)

    def _ready(self, waiting: Waiting) -> None:
        """A run is looked at again."""
        run_id = waiting.item.run_id
        if (place := self._places[run_id]) is not READY:
            self._lines[place].remove(run_id)
            self._places[run_id] = READY
            self._lines[READY].add(waiting)
            self._from[run_id] = (*self._from.get(run_id, ()), place)

    def _offer(self) -> None:
        """The most urgent that wait for something of a run that would give way look at it."""
        run_id = next(iter(self._offered))
        del self._offered[run_id]
        begun = self.held.get(run_id)
        if begun is None or not begun.bears or self.claims.asked_for(run_id):
            return
        lines = (self._lines.get(use.resource) for use in begun.item.uses)
        for line in filter(None, lines):
            for waiting in line.most_urgent(_LOOKING):
                if waiting.item.priority.rank < begun.item.priority.rank:
                    self._ready(waiting)
