"""Who holds what: slots and locks of the runs that have begun."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.dispatch.items import LOCKS, Item, Mode, Resource, Use

_NOBODY: Mapping[str, Mode] = {}


class Holdings:
    """What is in use, by whom. Nothing here refuses: whoever takes has asked `fits` first."""

    def __init__(self) -> None:
        self._holders: dict[Resource, dict[str, Mode]] = {}
        self._items: dict[str, Item] = {}

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._items

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> Iterable[Item]:
        """The runs that have begun, in the order in which they did."""
        return self._items.values()

    def get(self, run_id: str) -> Item | None:
        return self._items.get(run_id)

    def take(self, item: Item) -> None:
        self._items[item.run_id] = item
        for use in item.uses:
            self._holders.setdefault(use.resource, {})[item.run_id] = use.mode

    def give_back(self, run_id: str) -> Item | None:
        """The run that had begun; None where it had not."""
        item = self._items.pop(run_id, None)
        for use in item.uses if item else ():
            holders = self._holders[use.resource]
            del holders[run_id]
            if not holders:
                del self._holders[use.resource]
        return item

    def replace(self, item: Item) -> None:
        """The same run with another priority."""
        self._items[item.run_id] = item

    def holders(self, resource: Resource) -> Mapping[str, Mode]:
        """Run -> how it uses the resource."""
        return self._holders.get(resource, _NOBODY)

    def fits(
        self, use: Use, limits: Mapping[Resource, int], kept: Mapping[Resource, Mode] = {}
    ) -> bool:
        """Whether one more run may use it so; `kept`: what is kept for another run besides."""
        holders = self.holders(use.resource)
        if use.resource.kind not in LOCKS:
            limit = limits.get(use.resource)
            return limit is None or len(holders) + (use.resource in kept) < limit
        modes = [*holders.values()][:1]  # one exclusive holder, or any number that share
        if use.resource in kept:
            modes.append(kept[use.resource])
        return not modes or (use.mode is Mode.SHARED and Mode.EXCLUSIVE not in modes)
