"""Hosts with the same answer, put together: state, exit status, digest of the output, and the
reason as far as the exit status does not say it. Where a person said how it ended, that is another
answer than the host's own.

The digest comes from `core.domain.normalising`; two groups are compared with
`core.domain.textdiff`. `Normaliser`, `Rule` and `normalise` can be had from here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.domain.normalising import DEFAULT_RULES, Normaliser, Rule, normalise
from core.domain.run import GOOD_TARGET_STATES, LIVE_TARGET_STATES, TargetState

__all__ = [
    "DEFAULT_RULES", "Group", "Normaliser", "Row", "Rule", "group", "normalise", "reason_shape",
]  # fmt: skip

_PARTICULARS = re.compile(r"SHA256:\S+|\d")


def reason_shape(message: str, host: str) -> str:
    """A message without what every host has its own of: names, addresses, ports, fingerprints."""
    return _PARTICULARS.sub("0", message.replace(host, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How one host answered."""

    host: str
    state: TargetState
    exit_code: int | None
    """None where nothing ran or a signal ended it."""
    digest: str
    """Of the normalised output; "" where there is none."""
    ordinal: int
    """Place of the host among the run's targets, from 0."""
    resolved_by: str = ""
    """Who said how it ended; "" where the host did."""
    message: str = ""
    """Why it ended so; counts as far as no exit status says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Hosts that answered alike."""

    state: TargetState
    exit_code: int | None
    digest: str
    hosts: tuple[str, ...]
    """In the order of the targets."""
    ordinals: tuple[int, ...]
    """Theirs, in the same order."""
    resolved_by: str = ""
    reason: str = ""
    """What the first of them ended with; "" where the exit status says it all."""

    @property
    def count(self) -> int:
        return len(self.hosts)

    @property
    def sample(self) -> int:
        """Ordinal of the first of them, whose output stands for all."""
        return self.ordinals[0]


def group(rows: Iterable[Row]) -> tuple[Group, ...]:
    """The groups of `rows`, in the order in which an engineer on call reads them.

    What did not succeed comes first, then what is still going on, then successes;
    states stand in the order of `TargetState`. Within a state the largest group leads:
    it is the rule, and the small ones after it are the exceptions to compare with it.
    Equal sizes stand by their first host, so the same rows always give the same order.
    """
    members: dict[tuple[TargetState, int | None, str, str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.ordinal):
        reason = reason_shape(_reason(row), row.host)
        answer = (row.state, row.exit_code, row.digest, row.resolved_by, reason)
        members.setdefault(answer, []).append(row)
    groups = [
        Group(
            state=state,
            exit_code=exit_code,
            digest=digest,
            hosts=tuple(row.host for row in same),
            ordinals=tuple(row.ordinal for row in same),
            resolved_by=resolved_by,
            reason=_reason(same[0]),
        )
        for (state, exit_code, digest, resolved_by, _shape), same in members.items()
    ]
    return tuple(sorted(groups, key=_reading_order))


def _reason(row: Row) -> str:
    """What the message says beyond the exit status, which stands beside it."""
    if row.exit_code is None:
        return row.message
    return row.message.removeprefix(f"exit status {row.exit_code}").lstrip(" ,")


_STATE_RANK = {
    state: (state in GOOD_TARGET_STATES, state in LIVE_TARGET_STATES, place)
    for place, state in enumerate(TargetState)
}


def _reading_order(group: Group) -> tuple[tuple[bool, bool, int], int, int]:
    return (_STATE_RANK[group.state], -group.count, group.sample)
