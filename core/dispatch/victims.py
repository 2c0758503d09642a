"""Which runs give way, so that another has room. Values in, values out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Need:
    """So many of these runs must give way."""

    runs: Collection[str]
    count: int


def choose(needs: Sequence[Need], preference: Callable[[str], Any]) -> frozenset[str]:
    """Runs that meet all needs, each of which can be met. Smaller by `preference` goes first.

    As few as possible where there is one need. With several it is greedy: who meets most of them
    goes first, and who is not needed in the end stays. (To find the fewest is to cover sets.)
    """
    left = [need.count for need in needs]
    chosen: list[str] = []
    while any(left):
        meets: Counter[str] = Counter()
        for need, count in zip(needs, left, strict=True):
            free = [run for run in need.runs if run not in chosen] if count else []
            assert len(free) >= count, "each need can be met"
            meets.update(free)
        best = min(meets, key=lambda run: (-meets[run], preference(run)))
        chosen.append(best)
        left = [
            count - (count > 0 and best in need.runs)
            for need, count in zip(needs, left, strict=True)
        ]
    return frozenset(_without_needless(chosen, needs, preference))


def _without_needless(
    chosen: Sequence[str], needs: Sequence[Need], preference: Callable[[str], Any]
) -> Collection[str]:
    kept = set(chosen)
    for run in sorted(chosen, key=preference, reverse=True):
        without = kept - {run}
        if all(len(without.intersection(need.runs)) >= need.count for need in needs):
            kept = without
    return kept
