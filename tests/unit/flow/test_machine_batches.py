"""Rolling steps in the machine: what one batch's end means for the next, for the step, for the run."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.run import TERMINAL_RUN_STATES, BatchState, RunAction, RunState
from core.domain.steps import CommandStep
from core.errors import IllegalTransition
from core.flow import machine
from core.flow.commands import (
    AnyCommand,
    CheckBatch,
    EndStep,
    FinishRun,
    StartBatch,
    StartStep,
    StopStep,
    WaitForBatch,
    WaitForRetry,
)
from core.flow.events import (
    AnyEvent,
    BatchChecked,
    BatchDue,
    BatchFinished,
    CancelRequested,
    ContinueRequested,
    LookRequested,
    RetryDue,
    RetryRequested,
    Started,
    StepFinished,
    StepSkipped,
    TargetsResolved,
)
from core.flow.graph import chain
from core.flow.machine import FlowState

OK, FAILED = RunState.SUCCEEDED, RunState.FAILED


def flow(batches: int = 3, retry: int = 0, **rolling: Any) -> FlowState:
    """A run that rolls in step a, and then has a plain step b."""
    steps = [
        {"name": "a", "rolling": {"batch": "1", **rolling}, "retry": {"times": retry}},
        {"name": "b"},
    ]
    made = [CommandStep.model_validate({"kind": "command", "command": "x", **s}) for s in steps]
    return FlowState(chain(made), batch_counts={"a": batches})


def after(state: FlowState, *events: AnyEvent) -> tuple[FlowState, tuple[AnyCommand, ...]]:
    """The state after all events, and the commands of the last one."""
    commands: tuple[AnyCommand, ...] = ()
    for event in events:
        state, commands = machine.advance(state, event)
    return state, commands


def states(state: FlowState) -> str:
    """The run, step a, and its batches, such as `running running: succeeded running waiting`."""
    return f"{state.run} {state.steps['a'].state}: {' '.join(state.steps['a'].batches)}"


def start(batch: int, attempt: int = 1) -> StartBatch:
    return StartBatch(step="a", attempt=attempt, batch=batch)


def wait(batch: int) -> WaitForBatch:
    return WaitForBatch(step="a", attempt=1, batch=batch)


def finished(batch: int, good: bool = True, attempt: int = 1, **more: bool) -> BatchFinished:
    return BatchFinished(step="a", attempt=attempt, batch=batch, good=good, **more)


def due(batch: int) -> BatchDue:
    return BatchDue(step="a", attempt=1, batch=batch)


def checked(batch: int, good: bool = True) -> BatchChecked:
    return BatchChecked(step="a", attempt=1, batch=batch, good=good)


def ended(state: RunState, attempt: int = 1) -> StepFinished:
    return StepFinished(step="a", attempt=attempt, state=state)


END = EndStep(step="a", attempt=1)
CONTINUE = ContinueRequested(step="a")


def test_batches_come_one_after_the_other_and_then_the_step_ends_once() -> None:
    state, commands = after(flow(), Started())
    assert commands == (StartStep(step="a", attempt=1), start(0))
    assert states(state) == "running running: running waiting waiting"
    state, commands = after(state, finished(0))
    assert commands == (start(1),)
    state, commands = after(state, finished(1))
    assert commands == (start(2),)
    state, commands = after(state, finished(2))
    assert commands == (END,)
    assert states(state) == "running running: succeeded succeeded succeeded"
    state, commands = after(state, ended(OK))
    assert commands == (StartStep(step="b", attempt=1),)


def test_a_failed_batch_ends_the_step_where_the_mode_pauses() -> None:
    state, commands = after(flow(), Started(), finished(0), finished(1, good=False))
    assert commands == (END,)
    assert states(state) == "running running: succeeded failed stopped"
    state, commands = after(state, ended(FAILED))
    assert commands == (FinishRun(state=FAILED),)


def test_a_retry_goes_over_all_batches_again_and_those_with_nothing_to_do_hold_nobody_up() -> None:
    state, _ = after(
        flow(soak_s=60, health="check"), Started(), finished(0, good=False), ended(FAILED)
    )
    again = RetryRequested(step="a", attempt=2, targets=(1, 2))
    state, commands = after(state, again)
    assert commands == (StartStep(step="a", attempt=2, targets=(1, 2)), start(0, attempt=2))
    assert states(state) == "running running: running waiting waiting"
    state, commands = after(state, finished(0, attempt=2, ran=False))
    assert commands == (start(1, attempt=2),), "neither soak nor check where nothing ran"


def test_an_automatic_retry_begins_with_fresh_batches() -> None:
    state, commands = after(flow(retry=1), Started(), finished(0, good=False), ended(FAILED))
    assert commands == (WaitForRetry(step="a", attempt=2, delay_s=0),)
    state, commands = after(state, RetryDue(step="a", attempt=2))
    assert commands == (StartStep(step="a", attempt=2), start(0, attempt=2))


def test_failures_are_rolled_over_where_the_mode_ignores_them() -> None:
    state, commands = after(
        flow(mode="ignore_and_roll"), Started(), finished(0, good=False), finished(1, good=False)
    )
    assert commands == (start(2),)
    state, commands = after(state, finished(2))
    assert commands == (END,)


def test_too_many_failures_in_all_end_the_step_in_every_mode() -> None:
    for mode in ("pause_on_fail", "ignore_and_roll", "manual"):
        state, commands = after(flow(mode=mode), Started(), finished(0, good=False, over=True))
        assert commands == (END,)
        assert states(state) == "running running: failed stopped stopped"


def test_manual_batches_wait_for_a_person_also_after_a_failed_one() -> None:
    state, commands = after(flow(mode="manual"), Started(), finished(0, good=False))
    assert commands == ()
    assert states(state) == "waiting_user waiting_user: failed waiting waiting"
    assert RunAction.CONTINUE in machine.actions(state)
    state, commands = after(state, CONTINUE)
    assert commands == (start(1),)
    assert states(state) == "running running: failed running waiting"
    assert RunAction.CONTINUE not in machine.actions(state)
    state, commands = after(state, finished(1), CONTINUE, finished(2))
    assert commands == (END,), "nobody is asked after the last one"


@pytest.mark.parametrize(
    "events",
    [[], [Started()], [Started(), finished(0), CONTINUE], [Started(), CancelRequested()]],
)
def test_nobody_can_continue_what_does_not_wait_for_it(events: list[AnyEvent]) -> None:
    state, _ = after(flow(mode="manual"), *events)
    with pytest.raises(IllegalTransition):
        machine.advance(state, CONTINUE)


def test_a_good_batch_soaks_and_is_checked_before_the_next_one_starts() -> None:
    state, commands = after(flow(batches=2, soak_s=60, health="check"), Started(), finished(0))
    assert commands == (wait(0),)
    assert states(state) == "batch_waiting batch_waiting: soaking waiting"
    state, commands = after(state, due(0))
    assert commands == (CheckBatch(step="a", attempt=1, batch=0),)
    assert states(state) == "batch_waiting batch_waiting: checking waiting"
    state, commands = after(state, checked(0))
    assert commands == (start(1),)
    assert states(state) == "running running: succeeded running"
    state, commands = after(state, finished(1))
    assert commands == (wait(1),), "the last one is checked too, so it soaks too"
    state, commands = after(state, due(1), checked(1))
    assert commands == (END,)


def test_the_last_batch_does_not_soak_where_nothing_would_look_at_it() -> None:
    _, commands = after(flow(batches=1, soak_s=60), Started(), finished(0))
    assert commands == (END,)


def test_a_failed_batch_is_neither_soaked_nor_checked() -> None:
    _, commands = after(
        flow(soak_s=60, health="check", mode="ignore_and_roll"), Started(), finished(0, good=False)
    )
    assert commands == (start(1),)


def test_a_failed_health_check_fails_the_batch() -> None:
    state, commands = after(flow(health="check"), Started(), finished(0), checked(0, good=False))
    assert commands == (END,)
    assert states(state) == "running running: failed stopped stopped"


def test_a_manual_step_soaks_first_and_asks_then() -> None:
    state, _ = after(flow(soak_s=5, mode="manual"), Started(), finished(0), due(0))
    assert states(state) == "waiting_user waiting_user: succeeded waiting waiting"


def test_staggered_batches_start_at_their_times_and_overlap() -> None:
    staggered = {"stagger": {"fixed_s": 60}}
    state, commands = after(flow(**staggered), Started())
    assert commands == (StartStep(step="a", attempt=1), start(0), wait(1), wait(2))
    state, commands = after(state, due(1))
    assert commands == (start(1),)
    assert states(state) == "running running: running running waiting"
    state, commands = after(state, finished(1, good=False))
    assert commands == (), "a failure stops no other"
    state, commands = after(state, finished(0))
    assert commands == ()
    assert states(state) == "batch_waiting batch_waiting: succeeded failed waiting"
    state, commands = after(state, due(2), finished(2))
    assert commands == (END,)


@pytest.mark.parametrize(
    ("rolling", "events"),
    [
        ({}, []),
        ({"soak_s": 60}, [finished(0)]),
        ({"health": "check"}, [finished(0)]),
        ({"mode": "manual"}, [finished(0)]),
        ({"stagger": {"fixed_s": 60}}, [finished(0)]),
    ],
)
def test_a_cancel_stops_the_step_wherever_it_is_and_no_batch_starts_after_it(
    rolling: dict[str, Any], events: list[AnyEvent]
) -> None:
    state, commands = after(flow(**rolling), Started(), *events, CancelRequested())
    assert commands == (StopStep(step="a"),)
    assert (state.run, state.steps["a"].state) == (RunState.STOPPING, RunState.STOPPING)
    for late in (finished(0), due(0), due(1), checked(0), CONTINUE):
        with pytest.raises(IllegalTransition):
            machine.advance(state, late)
    assert machine.owed(state) == (StartStep(step="a", attempt=1), StopStep(step="a"))
    state, commands = after(state, ended(RunState.STOPPED))
    assert commands == (FinishRun(state=RunState.STOPPED),)
    assert BatchState.STOPPED in state.steps["a"].batches
    assert BatchState.WAITING not in state.steps["a"].batches


def test_a_step_that_is_skipped_between_two_batches_ends_first_what_still_waits() -> None:
    state, _ = after(flow(mode="manual"), Started(), finished(0))
    state, commands = after(state, StepSkipped(step="a"))
    assert commands == (StopStep(step="a"),)
    assert states(state) == "running stopping: succeeded waiting waiting"
    state, commands = after(state, ended(RunState.STOPPED))
    assert commands == (StartStep(step="b", attempt=1),)
    assert states(state) == "running skipped: succeeded stopped stopped"


@pytest.mark.parametrize(
    ("rolling", "events", "owed"),
    [
        ({}, [], (start(0),)),
        ({}, [finished(0)], (start(1),)),
        ({}, [finished(0, good=False)], (END,)),
        ({"soak_s": 60}, [finished(0)], (wait(0),)),
        ({"health": "c"}, [finished(0)], (CheckBatch(step="a", attempt=1, batch=0),)),
        ({"mode": "manual"}, [finished(0)], ()),
        ({"stagger": {"fixed_s": 60}}, [finished(0), due(1)], (start(1), wait(2))),
        ({}, [finished(0), finished(1), finished(2)], (END,)),
    ],
)
def test_a_restarted_engine_goes_on_with_the_very_batch(
    rolling: dict[str, Any], events: list[AnyEvent], owed: tuple[AnyCommand, ...]
) -> None:
    state, _ = after(flow(**rolling), Started(), *events)
    assert machine.owed(state) == (StartStep(step="a", attempt=1), *owed)


def test_a_batch_that_is_not_there_is_no_event() -> None:
    state, _ = after(flow(), Started())
    for wrong in (finished(1), finished(7), finished(-1), due(0), checked(0)):
        with pytest.raises(IllegalTransition):
            machine.advance(state, wrong)


RULES = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["pause_on_fail", "ignore_and_roll", "manual"]),
        "soak_s": st.just(5),
        "health": st.just("check"),
    },
) | st.fixed_dictionaries(
    {"stagger": st.just({"fixed_s": 5})}, optional={"health": st.just("check")}
)


class Simulation:
    """An engine that answers the machine's commands by chance, one at a time."""

    def __init__(self, state: FlowState, choices: list[int]) -> None:
        self._choices = choices
        self.events: list[AnyEvent] = []
        self.ran: list[int] = []
        self.ends = 0
        self.owed: list[AnyCommand] = []
        self.state = state
        self.feed(Started())

    def feed(self, event: AnyEvent) -> None:
        self.state, more = machine.advance(self.state, event)
        self.events.append(event)
        self.owed += more

    def run(self) -> None:
        while self.owed or self.state.run is RunState.WAITING_USER:
            choice = self._choices.pop() if self._choices else 50
            if choice < 10 and FinishRun not in map(type, self.owed):
                self.restart()
            elif choice == 10 and self.state.run not in (*TERMINAL_RUN_STATES, RunState.STOPPING):
                self.feed(CancelRequested())
            elif self.state.run is RunState.WAITING_USER:
                self.feed(CONTINUE)
            elif event := self.answer(self.owed.pop(choice % len(self.owed)), good=choice % 3 != 0):
                self.feed(event)

    def restart(self) -> None:
        stored = msgspec.json.decode(msgspec.json.encode(self.events), type=list[AnyEvent])
        folded = machine.fold(self.state.graph, stored, self.state.batch_counts)
        assert folded == self.state
        self.owed = list(machine.owed(folded))

    def answer(self, command: AnyCommand, *, good: bool) -> AnyEvent | None:
        """What an engine would feed back; None where that came too late."""
        match command:
            case FinishRun():
                self.ends += 1
            case StartStep(step="b", attempt=attempt):
                return StepFinished(step="b", attempt=attempt, state=OK)
            case StopStep(step="a") | EndStep():
                if self.state.steps["a"].state not in TERMINAL_RUN_STATES:
                    return ended(OK if good else FAILED)
            case StartBatch(batch=batch) if self.goes_on:
                self.ran.append(batch)
                return finished(batch, good=good)
            case WaitForBatch(batch=batch) if self.goes_on:
                return due(batch)
            case CheckBatch(batch=batch) if self.goes_on:
                return checked(batch, good=good)
        return None

    @property
    def goes_on(self) -> bool:
        return self.state.steps["a"].state not in (*TERMINAL_RUN_STATES, RunState.STOPPING)


