"""Which targets another attempt of a step runs, and which it leaves as they are.

One rule above all: nothing runs twice in silence. A target that succeeded runs again
only where all are asked for; one of which nobody knows whether its work ended, only
where its step is idempotent or a person names it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.domain.run import GOOD_TARGET_STATES, NEVER_STARTED, TargetCode, TargetState
from core.domain.targets import fold
from core.errors import Conflict, NotFound

_MOST_CHARACTERS = 400
"""Of names of hosts in one sentence."""


class RetryScope(StrEnum):
    """Which of a step's targets are meant."""

    FAILED = "failed"
    """Those that ran and did not succeed."""
    NOT_STARTED = "not_started"
    """Those whose turn never came."""
    ALL = "all"
    """All, those that succeeded too."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a target of a step stands after its latest attempt."""

    ordinal: int
    host: str
    state: TargetState
    code: TargetCode | None = None
    claimed: bool = False
    """The host keeps a record of the attempt, so it can be asked how it went."""

    @property
    def succeeded(self) -> bool:
        return self.state in GOOD_TARGET_STATES

    @property
    def may_still_run(self) -> bool:
        """Whether nobody knows that its work has ended."""
        return (
            self.state is TargetState.UNKNOWN or self.code is TargetCode.CANCEL_UNVERIFIED
        ) and not self.succeeded


class NothingToRetry(Conflict):
    """No target of the step is left to run by what was asked."""

    code = "nothing-to-retry"


class OutcomeUnknown(Conflict):
    """Another attempt could run something twice; a person has to decide."""

    code = "outcome-unknown"


def choose(
    standings: Sequence[Standing], scope: RetryScope, *, idempotent: bool
) -> tuple[int, ...]:
    """Ordinals of the targets that another attempt runs, in their order.

    None where all succeeded: such a step is only judged again, and what follows it starts.
    OutcomeUnknown when what was asked would run a work that may still go on, and
    NothingToRetry when nothing is left to run.
    """
    wanted = [standing for standing in standings if _is_meant(standing, scope)]
    doubtful = [standing for standing in wanted if standing.may_still_run and not idempotent]
    chosen = [standing for standing in wanted if standing not in doubtful]
    if doubtful and (scope is RetryScope.ALL or not chosen):
        raise _unknown(doubtful)
    if not chosen and not all(standing.succeeded for standing in standings):
        raise _nothing(standings, scope)
    return tuple(standing.ordinal for standing in chosen)


def choose_named(standings: Sequence[Standing], hosts: Iterable[str]) -> tuple[int, ...]:
    """Ordinals of the targets that `hosts` name; who names a host answers for it.

    NotFound for a host that is no target of the step; NothingToRetry for one that succeeded.
    """
    by_host = {standing.host: standing for standing in standings}
    chosen = {}
    for host in hosts:
        if host not in by_host:
            raise NotFound("target", host, list(by_host), place="the step")
        chosen[by_host[host].ordinal] = by_host[host]
    if not chosen:
        raise NothingToRetry("no host is named", hint="give the names of targets of the step")
    winners = [standing for standing in chosen.values() if standing.succeeded]
    if winners:
        raise NothingToRetry(
            f"{_shown(winners)} succeeded already",
            hint="leave what succeeded out; a new run may take any host",
        )
    return tuple(sorted(chosen))


def left_in_doubt(standings: Sequence[Standing], chosen: Sequence[int]) -> tuple[str, ...]:
    """Hosts that are not chosen, and of which nobody knows whether their work has ended."""
    taken = frozenset(chosen)
    return tuple(
        standing.host
        for standing in standings
        if standing.may_still_run and standing.ordinal not in taken
    )


def _is_meant(standing: Standing, scope: RetryScope) -> bool:
    match scope:
        case RetryScope.ALL:
            return True
        case RetryScope.NOT_STARTED:
            return standing.state in NEVER_STARTED
        case RetryScope.FAILED:
            return not standing.succeeded and standing.state not in NEVER_STARTED


def _unknown(doubtful: Sequence[Standing]) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"how it ended on {_shown(doubtful)} is not known; another attempt could run it twice",
        hint="`jobdeck runs resolve --look` asks them again; look there, then say how it ended, or"
        " name these hosts to run them anyway",
    )


def _nothing(standings: Sequence[Standing], scope: RetryScope) -> NothingToRetry:
    counts = {
        other: sum(_is_meant(standing, other) for standing in standings)
        for other in (RetryScope.FAILED, RetryScope.NOT_STARTED)
    }
    others = [f"{count} {_WORDS[other]}" for other, count in counts.items() if count]
    good = sum(standing.succeeded for standing in standings)
    rest = ", ".join([*others, f"{good} succeeded"])
    return NothingToRetry(
        f"no target of the step is meant by `{scope.value}`: {rest}",
        hint="retry another part of them: failed, not_started, all, or hosts by name",
    )


_WORDS = {RetryScope.FAILED: "did not succeed", RetryScope.NOT_STARTED: "never started"}


def _shown(standings: Sequence[Standing]) -> str:
    """`3 hosts (web[01-03])`, short enough for a sentence."""
    names = fold(standing.host for standing in standings)
    if len(names) > _MOST_CHARACTERS:
        names = f"{names[:_MOST_CHARACTERS]}…"
    count = len(standings)
    return f"{count} {'host' if count == 1 else 'hosts'} ({names})"
