"""What people ask of a run, as the machine understands it. Pure.

Where an action is legal says the table of `core.domain.run`; here is what it changes.
"""

from __future__ import annotations

from msgspec.structs import replace

from core.domain.flow import Control, Converge, End, Exclusive, Inclusive
from core.domain.flow.nodes import Nested
from core.domain.run import TERMINAL_RUN_STATES, RunAction, RunState, may_act, transit
from core.errors import IllegalTransition
from core.flow import progress, undoing, wires, yielding
from core.flow.commands import AnyCommand, StopStep
from core.flow.events import (
    LookRequested,
    PauseBeforeRequested,
    RetryRequested,
    StepIgnored,
    StepSkipped,
    TargetsResolved,
    WayChosen,
)
from core.flow.graph import Graph
from core.flow.state import (
    Advance,
    FlowState,
    StepStatus,
    borne,
    current,
    ended,
    going,
    is_between,
    is_handled,
    is_over,
    mirrored,
    row,
    with_row,
    with_step,
    with_steps,
    without_held,
)
from core.flow.wires import Outcome


def may_ask(state: FlowState, action: RunAction, name: str) -> bool:
    """Whether `action` may be asked of a node."""
    graph, status = state.graph, state.steps.get(name)
    node = graph.node(name)
    shown = RunState.CREATED if status is None else status.state
    if not (may_act(action, state.run, shown) and yielding.may_ask(state, action, shown)):
        return False
    match action:
        case RunAction.RETRY | RunAction.IGNORE if is_handled(state, name):
            return False  # what follows its failure has begun
        case RunAction.RETRY if name in graph.undoes:
            return state.run in TERMINAL_RUN_STATES and state.undoing[:1] == (graph.undoes[name],)
        case RunAction.SKIP:
            return node.skippable and not node.asks_people and name not in graph.undoes
        case RunAction.IGNORE:
            return node.ignorable and not node.asks_people and name not in graph.undoes
        case RunAction.PAUSE_BEFORE:
            into = graph.into[name]
            return name not in graph.undoes and any(state.edges.get(i, True) for i in into)
        case RunAction.FAIL:
            return name not in graph.undoes and len(graph.nodes) > 1
        case RunAction.CONTINUE:
            return not node.asks_people
        case RunAction.CHOOSE_WAY:
            return isinstance(node, Exclusive | Inclusive) and not is_handled(state, name)
        case RunAction.RERUN:
            return name not in graph.undoes and len(graph.nodes) > 1
        case _:
            return True


def asked(state: FlowState, action: RunAction, name: str) -> StepStatus:
    """The status of the node that `action` is about; IllegalTransition when it may not be asked."""
    status = state.steps.get(name)
    if status is None or not may_ask(state, action, name):
        shown = "not started" if status is None else status.state
        raise IllegalTransition(
            f"the run is {state.run} and step {name} {shown}; {action} is not possible"
        )
    return status


def cancel(state: FlowState) -> Advance:
    if not may_act(RunAction.STOP, state.run):
        raise IllegalTransition(f"the run is {state.run}; it cannot be stopped")
    steps = dict(state.steps)
    commands: list[AnyCommand] = []
    for name, status in state.steps.items():
        is_at_work = isinstance(state.graph.node(name), Control) and not is_over(status)
        if status.state is RunState.SUSPENDED:
            steps[name] = replace(status, state=RunState.STOPPED)
        elif status.state is RunState.RUNNING or is_between(status) or is_at_work:
            steps[name] = replace(status, state=RunState.STOPPING)
            commands.append(StopStep(step=name))
        elif status.state in (RunState.WAITING_USER, RunState.BATCH_WAITING):
            steps[name] = replace(status, state=RunState.STOPPED)
    state = replace(state, held=(), is_paused=False, yields_to="", gave_way=False)
    state = with_steps(state, steps)
    if state.live:
        return replace(state, run=transit("the run", state.run, RunState.STOPPING)), tuple(commands)
    return progress.finish(state, _stopped(state))


def _stopped(state: FlowState) -> RunState:
    lost = any(status.state is RunState.ABNORMAL for status in state.steps.values())
    return RunState.ABNORMAL if lost else RunState.STOPPED


def force_stop(state: FlowState) -> Advance:
    if not may_act(RunAction.FORCE_STOP, state.run):
        raise IllegalTransition(
            f"the run is {state.run}; it can be stopped by force only while it stops"
        )
    steps = dict(state.steps)
    commands: list[AnyCommand] = []
    for name, status in state.steps.items():
        if status.state is RunState.STOPPING:
            steps[name] = replace(status, forced=True)
            commands.append(StopStep(step=name, force=True))
    return with_steps(state, steps), tuple(commands)


