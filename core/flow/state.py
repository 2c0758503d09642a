"""Where a run is, as a value: its nodes, its edges, and what is withheld."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from msgspec.structs import replace

from core.domain.flow import GraphNode, OnTimeout
from core.domain.priorities import Priority
from core.domain.run import TERMINAL_RUN_STATES, BatchState, RunState, transit
from core.errors import IllegalTransition
from core.flow import batches
from core.flow.commands import AnyCommand
from core.flow.graph import Graph

GOES_ON = frozenset({RunState.SUCCEEDED, RunState.ERROR_IGNORED, RunState.SKIPPED})
"""A node that ended so lets the nodes after it start."""
RETRYABLE = frozenset({RunState.FAILED, RunState.PARTIALLY_SUCCEEDED, RunState.TIMED_OUT})
"""A step whose outcome is unknown is not here: `idempotent` targets wait again inside the step."""
BAD = RETRYABLE | {RunState.REJECTED}
"""A node that ended so did not do what it was for, and everybody knows."""
UNDER_WAY = frozenset({RunState.RUNNING, RunState.BATCH_WAITING, RunState.WAITING_USER})
"""A node whose attempt is open, whether it does something or waits."""


class StepStatus(msgspec.Struct, frozen=True):
    """How a node stands, in its newest attempt."""

    state: RunState
    attempt: int
    targets: tuple[int, ...] | None = None
    """Ordinals of the targets that may run since somebody chose them; None is all."""
    winners: bool = False
    """Whether this attempt runs them even where they had succeeded."""
    forced: bool = False
    """Stopping, and nobody waits for what cannot be verified."""
    skipped: bool = False
    """Stopping, and then what follows it starts."""
    failing: bool = False
    """Stopping, and then it has failed: somebody said so."""
    undone: bool = False
    """What it did was taken back."""
    env: Mapping[str, str] = {}
    """Variables that somebody changed when it was tried again."""
    batches: tuple[BatchState, ...] = ()
    """Of a rolling step, in order."""


class Arrivals(msgspec.Struct, frozen=True):
    """How many of the edges into a node are decided."""

    taken: int = 0
    dead: int = 0


class FlowState(msgspec.Struct, frozen=True):
    """Where a run is. `steps` holds the nodes that were ever started, in the order of that."""

    graph: Graph
    run: RunState = RunState.CREATED
    steps: Mapping[str, StepStatus] = {}
    live: Mapping[str, RunState] = {}
    """Those of them that have not ended -> their state. `with_step` and `with_steps` keep it, so that
    a flow of a thousand nodes is not gone through at every event.
    """
    batch_counts: Mapping[str, int] = {}
    """Rolling step -> number of its batches."""
    edges: Mapping[int, bool] = {}
    """Index of an edge that is decided -> whether it was taken."""
    arrivals: Mapping[str, Arrivals] = {}
    """Node -> how many of the edges into it are decided; the same as `edges`, counted."""
    attempts: Mapping[str, int] = {}
    """Node that runs anew, or is to -> its last attempt before that."""
    left_out: frozenset[str] = frozenset()
    """Optional nodes that whoever started the run left out."""
    is_paused: bool = False
    held: tuple[str, ...] = ()
    """Nodes that are to begin, or to be tried again, and wait until the run goes on."""
    stops_before: frozenset[str] = frozenset()
    """Nodes before which the run pauses."""
    yields_to: str = ""
    """The run to which this one gives way at its next boundary, or gave; "" where to none."""
    yields_rank: int = len(Priority)
    """The rank of that run's class."""
    gave_way: bool = False
    """It holds nothing any more, and waits for its turn."""
    yields_below: int = len(Priority)
    """Of how many classes, the most urgent first, runs may ask it to give way: fewer from when it
    goes on again until something of it has ended.
    """
    undoing: tuple[str, ...] = ()
    """Steps that are still to be undone, the next one first."""

    @property
    def is_withheld(self) -> bool:
        """Whether nothing of it may begin."""
        return self.is_paused or bool(self.yields_to)

    @property
    def awaits_turn(self) -> bool:
        """Whether it holds nothing, and begins or goes on when its turn comes."""
        return self.run is RunState.QUEUED or self.gave_way

    @property
    def awaits_review(self) -> bool:
        """Whether it waits for approval before it begins."""
        return self.run is RunState.WAITING_USER and not self.steps


