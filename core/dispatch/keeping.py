"""What is kept from a run for others: for the first aged run, and for those that have claims.

The first aged run is the **keeper**: nobody else takes of what it uses what would stand in its way,
and nothing is kept from it. A claim keeps from runs of its class and of lower ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.dispatch.claims import Claims
from core.dispatch.items import Mode, Resource
from core.dispatch.lines import Line, Waiting

Kept = tuple[Waiting, Mode]
"""For whom something is kept, and how they use it."""

_NOTHING: Sequence[Kept] = ()


class Keeping:
    """The keeper of the moment, beside the claims."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._keeper: Waiting | None = None
        self._uses: Mapping[Resource, Mode] = {}

    def renew(self, inside: Line, now: float) -> tuple[tuple[Resource, ...], Waiting | None]:
        """The first aged run of the line keeps from here on.

        What an earlier keeper set free, and who is keeper since this moment.
        """
        oldest = inside.oldest()
        keeper = oldest if oldest and oldest.due <= now else None
        if keeper is self._keeper:
            return (), None
        freed = self.release(self._keeper)
        self._keeper = keeper
        self._uses = dict(keeper.item.uses) if keeper else {}
        return freed, keeper

    def release(self, waiting: Waiting | None) -> tuple[Resource, ...]:
        """What is free again now that nothing is kept for a run."""
        if waiting is None or waiting is not self._keeper:
            return ()
        freed = tuple(self._uses)
        self._keeper, self._uses = None, {}
        return freed

    def by_keeper(self, resource: Resource) -> Sequence[Mode]:
        """What the keeper keeps of a resource from all others."""
        return (self._uses[resource],) if resource in self._uses else ()

    def at(self, waiting: Waiting, resource: Resource) -> Sequence[Kept]:
        """What is kept of a resource from a run that waits."""
        keeper = self._keeper
        if keeper is waiting or (keeper is None and not self._claims):
            return _NOTHING
        found = []
        if keeper is not None and resource in self._uses:
            found.append((keeper, self._uses[resource]))
        for other, mode in self._claims.at(resource):
            if other not in (waiting, keeper) and other.own <= waiting.own:
                found.append((other, mode))
        return found
