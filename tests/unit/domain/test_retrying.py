"""What another attempt of a step runs: exactly the right targets, and nothing twice in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.retrying import (
    NothingToRetry,
    OutcomeUnknown,
    RetryScope,
    Standing,
    choose,
    choose_named,
    left_in_doubt,
)
from core.domain.run import LIVE_TARGET_STATES, TargetCode, TargetState
from core.errors import NotFound

S = TargetState


def standing(*states: TargetState) -> list[Standing]:
    return [Standing(number, f"h{number + 1}", state) for number, state in enumerate(states)]


MIXED = standing(
    S.SUCCESS, S.FAILED, S.NOT_STARTED, S.LAST_SUCCESS, S.SKIPPED_BY_THRESHOLD, S.TIMED_OUT
)


@pytest.mark.parametrize(
    ("scope", "ordinals"),
    [
        (RetryScope.FAILED, (1, 5)),
        (RetryScope.NOT_STARTED, (2, 4)),
        (RetryScope.ALL, (0, 1, 2, 3, 4, 5)),
    ],
)
def test_each_scope_means_its_own_targets(scope: RetryScope, ordinals: tuple[int, ...]) -> None:
    assert choose(MIXED, scope, idempotent=False) == ordinals


def test_a_target_of_unknown_outcome_is_left_out_where_others_can_run() -> None:
    targets = standing(S.FAILED, S.UNKNOWN, S.SUCCESS)
    chosen = choose(targets, RetryScope.FAILED, idempotent=False)
    assert chosen == (0,)
    assert left_in_doubt(targets, chosen) == ("h2",)


@pytest.mark.parametrize(
    ("scope", "states"),
    [
        (RetryScope.FAILED, (S.UNKNOWN, S.SUCCESS, S.UNKNOWN)),
        (RetryScope.ALL, (S.UNKNOWN, S.FAILED, S.UNKNOWN)),
    ],
)
def test_what_could_run_twice_is_refused_by_count_and_name(
    scope: RetryScope, states: tuple[TargetState, ...]
) -> None:
    with pytest.raises(OutcomeUnknown, match=r"on 2 hosts \(h\[1,3\]\) is not known") as refused:
        choose(standing(*states), scope, idempotent=False)
    assert "name these hosts" in refused.value.hint


def test_a_target_whose_end_was_not_verified_counts_as_unknown() -> None:
    ended = Standing(0, "h1", S.TERMINATED, TargetCode.CANCELLED)
    doubtful = Standing(1, "h2", S.TERMINATED, TargetCode.CANCEL_UNVERIFIED)
    assert choose([ended, doubtful], RetryScope.FAILED, idempotent=False) == (0,)
    with pytest.raises(OutcomeUnknown):
        choose([doubtful], RetryScope.FAILED, idempotent=False)


def test_an_idempotent_step_may_run_again_where_the_outcome_is_unknown() -> None:
    assert choose(standing(S.UNKNOWN), RetryScope.FAILED, idempotent=True) == (0,)


def test_nothing_to_retry_says_what_there_is() -> None:
    with pytest.raises(NothingToRetry, match="1 never started, 1 succeeded") as refused:
        choose(standing(S.SUCCESS, S.NOT_STARTED), RetryScope.FAILED, idempotent=False)
    assert "not_started" in refused.value.hint


def test_a_step_whose_targets_all_succeeded_is_only_judged_again() -> None:
    assert choose(standing(S.SUCCESS, S.LAST_SUCCESS), RetryScope.FAILED, idempotent=False) == ()


def test_hosts_are_taken_by_their_exact_names_also_where_the_outcome_is_unknown() -> None:
    targets = standing(S.FAILED, S.UNKNOWN, S.FAILED)
    assert choose_named(targets, ["h3", "h2", "h3"]) == (1, 2)


def test_a_host_that_is_no_target_gets_the_nearest_name() -> None:
    with pytest.raises(NotFound, match="did you mean 'h1'"):
        choose_named(standing(S.FAILED), ["h1x"])


def test_a_host_that_succeeded_is_not_run_again_by_its_name() -> None:
    with pytest.raises(NothingToRetry, match=r"1 host \(h1\) succeeded already"):
        choose_named(standing(S.SUCCESS, S.FAILED), ["h1", "h2"])


ended = st.lists(st.sampled_from(sorted(set(TargetState) - LIVE_TARGET_STATES)), max_size=12)


@given(ended, st.sampled_from(RetryScope), st.booleans())
def test_whatever_is_asked_nothing_runs_twice_in_silence(
    states: list[TargetState], scope: RetryScope, idempotent: bool
) -> None:
    targets = standing(*states)
    try:
        chosen = choose(targets, scope, idempotent=idempotent)
    except (NothingToRetry, OutcomeUnknown):
        return
    assert list(chosen) == sorted(set(chosen))
    for target in (targets[ordinal] for ordinal in chosen):
        assert scope is RetryScope.ALL or not target.succeeded
        assert idempotent or target.state is not S.UNKNOWN
    if scope is RetryScope.ALL:
        assert len(chosen) == len(targets)


@given(ended)
def test_failed_and_not_started_together_are_all_that_did_not_succeed(
    states: list[TargetState],
) -> None:
    targets = standing(*states)
    meant: list[int] = []
    for scope in (RetryScope.FAILED, RetryScope.NOT_STARTED):
        try:
            meant += choose(targets, scope, idempotent=True)
        except NothingToRetry:
            continue
    assert sorted(meant) == [target.ordinal for target in targets if not target.succeeded]