def abandon(state: FlowState) -> Advance:
    if state.run in TERMINAL_RUN_STATES:
        raise IllegalTransition(f"the run is {state.run}; nobody drives it")
    lost = {
        name: status
        if is_over(status)
        else replace(status, state=transit(f"step {name}", status.state, RunState.ABNORMAL))
        for name, status in state.steps.items()
    }
    return progress.finish(with_steps(state, lost), RunState.ABNORMAL)


def retry(state: FlowState, event: RetryRequested) -> Advance:
    status = asked(state, RunAction.RETRY, event.step)
    current(state, event.step, event.attempt - 1)
    state = _on_its_way(state, event.step)
    chosen = replace(
        status,
        attempt=event.attempt,
        targets=event.targets,
        winners=event.winners,
        env={**status.env, **event.env},
        forced=False,
        skipped=False,
        failing=False,
    )
    state, commands = progress.begin_again(state, event.step, chosen)
    return mirrored(state), commands


def ignore(state: FlowState, event: StepIgnored) -> Advance:
    status = asked(state, RunAction.IGNORE, event.step)
    state = ended(going(state), event.step, status, RunState.ERROR_IGNORED)
    return progress.go_on(state, event.step, Outcome(RunState.ERROR_IGNORED, event.holds))


def choose_way(state: FlowState, event: WayChosen) -> Advance:
    """A gateway that found no way leads where a person says, and nowhere else."""
    name = event.step
    status = asked(state, RunAction.CHOOSE_WAY, name)
    edges = state.graph.edges
    taken = [index for index in state.graph.out[name] if edges[index].target == event.target]
    if not taken:
        raise IllegalTransition(f"no edge leads from {name} to {event.target!r}")
    state = ended(going(state), name, status, RunState.ERROR_IGNORED)
    state, ready = wires.decide(state, name, taken[:1])
    state, commands = progress.begin_all(state, ready)
    state, more = progress.finish_if_quiet(state)
    return state, (*commands, *more)


def resolve(state: FlowState, event: TargetsResolved) -> Advance:
    """The step ends once more; nobody retries by itself what a person has looked at."""
    name = event.step
    state, running = _taken_up(state, name, event.attempt)
    if event.good:
        running = replace(running, batches=row(state, name).resolved(event.good).states)
    end = transit(f"step {name}", running.state, event.state)
    if borne(state.graph.node(name), end):
        end = transit(f"step {name}", end, RunState.ERROR_IGNORED)
    state = with_step(state, name, replace(running, state=end))
    return progress.go_on(state, name, Outcome(end, event.holds))


def look_again(state: FlowState, event: LookRequested) -> Advance:
    """The same attempt goes on: its targets that run are asked, none is started."""
    name = event.step
    state, running = _taken_up(state, name, event.attempt)
    state, commands = with_step(state, name, running), (progress.start_of(name, running),)
    if not running.batches:
        return state, commands
    batches, more = row(state, name).looked(event.batches)
    return with_row(state, name, batches), (*commands, *more)


def _taken_up(state: FlowState, name: str, attempt: int) -> tuple[FlowState, StepStatus]:
    """A run that goes on, and its step whose outcome was unknown, running."""
    status = asked(state, RunAction.RESOLVE, name)
    current(state, name, attempt)
    running = transit(f"step {name}", status.state, RunState.RUNNING)
    status = replace(status, state=running, forced=False, skipped=False, failing=False)
    return _on_its_way(state, name), status


def _on_its_way(state: FlowState, name: str) -> FlowState:
    """The run going the way that a node is on: forward, or back where it is one that undoes."""
    return undoing.again(state) if name in state.graph.undoes else going(state)


def skip(state: FlowState, event: StepSkipped) -> Advance:
    """A step that only waits is skipped at once; one whose stop hangs, when it is quiet."""
    name = event.step
    status = asked(state, RunAction.SKIP, name)
    if state.run is RunState.STOPPING:
        state = going(state)
    if status.state is RunState.STOPPING or is_between(status):
        is_forced = status.state is RunState.STOPPING
        left = replace(status, state=RunState.STOPPING, forced=is_forced, skipped=True)
        return mirrored(with_step(state, name, left)), (StopStep(step=name, force=is_forced),)
    state = without_held(state, {name})
    state = ended(state, name, status, RunState.SKIPPED)
    return progress.go_on(state, name, Outcome(RunState.SKIPPED, event.holds))


