"""Who holds what: slots and locks of the runs that have begun."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.dispatch.items import LOCKS, Item, Mode, Resource, Use
from core.domain.priorities import Priority

_NOBODY: Mapping[str, Mode] = {}


@dataclass(slots=True)
class Begun:
    """A run that goes on."""

    item: Item
    waited_s: float
    """How long it has waited, all in all: its age, should it wait again."""
    number: int
    """In the order in which runs begin."""
    bears: int = 0
    """Of how many classes, the most urgent first, runs may have its place."""


class Holdings:
    """What is in use, by whom. Nothing here refuses: whoever takes has asked `fits` first."""

    def __init__(self) -> None:
        self._holders: dict[Resource, dict[str, Mode]] = {}
        self._begun: dict[str, Begun] = {}
        self._bearing: dict[str, None] = {}
        self._numbers = 0

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._begun

    def __len__(self) -> int:
        return len(self._begun)

    def items(self) -> Iterable[Item]:
        """The runs that have begun, in the order in which they did."""
        return (begun.item for begun in self._begun.values())

    def get(self, run_id: str) -> Begun | None:
        return self._begun.get(run_id)

    @property
    def bearing(self) -> Collection[str]:
        """Runs that would give way to some class."""
        return self._bearing.keys()

    def take(self, item: Item, waited_s: float) -> None:
        self._numbers += 1
        self._begun[item.run_id] = Begun(item, waited_s, self._numbers)
        for use in item.uses:
            self._holders.setdefault(use.resource, {})[item.run_id] = use.mode

    def give_back(self, run_id: str) -> Begun | None:
        """The run that had begun; None where it had not."""
        begun = self._begun.pop(run_id, None)
        self._bearing.pop(run_id, None)
        for use in begun.item.uses if begun else ():
            holders = self._holders[use.resource]
            del holders[run_id]
            if not holders:
                del self._holders[use.resource]
        return begun

    def set_priority(self, run_id: str, priority: Priority) -> None:
        begun = self._begun[run_id]
        begun.item = replace(begun.item, priority=priority)

    def set_bears(self, run_id: str, bears: int) -> bool:
        """Whether that is new; of a run that has not begun it is nothing."""
        begun = self._begun.get(run_id)
        if begun is None or begun.bears == bears:
            return False
        begun.bears = bears
        if bears:
            self._bearing[run_id] = None
        else:
            self._bearing.pop(run_id, None)
        return True

    def holders(self, resource: Resource) -> Mapping[str, Mode]:
        """Run -> how it uses the resource."""
        return self._holders.get(resource, _NOBODY)

    def fits(
        self,
        use: Use,
        limits: Mapping[Resource, int],
        kept: Sequence[Mode] = (),
        leaving: int = 0,
    ) -> bool:
        """Whether one more run may use it so.

        `kept`: what is kept for others besides; `leaving`: holders that give way to those others.
        """
        holders = self.holders(use.resource)
        if use.resource.kind not in LOCKS:
            limit = limits.get(use.resource)
            return limit is None or len(holders) - leaving + len(kept) < limit
        if not holders and not kept:
            return True
        # A lock has one exclusive holder, or any number that share it.
        modes = (*kept, *(mode for mode in (next(iter(holders.values()), None),) if mode))
        return use.mode is Mode.SHARED and Mode.EXCLUSIVE not in modes
