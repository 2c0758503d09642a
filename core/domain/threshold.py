"""When a batch of a rolling step is good, and when its failures are too many. Pure.

Two judgements. While a batch runs, `max_fail` is looked at after each host:
with more failures than that, hosts that still wait are left out. When it has
ended, it is good if its failures stay within `max_fail` and its successes reach
`min_success`; where neither is given, if nothing failed.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.rolling import Mode, Rolling, Scope
from core.domain.run import GOOD_TARGET_STATES, NEVER_STARTED, RunState, TargetState, step_result

_UNDECIDED = frozenset({TargetState.WAITING, TargetState.RUNNING})

Counts = Mapping[TargetState, int]


def failures(counts: Counts) -> int:
    """Targets that were tried and did not succeed."""
    fine = GOOD_TARGET_STATES | NEVER_STARTED | _UNDECIDED
    return sum(count for state, count in counts.items() if state not in fine)


def is_exceeded(rolling: Rolling, batch: Counts, step: Counts) -> bool:
    """Whether more failed than is borne; `batch` and `step` are the counts so far."""
    if rolling.max_fail is None:
        return False
    counts = batch if rolling.scope is Scope.BATCH else step
    failed, total = failures(counts), sum(counts.values())
    if rolling.max_fail.endswith("%"):
        return failed * 100 > int(rolling.max_fail[:-1]) * total
    return failed > int(rolling.max_fail)


def is_good(rolling: Rolling, batch: Counts, step: Counts) -> bool:
    """Whether a batch whose targets have ended is a good one."""
    if any(batch.get(state, 0) for state in NEVER_STARTED | _UNDECIDED):
        return False
    if is_exceeded(rolling, batch, step):
        return False
    if rolling.min_success is not None:
        return _share(batch) >= rolling.min_success
    return rolling.max_fail is not None or not failures(batch)


def _share(counts: Counts) -> float:
    """Percentage of targets that succeeded."""
    good = sum(counts.get(state, 0) for state in GOOD_TARGET_STATES)
    total = sum(counts.values())
    return 100 * good / total if total else 100


def step_state(rolling: Rolling, counts: Counts, *, batch_failed: bool, stopping: bool) -> RunState:
    """How a rolling step ended, from its targets and from whether a batch of it failed."""
    state = step_result(counts, stopping=stopping)
    if state in (RunState.ABNORMAL, RunState.STOPPED):
        return state
    if batch_failed and rolling.mode is Mode.PAUSE_ON_FAIL:
        return RunState.TIMED_OUT if state is RunState.TIMED_OUT else RunState.FAILED
    if batch_failed and state is RunState.SUCCEEDED:
        return RunState.PARTIALLY_SUCCEEDED
    is_enough = rolling.min_success is not None and _share(counts) >= rolling.min_success
    if state is RunState.PARTIALLY_SUCCEEDED and is_enough and not batch_failed:
        return RunState.SUCCEEDED
    return state
