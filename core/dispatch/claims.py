"""Claims: who gives way to whom, and what is kept for those that wait for it.

A run that waits has a **claim** where runs of lower classes can give it all that is in its way. They are
asked; whatever the claimant uses is kept for it meanwhile, from all that are not of a more urgent
class, so nobody else takes what was given for it. A run gives way to one claimant at a time. A claim is
made anew whenever something of it changes, and with it who is asked.

Who is spared: a run of the same class or a more urgent one; one that is aged, by the time that it has
waited; one that says that it bears no such class (`core.flow.yielding`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from core.dispatch import ageing, victims
from core.dispatch.holding import Holdings
from core.dispatch.items import LOCKS, Item, Mode, Resource, Rules, Use
from core.dispatch.lines import Waiting
from core.dispatch.victims import Need

Kept = Callable[[Waiting, Resource], Sequence[Mode]]
"""What of a resource is kept from a run, for others."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be said to a run that goes on."""

    run_id: str
    to: Item | None
    """The run to which it is to give way; None: to nobody any more."""


class Claims:
    """The claims of the moment."""

    def __init__(self, held: Holdings) -> None:
        self._held = held
        self._asked: dict[str, str] = {}
        """Run that gives way -> for whom."""
        self._victims: dict[str, frozenset[str]] = {}
        """Claimant -> who was asked for it, and still holds something."""
        self._claimants: dict[str, Waiting] = {}
        self._kept: dict[Resource, dict[str, Mode]] = {}
        """Resource -> the claimants for whom it is kept, and how they use it."""
        self._told: dict[str, str] = {}
        """As `_asked`, as far as it was said."""
        self._unsaid: dict[str, None] = {}
        """Runs of which that may have changed."""

    def __bool__(self) -> bool:
        return bool(self._claimants)

    def __contains__(self, run_id: str) -> bool:
        """Whether it has a claim."""
        return run_id in self._claimants

    def claimants(self) -> list[Waiting]:
        """The runs that have claims."""
        return [*self._claimants.values()]

    def asked_for(self, run_id: str) -> str:
        """The run for which this one gives way; "" where for none."""
        return self._asked.get(run_id, "")

    def victims_of(self, run_id: str) -> Collection[str]:
        """The runs that give way to this one."""
        return self._victims.get(run_id, frozenset())

    def keeps(self, run_id: str, resource: Resource) -> bool:
        """Whether it is kept for that run."""
        return run_id in self._kept.get(resource, {})

    def at(self, resource: Resource) -> Iterator[tuple[Waiting, Mode]]:
        """The claimants for whom a resource is kept, and how they use it."""
        for run_id, mode in self._kept.get(resource, {}).items():
            yield self._claimants[run_id], mode

    @property
    def has_orders(self) -> bool:
        """Whether there may be something to say."""
        return bool(self._unsaid)

    def take_orders(self) -> list[Order]:
        """What is to be said since it was asked last; what changed to and fro is not said."""
        orders = []
        for run_id in self._unsaid:
            claimant = self.asked_for(run_id)
            if claimant != self._told.pop(run_id, ""):
                to = self._claimants[claimant].item if claimant else None
                orders.append(Order(run_id, to))
            if claimant:
                self._told[run_id] = claimant
        self._unsaid.clear()
        return orders

    # --- what happens -------------------------------------------------------------------------

    def make(self, waiting: Waiting, chosen: frozenset[str], *, is_told: bool = False) -> list[str]:
        """A run claims what `chosen` hold, and nothing of others; who need not give way any more.

        `is_told`: they know it already.
        """
        item = waiting.item
        before = self._victims.get(item.run_id, frozenset())
        for each in sorted(chosen - before):
            self._asked[each] = item.run_id
            if is_told:
                self._told[each] = item.run_id
            else:
                self._unsaid[each] = None
        self._victims[item.run_id] = chosen
        self._claimants[item.run_id] = waiting
        for use in item.uses:
            self._kept.setdefault(use.resource, {})[item.run_id] = use.mode
        return self._spare(before - chosen)

    def drop(self, run_id: str) -> list[str]:
        """A run claims nothing: it begins, waits no more, or nobody can help it.

        Who need not give way any more.
        """
        waiting = self._claimants.pop(run_id)
        for use in waiting.item.uses:
            claimants = self._kept[use.resource]
            del claimants[run_id]
            if not claimants:
                del self._kept[use.resource]
        return self._spare(self._victims.pop(run_id))

    def released(self, run_id: str) -> str:
        """A run gives way no more: it did, it has ended, or it cannot. The claimant; "" is none."""
        claimant = self._asked.pop(run_id, "")
        self._told.pop(run_id, None)
        if claimant:
            self._victims[claimant] -= {run_id}
        return claimant

    # --- who could ----------------------------------------------------------------------------

    def possible(self, waiting: Waiting, rules: Rules, kept: Kept) -> frozenset[str] | Resource:
        """Who is to give way, so that a run which something keeps waiting has all that it uses.

        Nobody, where all that is in its way goes anyway; what keeps it waiting, where nobody gives
        way for that.
        """
        needs = []
        for use in waiting.item.uses:
            need = self._need(waiting, use, rules, kept(waiting, use.resource))
            if len(need.runs) < need.count:
                return use.resource
            needs.append(need)
        return victims.choose(needs, self._preference(waiting))

    # --- inside -------------------------------------------------------------------------------

    def _spare(self, runs: Collection[str]) -> list[str]:
        spared = sorted(runs)
        for each in spared:
            del self._asked[each]
            self._unsaid[each] = None
        return spared

    def _need(self, waiting: Waiting, use: Use, rules: Rules, reserved: Sequence[Mode]) -> Need:
        resource, own = use
        holders = self._held.holders(resource)
        staying = [
            run for run in holders if self.asked_for(run) in ("", waiting.item.run_id)
        ]  # the others go anyway: what they leave is kept, and counted there
        may = [run for run in staying if self._bears(run, waiting, rules)]
        if resource.kind not in LOCKS:
            if resource not in rules.limits:
                return Need((), 0)
            over = len(staying) + len(reserved) + 1 - rules.limits[resource]
            return Need(may, max(0, over))
        if Mode.EXCLUSIVE in reserved or (reserved and own is Mode.EXCLUSIVE):
            return Need((), 1)
        conflicts = own is Mode.EXCLUSIVE or Mode.EXCLUSIVE in holders.values()
        return Need(may, len(staying) if conflicts else 0)

    def _bears(self, run_id: str, waiting: Waiting, rules: Rules) -> bool:
        begun = self._held.get(run_id)
        if begun is None:
            return False
        rank, own = waiting.item.priority.rank, begun.item.priority.rank
        is_aged = begun.waited_s >= ageing.waits_s(begun.item.priority, rules.ageing_s)
        return rank < min(own, begun.bears) and not is_aged

    def _preference(self, waiting: Waiting) -> Callable[[str], tuple[bool, int, int]]:
        """Who was asked already, then the least urgent, then who began last."""
        own = waiting.item.run_id

        def order(run_id: str) -> tuple[bool, int, int]:
            begun = self._held.get(run_id)
            assert begun is not None, "only who holds something can give it"
            is_asked = self.asked_for(run_id) == own
            return not is_asked, -begun.item.priority.rank, -begun.number

        return order
