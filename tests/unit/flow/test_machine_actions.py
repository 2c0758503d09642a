"""What operators may ask of a run: the whole table, and what follows where it is legal."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.run import (
    LEGAL_ACTIONS,
    RUN_WIDE_ACTIONS,
    TERMINAL_RUN_STATES,
    RunAction,
    RunState,
    may_act,
)
from core.domain.steps import CommandStep, Retry
from core.errors import IllegalTransition
from core.flow import machine
from core.flow.commands import AnyCommand, FinishRun, StartStep, StopStep, WaitForRetry
from core.flow.events import (
    Abandoned,
    AnyEvent,
    CancelRequested,
    ForceStopRequested,
    RerunRequested,
    RetryDue,
    RetryRequested,
    RollbackRequested,
    Started,
    StepFinished,
    StepIgnored,
    StepSkipped,
)
from core.flow.graph import Graph, chain
from core.flow.machine import FlowState, StepStatus
from core.flow.state import with_steps

R = RunState
OK, FAILED, PARTLY, ABNORMAL = R.SUCCEEDED, R.FAILED, R.PARTIALLY_SUCCEEDED, R.ABNORMAL

EVENTS: dict[RunAction, AnyEvent] = {
    RunAction.STOP: CancelRequested(),
    RunAction.FORCE_STOP: ForceStopRequested(),
    RunAction.RETRY: RetryRequested(step="a", attempt=2, targets=(0, 2)),
    RunAction.IGNORE: StepIgnored(step="a"),
    RunAction.SKIP: StepSkipped(step="a"),
}


def step(name: str, **more: object) -> CommandStep:
    return CommandStep.model_validate({"kind": "command", "name": name, "command": "true", **more})


def flow(**more: object) -> Graph:
    return chain((step("a", **more), step("b")))


def finished(name: str, state: RunState, attempt: int = 1) -> StepFinished:
    return StepFinished(step=name, attempt=attempt, state=state)


def after(*events: AnyEvent, graph: Graph | None = None) -> FlowState:
    return machine.fold(graph or flow(), [Started(), *events])


@pytest.mark.parametrize("action", EVENTS)
def test_an_action_is_taken_where_the_table_says_so_and_nowhere_else(action: RunAction) -> None:
    graph = flow()
    for of_run, of_step in product(RunState, RunState):
        if action in RUN_WIDE_ACTIONS and of_step is not of_run:
            continue
        state = with_steps(FlowState(graph, of_run), {"a": StepStatus(of_step, 1)})
        if action in RUN_WIDE_ACTIONS and of_run in (R.CREATED, R.QUEUED):
            state = FlowState(graph, of_run)
        steps = dict(state.steps)
        if may_act(action, of_run, of_step):
            assert action in machine.actions(state)
            changed, commands = machine.advance(state, EVENTS[action])
            assert (changed, commands) != (state, ())
        else:
            assert (action in machine.actions(state)) == may_act(action, of_run)
            with pytest.raises(IllegalTransition):
                machine.advance(state, EVENTS[action])
        assert (state.run, dict(state.steps)) == (of_run, steps)


def test_every_action_has_a_row_and_a_sentence_of_its_own() -> None:
    assert set(LEGAL_ACTIONS) == set(RunAction)
    assert all(states for states in LEGAL_ACTIONS.values())


@pytest.mark.parametrize("action", [RunAction.RETRY, RunAction.IGNORE, RunAction.SKIP])
def test_a_step_that_never_started_takes_no_action(action: RunAction) -> None:
    asked = {
        RunAction.RETRY: RetryRequested(step="b", attempt=1, targets=()),
        RunAction.IGNORE: StepIgnored(step="b"),
        RunAction.SKIP: StepSkipped(step="b"),
    }
    with pytest.raises(IllegalTransition, match="step b not started"):
        machine.advance(after(finished("a", FAILED)), asked[action])


# ------------------------------------------------------------------ retry


@pytest.mark.parametrize("result", [FAILED, PARTLY, R.TIMED_OUT, ABNORMAL])
def test_a_retry_takes_the_run_up_again_with_exactly_the_chosen_targets(result: RunState) -> None:
    state, commands = machine.advance(
        after(finished("a", result)), RetryRequested(step="a", attempt=2, targets=(1, 4))
    )
    assert (state.run, state.steps["a"].state) == (R.RUNNING, R.RUNNING)
    assert commands == (StartStep(step="a", attempt=2, targets=(1, 4)),)
    state, commands = machine.advance(state, finished("a", OK, 2))
    assert commands == (StartStep(step="b", attempt=1),)
    state, commands = machine.advance(state, finished("b", OK))
    assert commands == (FinishRun(state=OK),)


def test_what_is_owed_in_the_middle_of_a_retry_are_the_same_targets() -> None:
    asked = RetryRequested(step="a", attempt=2, targets=(1, 4), winners=True)
    expected = StartStep(step="a", attempt=2, targets=(1, 4), winners=True)
    assert machine.owed(after(finished("a", FAILED), asked)) == (expected,)


def test_a_retry_names_the_next_attempt_so_that_two_of_them_are_one() -> None:
    state = after(finished("a", FAILED))
    asked = RetryRequested(step="a", attempt=2, targets=(0,))
    once = after(finished("a", FAILED), asked, finished("a", FAILED, 2))
    with pytest.raises(IllegalTransition, match="no attempt 1 under way"):
        machine.advance(once, asked)
    with pytest.raises(IllegalTransition):
        machine.advance(state, RetryRequested(step="a", attempt=3, targets=(0,)))


def test_automatic_attempts_after_a_retry_keep_to_its_targets_and_leave_winners_out() -> None:
    graph = flow(retry=Retry(times=2))
    state = after(
        finished("a", FAILED),
        CancelRequested(),
        RetryRequested(step="a", attempt=2, targets=(0, 3), winners=True),
        finished("a", FAILED, 2),
        graph=graph,
    )
    assert machine.owed(state) == (WaitForRetry(step="a", attempt=3, delay_s=0),)
    _, commands = machine.advance(state, RetryDue(step="a", attempt=3))
    assert commands == (StartStep(step="a", attempt=3, targets=(0, 3)),)


def test_a_stopped_run_can_be_taken_up_again() -> None:
    state = after(CancelRequested(), finished("a", R.STOPPED))
    assert machine.actions(state) == (RunAction.RETRY, RunAction.RERUN)
    state, commands = machine.advance(state, RetryRequested(step="a", attempt=2, targets=(0,)))
    assert state.run is R.RUNNING
    assert commands == (StartStep(step="a", attempt=2, targets=(0,)),)


# ------------------------------------------------------------------ ignore, skip


def test_an_ignored_failure_starts_the_next_step_and_shows_in_the_result() -> None:
    state, commands = machine.advance(after(finished("a", FAILED)), StepIgnored(step="a"))
    assert (state.run, state.steps["a"].state) == (R.RUNNING, R.ERROR_IGNORED)
    assert commands == (StartStep(step="b", attempt=1),)
    _, commands = machine.advance(state, finished("b", OK))
    assert commands == (FinishRun(state=PARTLY),)


def test_ignoring_the_last_failure_ends_the_run_at_once() -> None:
    state = after(finished("a", OK), finished("b", ABNORMAL))
    state, commands = machine.advance(state, StepIgnored(step="b"))
    assert state.run is PARTLY
    assert commands == (FinishRun(state=PARTLY),)


def test_a_step_that_waits_for_its_retry_is_skipped_at_once() -> None:
    state = after(finished("a", FAILED), graph=flow(retry=Retry(times=1, delay_s=60)))
    state, commands = machine.advance(state, StepSkipped(step="a"))
    assert state.steps["a"].state is R.SKIPPED
    assert commands == (StartStep(step="b", attempt=1),)
    with pytest.raises(IllegalTransition, match="no retry"):
        machine.advance(state, RetryDue(step="a", attempt=2))


def test_a_hanging_stop_that_is_skipped_ends_without_waiting_and_the_run_goes_on() -> None:
    state = after(CancelRequested())
    state, commands = machine.advance(state, StepSkipped(step="a"))
    assert (state.run, state.steps["a"].state) == (R.RUNNING, R.STOPPING)
    assert commands == (StopStep(step="a", force=True),)
    assert machine.owed(state) == (StartStep(step="a", attempt=1), StopStep(step="a", force=True))
    state, commands = machine.advance(state, finished("a", ABNORMAL))
    assert state.steps["a"].state is R.SKIPPED
    assert commands == (StartStep(step="b", attempt=1),)


def test_a_skipped_step_leads_nowhere_when_the_run_is_stopped_again() -> None:
    state = after(CancelRequested(), StepSkipped(step="a"), CancelRequested())
    state, commands = machine.advance(state, finished("a", R.STOPPED))
    assert commands == (FinishRun(state=R.STOPPED),)


# ------------------------------------------------------------------ stop by force


def test_a_stop_by_force_is_asked_of_every_step_and_kept_for_the_next_engine() -> None:
    state, commands = machine.advance(after(CancelRequested()), ForceStopRequested())
    assert commands == (StopStep(step="a", force=True),)
    assert machine.owed(state) == (StartStep(step="a", attempt=1), StopStep(step="a", force=True))
    state, commands = machine.advance(state, finished("a", ABNORMAL))
    assert commands == (FinishRun(state=ABNORMAL),)


def test_a_run_that_was_lost_by_the_engine_can_be_taken_up_again() -> None:
    state, commands = machine.advance(after(), Abandoned())
    assert commands == (FinishRun(state=ABNORMAL),)
    assert state.steps["a"].state is ABNORMAL
    assert machine.actions(state) == (RunAction.RETRY, RunAction.IGNORE, RunAction.RESOLVE)
    with pytest.raises(IllegalTransition):
        machine.advance(state, Abandoned())


# ------------------------------------------------------------------ whatever people ask

choices = st.lists(st.tuples(st.sampled_from(RunAction), st.integers(0, 2)), max_size=30)
results = st.lists(
    st.sampled_from([OK, FAILED, PARTLY, R.TIMED_OUT, ABNORMAL, R.STOPPED]), max_size=40
)


def _event(state: FlowState, action: RunAction, which: int) -> AnyEvent | None:
    names = list(state.steps)
    name = names[which % len(names)]
    make: dict[RunAction, Callable[[], AnyEvent]] = {
        RunAction.STOP: CancelRequested,
        RunAction.FORCE_STOP: ForceStopRequested,
        RunAction.IGNORE: lambda: StepIgnored(step=name),
        RunAction.SKIP: lambda: StepSkipped(step=name),
        RunAction.RETRY: lambda: RetryRequested(
            step=name, attempt=state.steps[name].attempt + 1, targets=(which,)
        ),
    }
    return make[action]() if action in make else None


@given(choices, results)
def test_whatever_people_ask_and_steps_report_the_run_ends_and_its_events_tell_why(
    asked: list[tuple[RunAction, int]], reports: list[RunState]
) -> None:
    graph = chain((step("a", retry=Retry(times=1)), step("b", continue_on_error=True), step("c")))
    state, first = machine.advance(FlowState(graph), Started())
    events: list[AnyEvent] = [Started()]
    owed: list[AnyCommand] = list(first)
    while owed or asked:
        event: AnyEvent | None = None
        if asked:
            event = _event(state, *asked.pop())
        elif isinstance(command := owed.pop(0), StartStep):
            result = reports.pop() if reports else OK
            if result is R.STOPPED and state.steps[command.step].state is not R.STOPPING:
                result = FAILED
            event = finished(command.step, result, command.attempt)
        elif isinstance(command, WaitForRetry):
            event = RetryDue(step=command.step, attempt=command.attempt)
        if event is None:
            continue
        try:
            state, more = machine.advance(state, event)
        except IllegalTransition:
            # An operator too late, or a delay that ran out after a stop.
            assert not isinstance(event, StepFinished)
            continue
        events.append(event)
        owed += more
    assert state.run in TERMINAL_RUN_STATES
    assert all(status.state in TERMINAL_RUN_STATES for status in state.steps.values())
    assert machine.fold(graph, events) == state
    assert machine.owed(state) == ()


def test_a_run_that_goes_forward_again_leaves_what_was_to_be_undone() -> None:
    steps = [step("a", undo="ua"), step("b"), step("ua")]
    state = machine.fold(
        chain(steps),
        [
            Started(),
            finished("a", OK),
            finished("b", FAILED),
            RollbackRequested(),
            finished("ua", FAILED),
            RerunRequested(step="b"),
        ],
    )
    assert (state.run, state.undoing) == (R.RUNNING, ())
    with pytest.raises(IllegalTransition):
        machine.advance(state, RetryRequested(step="ua", attempt=2, targets=(0,)))
