"""Targets of which nobody knows how they ended: which ones a person means, and what that makes of
their step. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.domain.retrying import Standing
from core.domain.rolling import Rolling
from core.domain.run import RunState, TargetState, step_reason, step_result
from core.domain.targets import fold
from core.domain.threshold import is_good, step_state
from core.errors import Conflict, NotFound


class Verdict(StrEnum):
    """What a person says of targets whose outcome is unknown."""

    SUCCESS = "success"
    """They looked: it ended well."""
    FAILED = "failed"
    """They looked: it did not, or never ran."""
    LOOK = "look"
    """The hosts are asked again: they may have kept it."""


STATE_OF: dict[Verdict, TargetState] = {
    Verdict.SUCCESS: TargetState.SUCCESS,
    Verdict.FAILED: TargetState.FAILED,
    Verdict.LOOK: TargetState.RUNNING,
}


class NothingToResolve(Conflict):
    """No target that was named is unknown, or can be asked."""

    code = "nothing-to-resolve"


def choose(
    standings: Sequence[Standing], hosts: Iterable[str] | None, verdict: Verdict
) -> tuple[int, ...]:
    """Ordinals of the targets that get a verdict; without `hosts` all that are unknown.

    NotFound for a host that is no target of the step; NothingToResolve for one whose outcome
    is known, and for one that keeps nothing where it is to be asked.
    """
    unknown = [standing for standing in standings if standing.state is TargetState.UNKNOWN]
    if hosts is not None:
        by_host = {standing.host: standing for standing in standings}
        named = []
        for host in hosts:
            if host not in by_host:
                raise NotFound("target", host, list(by_host), place="the step")
            named.append(by_host[host])
        known = [standing.host for standing in named if standing not in unknown]
        if known:
            raise NothingToResolve(
                f"how it ended on {fold(known)} is known",
                hint="only targets that are unknown can be resolved; `runs retry` runs others again",
            )
        unknown = named
    silent = [standing.host for standing in unknown if not standing.claimed]
    if verdict is Verdict.LOOK and silent:
        raise NothingToResolve(
            f"{fold(silent)} kept no record of it, so there is nothing to ask for",
            hint="look there yourself, then resolve with --success or --failed",
        )
    if not unknown:
        raise NothingToResolve("no target of the step is unknown")
    return tuple(sorted({standing.ordinal for standing in unknown}))


@dataclass(frozen=True, slots=True)
class Rolled:
    """The batches of an attempt of a rolling step."""

    rolling: Rolling
    members: Sequence[Sequence[int]]
    """Batch -> ordinals of the targets that took part in the attempt."""
    failed: Sequence[int]
    """Batches that failed."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a step ended, by what is known now."""

    state: RunState
    reason: str
    good: tuple[int, ...] = ()
    """Batches that had failed, and are good now."""


def judge(
    standings: Sequence[Standing],
    chosen: Sequence[int],
    verdict: Verdict,
    step: str,
    rolled: Rolled | None = None,
) -> Judgement:
    """The step judged again, now that `chosen` have their verdict."""
    taken = frozenset(chosen)
    now = {
        standing.ordinal: STATE_OF[verdict] if standing.ordinal in taken else standing.state
        for standing in standings
    }
    counts = Counter(now.values())
    reason = step_reason(counts, step)
    if rolled is None:
        return Judgement(step_result(counts, stopping=False), reason)
    attempt = Counter(now[ordinal] for batch in rolled.members for ordinal in batch)
    good = tuple(
        number
        for number in rolled.failed
        if not taken.isdisjoint(members := rolled.members[number])
        and is_good(rolled.rolling, Counter(now[ordinal] for ordinal in members), attempt)
    )
    still_failed = len(good) < len(rolled.failed)
    state = step_state(rolled.rolling, counts, batch_failed=still_failed, stopping=False)
    return Judgement(state, reason, good)