Advance = tuple[FlowState, tuple[AnyCommand, ...]]


def is_over(status: StepStatus) -> bool:
    """Whether a node has ended, in whatever way."""
    return status.state in TERMINAL_RUN_STATES


def is_known(status: StepStatus) -> bool:
    """Whether a node has ended, and everybody knows how."""
    return is_over(status) and status.state is not RunState.ABNORMAL


def is_quiet(state: FlowState) -> bool:
    """Whether nothing is under way or about to be."""
    return not state.held and not state.live


def is_between(status: StepStatus) -> bool:
    """Whether a step is between two batches: the targets of the others still wait."""
    return bool(status.batches) and status.state in (RunState.BATCH_WAITING, RunState.WAITING_USER)


def is_handled(state: FlowState, name: str) -> bool:
    """Whether an edge led on from a node that did not end well."""
    return any(state.edges.get(index) for index in state.graph.out[name])


def borne(node: GraphNode, end: RunState) -> bool:
    """Whether the run goes on after a node that ended so as if nothing were."""
    late = getattr(node, "on_timeout", OnTimeout.FAIL)
    is_late = late is OnTimeout.SKIP and end is RunState.TIMED_OUT
    return end in RETRYABLE and (node.continue_on_error or is_late)


def current(state: FlowState, name: str, attempt: int) -> StepStatus:
    """The node's status, if that attempt of it is the newest; IllegalTransition otherwise."""
    status = state.steps.get(name)
    if status is None or status.attempt != attempt:
        raise IllegalTransition(f"step {name} has no attempt {attempt} under way")
    return status


def with_step(state: FlowState, name: str, status: StepStatus) -> FlowState:
    """The same run with another status of a node, which may begin with it."""
    live = {**state.live, name: status.state}
    if is_over(status):
        del live[name]
    return replace(state, steps={**state.steps, name: status}, live=live)


def with_steps(state: FlowState, steps: Mapping[str, StepStatus]) -> FlowState:
    """The same run with other nodes."""
    live = {name: status.state for name, status in steps.items() if not is_over(status)}
    return replace(state, steps=steps, live=live)


def without_held(state: FlowState, names: Collection[str]) -> FlowState:
    """These nodes wait no more for the run to go on."""
    return replace(state, held=tuple(name for name in state.held if name not in names))


def ended(state: FlowState, name: str, status: StepStatus, end: RunState) -> FlowState:
    """The node in a terminal state, as the table allows."""
    return with_step(state, name, replace(status, state=transit(f"step {name}", status.state, end)))


def going(state: FlowState) -> FlowState:
    """The run going forward, where it had ended or waited; what was left to undo is left."""
    if state.run is RunState.RUNNING:
        return state
    return replace(state, run=transit("the run", state.run, RunState.RUNNING), undoing=())


def row(state: FlowState, name: str) -> batches.Row:
    """The batches of a rolling step."""
    status, rolling = state.steps[name], state.graph.node(name).rolling
    assert rolling is not None, "only rolling steps have batches"
    return batches.Row(
        name, status.attempt, rolling, status.batches, is_withheld=bool(state.yields_to)
    )


def with_row(state: FlowState, name: str, row: batches.Row) -> FlowState:
    status, shown = state.steps[name], row.step_state
    if shown is not status.state:
        transit(f"step {name}", status.state, shown)
    return with_step(state, name, replace(status, state=shown, batches=row.states))


def mirrored(state: FlowState) -> FlowState:
    """The run says what it waits for, while none of its nodes does anything itself."""
    live = set(state.live.values())
    waits = live - {RunState.WAITING_USER, RunState.BATCH_WAITING} == set()
    shown = RunState.RUNNING
    if state.gave_way or (state.is_paused and (waits or live == {RunState.SUSPENDED})):
        shown = RunState.SUSPENDED
    elif live and waits:
        is_asked = RunState.WAITING_USER in live
        shown = RunState.WAITING_USER if is_asked else RunState.BATCH_WAITING
    if state.run in (shown, RunState.STOPPING, RunState.ROLLING_BACK):
        return state
    return replace(state, run=transit("the run", state.run, shown))
