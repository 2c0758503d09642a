"""Laws of the run's machine, on random flows and random orders of what happens to them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core.domain.flow import Converge, FlowSpec, check_flow
from core.domain.priorities import Priority
from core.domain.run import TERMINAL_RUN_STATES, RunAction, RunState
from core.errors import IllegalTransition
from core.flow import machine
from core.flow.commands import FinishRun, GiveWay, StartStep, StopStep, WaitForRetry
from core.flow.events import (
    AnyEvent,
    CancelRequested,
    FailRequested,
    ForceStopRequested,
    PauseBeforeRequested,
    PauseRequested,
    RerunRequested,
    ResumeRequested,
    RetryDue,
    RetryRequested,
    RollbackRequested,
    Started,
    StepFinished,
    StepIgnored,
    StepSkipped,
    TurnCame,
    WayChosen,
    YieldRequested,
    YieldWithdrawn,
)
from core.flow.graph import Graph
from core.flow.machine import FlowState
from core.flow.state import UNDER_WAY

R = RunState
ENDS = [R.SUCCEEDED, R.SUCCEEDED, R.SUCCEEDED, R.FAILED, R.PARTIALLY_SUCCEEDED, R.TIMED_OUT]
KINDS = ["command", "command", "command", "exclusive", "inclusive", "parallel", "converge"]
WHENS = ["", "", "", " on failure", " on always", " on error"]


@st.composite
def flows(draw: st.DrawFn) -> Graph:
    """A flow that may be saved: a graph without cycles, with one beginning."""
    count = draw(st.integers(2, 8))
    nodes: list[dict[str, Any]] = []
    for number in range(count):
        kind = "command" if number == 0 else draw(st.sampled_from(KINDS))
        node: dict[str, Any] = {"kind": kind, "name": f"n{number}"}
        if kind == "command":
            node |= {"command": "x", "retry": {"times": draw(st.integers(0, 1))}}
            node["preemptible"] = draw(st.sampled_from([True, True, False]))
            if draw(st.booleans()):
                node["undo"] = f"u{number}"
        if kind == "converge":
            node["wait_for"] = draw(st.sampled_from(["all", "any", 2]))
        nodes.append(node)
    edges = []
    for number in range(1, count):
        sources = draw(
            st.lists(st.integers(0, number - 1), min_size=1, max_size=min(number, 3), unique=True)
        )
        for source in sources:
            when = ""
            if nodes[source]["kind"] == "command":
                when = draw(st.sampled_from(WHENS))
            elif nodes[source]["kind"] in ("exclusive", "inclusive"):
                when = draw(st.sampled_from([" if params.x = 1", " otherwise"]))
            edges.append(f"n{source} -> n{number}{when}")
    undoes = [
        {"kind": "command", "name": f"u{node['name'][1:]}", "command": "x"}
        for node in nodes
        if "undo" in node
    ]
    parameters = [{"name": "x", "type": "number"}]
    on_failure = draw(st.sampled_from(["stop", "stop", "roll_back"]))
    spec = FlowSpec.model_validate(
        {
            "nodes": nodes + undoes,
            "edges": edges,
            "parameters": parameters,
            "on_failure": on_failure,
        }
    )
    assume(not check_flow(spec))
    return Graph(nodes=spec.nodes, edges=spec.wires, on_failure=spec.on_failure)


class Play:
    """A run whose runtime is chance: performs what the machine wants, in any order."""

    def __init__(self, graph: Graph, data: st.DataObject) -> None:
        self.state = FlowState(graph)
        self.data = data
        self.events: list[AnyEvent] = []
        self.started: Counter[tuple[str, int]] = Counter()
        self.order: list[str] = []
        self.waiting: set[tuple[str, int]] = set()
        self.retries: set[tuple[str, int]] = set()
        self.finished = 0
        self.gave: list[int] = []
        """Ranks of the classes to which it gave way since something of it ended."""

    def feed(self, event: AnyEvent) -> None:
        before = self.state
        try:
            after, commands = machine.advance(before, event)
        except IllegalTransition:
            assert machine.fold(before.graph, self.events) == before
            raise
        if not isinstance(event, RerunRequested):  # only then may a winner run again
            begins = {command.step for command in commands if isinstance(command, StartStep)}
            won = {name for name, status in before.steps.items() if status.state is R.SUCCEEDED}
            undoes = before.graph.undoes.keys()  # they run again with what they undo
            assert not begins & won - undoes, "no retry runs again what has succeeded"
        self.state = after
        self.events.append(event)
        if isinstance(event, StepFinished):
            self.gave.clear()
        for command in commands:
            match command:
                case StartStep(step=step, attempt=attempt):
                    self._begin(step, attempt)
                case WaitForRetry(step=step, attempt=attempt):
                    self.retries.add((step, attempt))
                case GiveWay():
                    assert not self.waiting, "it gives way when nothing of it is under way"
                    assert after.run is R.SUSPENDED
                    assert [*self.gave, after.yields_rank] == sorted(
                        {*self.gave, after.yields_rank}, reverse=True
                    ), "without progress it gives way to more and more urgent runs only"
                    self.gave.append(after.yields_rank)
                    self.retries.clear()
                case FinishRun(state=state):
                    self.finished += 1
                    assert after.run is state
                case StopStep(step=step):
                    assert (step, after.steps[step].attempt) in self.waiting

    def _begin(self, step: str, attempt: int) -> None:
        place = (step, attempt)
        if place not in self.waiting:
            self.started[place] += 1
            self.order.append(step)
        self.waiting.add(place)
        graph, node = self.state.graph, self.state.graph.node(step)
        into = graph.into[step]
        taken = sum(self.state.edges.get(index) is True for index in into)
        if not into or attempt > 1:
            return
        assert taken > 0, "a node begins when something leads to it"
        needed = node.needed if isinstance(node, Converge) else None
        is_all_decided = all(index in self.state.edges for index in into)
        if needed is None:
            assert is_all_decided, "no join begins early"
        else:
            assert taken >= needed or is_all_decided, (
                "no converge begins with fewer than its number"
            )
            assert self.started[place] == 1, "what arrives later begins it no second time"

    def finish(self, place: tuple[str, int]) -> None:
        """Something that is under way ends, in some way."""
        step, attempt = place
        graph = self.state.graph
        conditional = [i for i in graph.out[step] if graph.edges[i].condition is not None]
        holds = tuple(i for i in conditional if self.data.draw(st.booleans()))
        self.waiting.discard(place)
        end = self.data.draw(st.sampled_from(ENDS))
        self.feed(StepFinished(step=step, attempt=attempt, state=end, holds=holds))

    def give_way(self) -> None:
        """The queue wants its place, wants it no more, or lets it go on."""
        state = self.state
        if state.gave_way:
            self.feed(TurnCame())
        elif state.yields_to and self.data.draw(st.booleans()):
            self.feed(YieldWithdrawn())
        elif classes := machine.bears(state):
            priority = self.data.draw(st.sampled_from(list(Priority)[:classes]))
            self.feed(YieldRequested(to="other", priority=priority))

    def ask(self) -> None:
        """Somebody asks for something that is legal, whatever it is."""
        asked = self.data.draw(st.sampled_from(machine.actions(self.state) or (None,)))
        if asked is None:
            return
        names = machine.steps_for(self.state, asked)
        name = self.data.draw(st.sampled_from(names)) if names else ""
        event = self._event(asked, name)
        if event is None:
            return
        busy = self.state.graph.after(name) if asked is RunAction.RERUN else frozenset()
        live = {
            step
            for step, of_step in self.state.steps.items()
            if of_step.state not in TERMINAL_RUN_STATES
        }
        if busy & live or (asked is RunAction.RERUN and name in live):
            return
        self.feed(event)

    def _event(self, asked: RunAction, name: str) -> AnyEvent | None:
        graph, status = self.state.graph, self.state.steps.get(name)
        attempt = 1 if status is None else status.attempt + 1
        ways = [graph.edges[i].target for i in graph.out[name]] if name else []
        wanted = name not in self.state.stops_before
        made: dict[RunAction, AnyEvent] = {
            RunAction.STOP: CancelRequested(),
            RunAction.FORCE_STOP: ForceStopRequested(),
            RunAction.PAUSE: PauseRequested(),
            RunAction.RESUME: ResumeRequested(),
            RunAction.PAUSE_BEFORE: PauseBeforeRequested(step=name, wanted=wanted),
            RunAction.FAIL: FailRequested(step=name),
            RunAction.RERUN: RerunRequested(step=name),
            RunAction.ROLL_BACK: RollbackRequested(),
            RunAction.RETRY: RetryRequested(step=name, attempt=attempt, targets=(0,)),
            RunAction.IGNORE: StepIgnored(step=name),
            RunAction.SKIP: StepSkipped(step=name),
        }
        if asked is RunAction.CHOOSE_WAY:
            return WayChosen(step=name, target=self.data.draw(st.sampled_from(ways)))
        return made.get(asked)

    def check(self) -> None:
        """What must hold after every event."""
        state = self.state
        under_way = {
            (name, status.attempt)
            for name, status in state.steps.items()
            if status.state in UNDER_WAY or status.state is R.STOPPING
        }
        assert under_way == self.waiting
        is_over = state.run in TERMINAL_RUN_STATES
        waits = self.waiting or state.held or self._due() or state.gave_way
        assert is_over or waits, "a run that goes on waits for something that has a name"
        assert not (is_over and waits), "a run that has ended waits for nothing"
        assert not (is_over and state.yields_to), "a run that has ended gives way to nobody"
        assert not (state.gave_way and self.waiting), "who gave way does nothing"
        owed = machine.owed(state)
        assert {(c.step, c.attempt) for c in owed if isinstance(c, StartStep)} == self.waiting
        assert all(count == 1 for count in self.started.values()), "an attempt begins once"

    def _due(self) -> set[tuple[str, int]]:
        """Retries whose delay is not over."""
        return {
            (step, attempt)
            for step, attempt in self.retries
            if (status := self.state.steps.get(step)) is not None
            and status.state is R.SUSPENDED
            and status.attempt == attempt - 1
            and step not in self.state.held
        }


@pytest.mark.timeout(240)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(flows(), st.data())
def test_every_run_ends_or_waits_and_begins_nothing_twice(
    graph: Graph, data: st.DataObject
) -> None:
    play = Play(graph, data)
    play.feed(Started())
    play.check()
    for _ in range(data.draw(st.integers(0, 20))):
        due = sorted(play._due())
        choices = [*(("finish", place) for place in sorted(play.waiting))]
        choices += [("due", place) for place in due]
        choices += [("ask", ("", 0)), ("give way", ("", 0))]
        what, place = data.draw(st.sampled_from(choices))
        if what == "finish":
            play.finish(place)
        elif what == "due":
            play.feed(RetryDue(step=place[0], attempt=place[1]))
        elif what == "give way":
            play.give_way()
        else:
            play.ask()
        play.check()
    assert machine.fold(graph, play.events) == play.state
    # Left alone, every run comes to its end.
    for _ in range(200):
        if play.state.run in TERMINAL_RUN_STATES:
            break
        if play.state.gave_way:
            play.feed(TurnCame())
        elif play.state.is_paused and not play.waiting and not play._due():
            play.feed(ResumeRequested())
        elif play.waiting:
            play.finish(min(play.waiting))
        else:
            step, attempt = min(play._due())
            play.feed(RetryDue(step=step, attempt=attempt))
        play.check()
    assert play.state.run in TERMINAL_RUN_STATES


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(flows(), st.data())
def test_what_is_undone_is_undone_in_reverse_and_once(graph: Graph, data: st.DataObject) -> None:
    play = Play(graph, data)
    play.feed(Started())
    while play.state.run not in TERMINAL_RUN_STATES and play.state.run is not R.ROLLING_BACK:
        if play.waiting:
            play.finish(min(play.waiting))
        else:
            step, attempt = min(play._due())
            play.feed(RetryDue(step=step, attempt=attempt))
    if play.state.run is not R.ROLLING_BACK:
        assume(RunAction.ROLL_BACK in machine.actions(play.state))
        play.feed(RollbackRequested())
    begun = [name for name in play.state.steps if graph.node(name).kind == "command"]
    done = [name for name in begun if graph.step(name).undo and name not in graph.undoes]
    undone: list[str] = []
    while play.state.run is R.ROLLING_BACK:
        [(step, attempt)] = play.waiting
        undone.append(graph.undoes[step])
        play.waiting.clear()
        play.feed(StepFinished(step=step, attempt=attempt, state=R.SUCCEEDED))
    assert play.state.run is R.ROLLED_BACK
    assert undone == list(reversed(done))
