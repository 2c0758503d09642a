"""The transition table is total, closed and honest about ends."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.run import (
    AFTERWARDS,
    GOOD_TARGET_STATES,
    LEGAL_ACTIONS,
    LIVE_TARGET_STATES,
    RUN_TRANSITIONS,
    RUN_WIDE_ACTIONS,
    TARGET_TRANSITIONS,
    TERMINAL_RUN_STATES,
    RunAction,
    RunState,
    TargetState,
    can_transit,
    may_act,
    step_result,
    transit,
)
from core.errors import IllegalTransition


def test_every_state_has_its_row() -> None:
    assert set(RUN_TRANSITIONS) == set(RunState)
    assert set(TARGET_TRANSITIONS) == set(TargetState)


def test_every_live_run_state_leads_to_an_end() -> None:
    for state in set(RunState) - TERMINAL_RUN_STATES:
        reached, seen = {state}, set[RunState]()
        while reached - seen:
            found = reached - seen
            seen |= found
            reached |= {after for one in found for after in RUN_TRANSITIONS[one]}
        assert reached & TERMINAL_RUN_STATES, state


def test_a_target_ends_once_and_only_unknown_can_be_resolved() -> None:
    ended = set(TargetState) - LIVE_TARGET_STATES
    assert {state for state in ended if TARGET_TRANSITIONS[state]} == {TargetState.UNKNOWN}


def test_nothing_runs_that_was_not_an_intent_first() -> None:
    assert not can_transit(TargetState.WAITING, TargetState.SUCCESS)
    assert can_transit(TargetState.RUNNING, TargetState.SUCCESS)


@given(st.sampled_from(RunState), st.sampled_from(RunState))
def test_transit_obeys_the_table_and_names_both_states(old: RunState, new: RunState) -> None:
    if new in RUN_TRANSITIONS[old]:
        assert transit("run X", old, new) is new
    else:
        with pytest.raises(IllegalTransition) as refused:
            transit("run X", old, new)
        assert f"run X is {old}" in str(refused.value)
        assert str(new) in str(refused.value)


@pytest.mark.parametrize("action", RunAction)
def test_actions_are_legal_only_where_the_table_says_so(action: RunAction) -> None:
    for run, step in product(RunState, RunState):
        if action in RUN_WIDE_ACTIONS:
            assert may_act(action, run) == (run in LEGAL_ACTIONS[action])
        elif may_act(action, run, step):
            assert step in LEGAL_ACTIONS[action]
        if may_act(action, run, step) and run in TERMINAL_RUN_STATES:
            assert action in AFTERWARDS


def test_what_succeeded_can_only_be_done_anew_or_taken_back() -> None:
    for step in RunState:
        legal = {action for action in RunAction if may_act(action, RunState.SUCCEEDED, step)}
        assert legal <= {RunAction.RERUN, RunAction.ROLL_BACK}


@pytest.mark.parametrize("run", [RunState.STOPPING, RunState.ROLLING_BACK, RunState.ABANDONED])
def test_nothing_is_tried_again_in_a_run_that_goes_back_or_to_its_end(run: RunState) -> None:
    for action, step in product(AFTERWARDS - RUN_WIDE_ACTIONS, RunState):
        assert not may_act(action, run, step)


counts = st.dictionaries(
    st.sampled_from(sorted(set(TargetState) - LIVE_TARGET_STATES)), st.integers(1, 50)
)


@given(counts, st.booleans())
def test_a_step_succeeds_exactly_when_all_its_targets_did(
    found: dict[TargetState, int], stopping: bool
) -> None:
    result = step_result(found, stopping=stopping)
    assert result in TERMINAL_RUN_STATES
    assert (result is RunState.SUCCEEDED) == (set(found) <= GOOD_TARGET_STATES)
    if TargetState.UNKNOWN in found:
        assert result is RunState.ABNORMAL


def test_some_good_and_some_bad_is_partial_and_only_time_outs_are_a_time_out() -> None:
    good, bad, late = TargetState.SUCCESS, TargetState.FAILED, TargetState.TIMED_OUT
    assert step_result({good: 3, bad: 1}, stopping=False) is RunState.PARTIALLY_SUCCEEDED
    assert step_result({bad: 1, late: 1}, stopping=False) is RunState.FAILED
    assert step_result({late: 2}, stopping=False) is RunState.TIMED_OUT
    assert step_result({good: 1, TargetState.NOT_STARTED: 1}, stopping=True) is RunState.STOPPED