@given(RULES, st.integers(1, 6), st.lists(st.integers(0, 60), max_size=40))
def test_every_rolling_run_ends_once_however_often_the_engine_is_restarted(
    rolling: dict[str, Any], count: int, choices: list[int]
) -> None:
    played = Simulation(flow(count, **rolling), choices)
    played.run()
    assert played.state.run in TERMINAL_RUN_STATES
    assert played.ends == 1
    assert len(played.ran) == len(set(played.ran)), "no batch runs twice"
    if "stagger" not in rolling:
        assert played.ran == sorted(played.ran)
    terminal = {BatchState.SUCCEEDED, BatchState.FAILED, BatchState.STOPPED}
    assert set(played.state.steps["a"].batches) <= terminal


# ---------------------------------------------------------------------- resolved later


def unknown_in_first(**rolling: Any) -> FlowState:
    """The run has ended: a host of the first batch is unknown, and no other batch started."""
    return after(
        flow(**rolling),
        Started(),
        BatchFinished(step="a", attempt=1, batch=0, good=False),
        StepFinished(step="a", attempt=1, state=RunState.ABNORMAL),
    )[0]


def shown(state: FlowState) -> list[str]:
    return [batch.value for batch in state.steps["a"].batches]


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("rolling", [{}, {"soak_s": 60}])
def test_a_look_judges_its_batch_again_and_starts_no_other(
    good: bool, rolling: dict[str, Any]
) -> None:
    state, commands = after(
        unknown_in_first(**rolling), LookRequested(step="a", attempt=1, batches=(0,))
    )
    assert (state.run, shown(state)) == (RunState.RUNNING, ["running", "stopped", "stopped"])
    assert [type(command) for command in commands] == [StartStep, StartBatch]
    assert machine.owed(state) == commands
    state, commands = after(state, BatchFinished(step="a", attempt=1, batch=0, good=good))
    assert shown(state) == ["succeeded" if good else "failed", "stopped", "stopped"]
    assert commands == (EndStep(step="a", attempt=1),)