def fail(state: FlowState, name: str) -> Advance:
    """A node that is under way is ended, and has failed."""
    status = asked(state, RunAction.FAIL, name)
    if status.state is RunState.SUSPENDED:
        state = without_held(state, {name})
        running = replace(status, state=transit(f"step {name}", status.state, RunState.RUNNING))
        state = ended(state, name, running, RunState.FAILED)
        return progress.go_on(state, name, Outcome(RunState.FAILED))
    stopping = transit(f"step {name}", status.state, RunState.STOPPING)
    left = replace(status, state=stopping, failing=True)
    return mirrored(with_step(state, name, left)), (StopStep(step=name),)


def pause(state: FlowState) -> Advance:
    if state.is_paused or not may_act(RunAction.PAUSE, state.run):
        shown = "paused already" if state.is_paused else state.run
        raise IllegalTransition(f"the run is {shown}; it cannot be paused")
    return mirrored(replace(state, is_paused=True)), ()


def resume(state: FlowState) -> Advance:
    if not state.is_paused or not may_act(RunAction.RESUME, state.run):
        if state.yields_to:
            raise IllegalTransition(f"the run waits for run {state.yields_to}, and is not paused")
        raise IllegalTransition(f"the run is {state.run}, and not paused")
    return progress.begin_held(replace(state, is_paused=False))


def pause_before(state: FlowState, event: PauseBeforeRequested) -> Advance:
    if event.step in state.steps or not may_ask(state, RunAction.PAUSE_BEFORE, event.step):
        raise IllegalTransition(
            f"the run is {state.run}; it cannot be paused before step {event.step}"
        )
    now = state.stops_before
    changed = now | {event.step} if event.wanted else now - {event.step}
    if changed == now:
        word = "already" if event.wanted else "not"
        raise IllegalTransition(f"the run is {word} to pause before step {event.step}")
    return replace(state, stops_before=changed), ()


def rerun(state: FlowState, name: str) -> Advance:
    """A node and all that follows it run anew; what ran beside them stands."""
    asked(state, RunAction.RERUN, name)
    anew = {name, *state.graph.after(name)}
    for each in (each for each in state.steps if each in anew):
        if not is_over(state.steps[each]):
            raise IllegalTransition(f"step {each}, which follows {name}, is under way")
        if state.steps[each].state is RunState.ABNORMAL:
            raise IllegalTransition(f"how step {each} ended, which follows {name}, is not known")
    attempts = {each: state.steps[each].attempt for each in anew if each in state.steps}
    left = {each: status for each, status in state.steps.items() if each not in anew}
    held = without_held(state, anew).held
    state = replace(
        with_steps(state, left),
        attempts={**state.attempts, **attempts},
        held=(),
        is_paused=False,
    )
    state = going(wires.forget(state, anew))
    state, commands = progress.begin_all(state, [name, *held])
    state, more = progress.finish_if_quiet(state)
    return state, (*commands, *more)


def roll_back(state: FlowState, to: str) -> Advance:
    """What was done is undone; with `to`, only what followed that node."""
    if not yielding.may_ask(state, RunAction.ROLL_BACK):
        raise IllegalTransition(f"the run gives way to run {state.yields_to}; ask in its turn")
    busy = [name for name, status in state.steps.items() if not is_over(status)]
    if busy or not may_act(RunAction.ROLL_BACK, state.run):
        shown = f"step {busy[0]} is under way" if busy else f"the run is {state.run}"
        raise IllegalTransition(f"{shown}; it cannot be rolled back")
    if lost := [name for name, each in state.steps.items() if each.state is RunState.ABNORMAL]:
        raise IllegalTransition(f"how step {lost[0]} ended is not known; resolve it first")
    return undoing.begin(state, to)


def start_at(state: FlowState, name: str) -> FlowState:
    """A run that is to begin at `name`: nothing comes from the nodes that it does not go through."""
    if problem := cannot_start_at(state.graph, name):
        raise IllegalTransition(f"the run cannot start at {name}: {problem}")
    graph = state.graph
    through = {name, *graph.after(name)}
    dead = {index: False for index, edge in enumerate(graph.edges) if edge.source not in through}
    return replace(state, edges=dead, arrivals=wires.count(state, dead))


def cannot_start_at(graph: Graph, name: str) -> str:
    """Why a run cannot begin at a node; "" where it can."""
    node = graph.node(name)
    before = graph.before(name)
    if isinstance(node, Converge | End | Nested) or name in graph.undoes:
        return "it needs what comes before it"
    if asking := [each.name for each in graph.nodes if each.name in before and each.asks_people]:
        return f"that would go past the approval {asking[0]}"
    after = {name, *graph.after(name)}
    for fork in before:
        if isinstance(graph.node(fork), Exclusive):
            continue
        ways = {graph.edges[index].target for index in graph.out[fork]}
        beside = [way for way in ways if way != name and way not in before]
        for way in beside:
            if after & {way, *graph.after(way)}:
                return f"it is one of several branches that {fork} begins"
    return ""
