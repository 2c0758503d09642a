"""The run's machine: what follows from what, without any clock, host or database."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.domain.steps import CommandStep, Retry
from core.errors import IllegalTransition
from core.flow import machine
from core.flow.commands import FinishRun, StartStep, StopStep, WaitForRetry
from core.flow.events import (
    AnyEvent,
    CancelRequested,
    RetryDue,
    ReviewRefused,
    ReviewRequested,
    Started,
    StepFinished,
)
from core.flow.graph import Graph, chain
from core.flow.machine import FlowState

OK, FAILED, PARTLY = RunState.SUCCEEDED, RunState.FAILED, RunState.PARTIALLY_SUCCEEDED


def graph(*steps: CommandStep) -> Graph:
    return chain(steps)


def step(name: str, **more: object) -> CommandStep:
    return CommandStep.model_validate({"kind": "command", "name": name, "command": "true", **more})


def finished(name: str, state: RunState, attempt: int = 1) -> StepFinished:
    return StepFinished(step=name, attempt=attempt, state=state)


def test_steps_start_one_after_the_other_and_the_run_ends_with_the_last() -> None:
    state, commands = machine.advance(FlowState(graph(step("a"), step("b"))), Started())
    assert commands == (StartStep(step="a", attempt=1),)
    state, commands = machine.advance(state, finished("a", OK))
    assert commands == (StartStep(step="b", attempt=1),)
    state, commands = machine.advance(state, finished("b", OK))
    assert commands == (FinishRun(state=OK),)
    assert state.run is OK


@pytest.mark.parametrize("result", [FAILED, PARTLY, RunState.TIMED_OUT, RunState.ABNORMAL])
def test_a_bad_step_ends_the_run_with_its_own_state(result: RunState) -> None:
    state = machine.fold(graph(step("a"), step("b")), [Started()])
    state, commands = machine.advance(state, finished("a", result))
    assert commands == (FinishRun(state=result),)
    assert "b" not in state.steps


def test_an_ignored_failure_lets_the_next_step_start_and_shows_in_the_result() -> None:
    flow = graph(step("a", continue_on_error=True), step("b"))
    state = machine.fold(flow, [Started(), finished("a", FAILED)])
    assert state.steps["a"].state is RunState.ERROR_IGNORED
    state, commands = machine.advance(state, finished("b", OK))
    assert commands == (FinishRun(state=PARTLY),)


def test_a_failed_step_is_tried_again_after_its_delay_before_the_run_fails() -> None:
    flow = graph(step("a", retry=Retry(times=2, delay_s=5, backoff=2)))
    state = machine.fold(flow, [Started()])
    state, commands = machine.advance(state, finished("a", FAILED))
    assert commands == (WaitForRetry(step="a", attempt=2, delay_s=5.0),)
    state, commands = machine.advance(state, RetryDue(step="a", attempt=2))
    assert commands == (StartStep(step="a", attempt=2),)
    state, commands = machine.advance(state, finished("a", FAILED, attempt=2))
    assert commands == (WaitForRetry(step="a", attempt=3, delay_s=10.0),)
    state, _ = machine.advance(state, RetryDue(step="a", attempt=3))
    state, commands = machine.advance(state, finished("a", FAILED, attempt=3))
    assert commands == (FinishRun(state=FAILED),)


def test_an_unknown_outcome_is_never_tried_again_by_itself() -> None:
    flow = graph(step("a", retry=Retry(times=3)))
    state = machine.fold(flow, [Started()])
    _, commands = machine.advance(state, finished("a", RunState.ABNORMAL))
    assert commands == (FinishRun(state=RunState.ABNORMAL),)


def test_cancel_stops_the_running_step_and_waits_for_its_end() -> None:
    state = machine.fold(graph(step("a"), step("b")), [Started()])
    state, commands = machine.advance(state, CancelRequested())
    assert commands == (StopStep(step="a"),)
    assert state.run is RunState.STOPPING
    state, commands = machine.advance(state, finished("a", OK))
    assert commands == (FinishRun(state=RunState.STOPPED),)
    assert "b" not in state.steps


def test_cancel_while_a_retry_waits_ends_the_run_at_once() -> None:
    flow = graph(step("a", retry=Retry(times=1, delay_s=60)))
    state = machine.fold(flow, [Started(), finished("a", FAILED)])
    state, commands = machine.advance(state, CancelRequested())
    assert commands == (FinishRun(state=RunState.STOPPED),)
    # Its clock may have run out just before: nothing starts after the end.
    with pytest.raises(IllegalTransition, match="no retry"):
        machine.advance(state, RetryDue(step="a", attempt=2))


def test_what_is_owed_after_a_restart_is_what_was_under_way() -> None:
    flow = graph(step("a", retry=Retry(times=1, delay_s=60)), step("b"))
    running = machine.fold(flow, [Started()])
    assert machine.owed(running) == (StartStep(step="a", attempt=1),)
    waiting = machine.fold(flow, [Started(), finished("a", FAILED)])
    assert machine.owed(waiting) == (WaitForRetry(step="a", attempt=2, delay_s=0),)
    stopping = machine.fold(flow, [Started(), CancelRequested()])
    assert machine.owed(stopping) == (StartStep(step="a", attempt=1), StopStep(step="a"))


@pytest.mark.parametrize(
    "event",
    [
        Started(),
        finished("b", OK),
        finished("a", OK, attempt=2),
        RetryDue(step="a", attempt=2),
    ],
)
def test_an_illegal_event_raises_and_leaves_the_state_as_it_was(event: AnyEvent) -> None:
    state = machine.fold(graph(step("a"), step("b")), [Started()])
    before = (state.run, dict(state.steps))
    with pytest.raises(IllegalTransition):
        machine.advance(state, event)
    assert (state.run, dict(state.steps)) == before


def test_nothing_is_accepted_after_the_end() -> None:
    state = machine.fold(graph(step("a")), [Started(), finished("a", OK)])
    for event in (Started(), CancelRequested(), finished("a", OK)):
        with pytest.raises(IllegalTransition):
            machine.advance(state, event)


results = st.sampled_from(
    [OK, FAILED, PARTLY, RunState.TIMED_OUT, RunState.ABNORMAL, RunState.STOPPED]
)
steps = st.lists(
    st.builds(lambda retries, ignore: (retries, ignore), st.integers(0, 2), st.booleans()),
    min_size=1,
    max_size=5,
)


@given(steps, st.lists(results, min_size=40, max_size=40), st.integers(0, 60))
def test_every_run_ends_once_and_its_events_tell_the_same_story(
    shapes: list[tuple[int, bool]], outcomes: list[RunState], cancel_at: int
) -> None:
    """Whatever steps report, and whenever somebody cancels."""
    flow = graph(
        *(
            step(f"s{index}", retry=Retry(times=times), continue_on_error=ignore)
            for index, (times, ignore) in enumerate(shapes)
        )
    )
    state, commands = machine.advance(FlowState(flow), Started())
    events: list[AnyEvent] = [Started()]
    owed = list(commands)
    ends: list[FinishRun] = []
    for moment in range(200):
        if moment == cancel_at and state.run not in TERMINAL_RUN_STATES:
            event: AnyEvent = CancelRequested()
        elif owed:
            command = owed.pop(0)
            match command:
                case StartStep(step=name, attempt=attempt):
                    stopping = state.run is RunState.STOPPING
                    result = outcomes.pop() if outcomes else OK
                    if result is RunState.STOPPED and not stopping:
                        result = FAILED
                    event = finished(name, result, attempt)
                case WaitForRetry(step=name, attempt=attempt):
                    if state.steps[name].state is not RunState.SUSPENDED:
                        continue
                    event = RetryDue(step=name, attempt=attempt)
                case FinishRun():
                    ends.append(command)
                    continue
                case _:
                    continue
        else:
            break
        state, more = machine.advance(state, event)
        events.append(event)
        owed += more
    assert len(ends) == 1
    assert state.run is ends[0].state
    assert state.run in TERMINAL_RUN_STATES
    assert all(status.state in TERMINAL_RUN_STATES for status in state.steps.values())
    stored = [msgspec.json.decode(msgspec.json.encode(event), type=AnyEvent) for event in events]
    assert machine.fold(flow, stored) == state


def test_a_run_that_waits_for_approval_begins_once_or_never() -> None:
    flow = chain((step("a"),))
    waiting, commands = machine.advance(FlowState(flow), ReviewRequested())
    assert (waiting.run, waiting.awaits_review, commands) == (RunState.WAITING_USER, True, ())
    begun, commands = machine.advance(waiting, Started())
    assert (begun.run, commands) == (RunState.RUNNING, (StartStep(step="a", attempt=1),))
    refused, commands = machine.advance(waiting, ReviewRefused(state=RunState.TIMED_OUT))
    assert (refused.run, commands) == (RunState.TIMED_OUT, (FinishRun(state=RunState.TIMED_OUT),))
    for state in (begun, refused):
        for event in (Started(), ReviewRefused(state=RunState.REJECTED)):
            with pytest.raises(IllegalTransition):
                machine.advance(state, event)
