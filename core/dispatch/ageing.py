"""Ageing: how a run that waits rises, so that none waits for ever.

A run of class c (0 is `urgent`) rises one class each `ageing_s` that it waits, and after
(c + 1) * ageing_s it is **aged**: over all classes, in order of those moments. All of that follows
from one number, the moment `due` at which it is aged, so nothing is moved while time passes.
"""

from __future__ import annotations

import math

from core.dispatch.items import Item
from core.domain.priorities import Priority

AGED = -1
"""The level over all classes."""


def waits_s(priority: Priority, ageing_s: float) -> float:
    """How long a run of a class waits until it is aged."""
    return (priority.rank + 1) * ageing_s


def due(item: Item, ageing_s: float) -> float:
    """When the run is aged."""
    return item.since + waits_s(item.priority, ageing_s)


def level(rank: int, due: float, now: float, ageing_s: float) -> int:
    """The class in which a run of class `rank` stands now; AGED above the most urgent one."""
    left = due - now
    if left <= 0:
        return AGED
    return min(rank, math.ceil(left / ageing_s) - 1)