def test_batches_that_are_looked_at_together_end_the_step_once() -> None:
    ended = [BatchFinished(step="a", attempt=1, batch=number, good=False) for number in range(3)]
    state, _ = after(
        flow(mode="ignore_and_roll"),
        Started(),
        *ended,
        StepFinished(step="a", attempt=1, state=RunState.ABNORMAL),
        LookRequested(step="a", attempt=1, batches=(0, 2)),
    )
    assert shown(state) == ["running", "failed", "running"]
    state, commands = after(state, msgspec.structs.replace(ended[0], good=True))
    assert (shown(state), commands) == (["succeeded", "failed", "running"], ())
    state, commands = after(state, msgspec.structs.replace(ended[2], good=True))
    assert shown(state) == ["succeeded", "failed", "succeeded"]
    assert commands == (EndStep(step="a", attempt=1),)


def test_what_a_person_says_makes_a_batch_good() -> None:
    said = TargetsResolved(
        step="a", attempt=1, state=RunState.PARTIALLY_SUCCEEDED, good=(0,)
    )  # fmt: skip
    state, commands = after(unknown_in_first(), said)
    assert (state.run, shown(state)) == (
        RunState.PARTIALLY_SUCCEEDED,
        ["succeeded", "stopped", "stopped"],
    )
    assert commands == (FinishRun(state=RunState.PARTIALLY_SUCCEEDED),)
