"""What operators ask of runs, understood: from an action to an event and its record.

The event, the states that follow from it, the record of who asked, and secrets that were
given again are committed together: a screen that looks again never sees the old state, and
an engine that dies right after goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from core.domain import resolving
from core.domain.actions import (
    Action,
    Afterwards,
    ChooseWay,
    Continue,
    Fail,
    Ignore,
    OfStep,
    PauseBefore,
    Rerun,
    Resolve,
    Retry,
    RollBack,
)
from core.domain.resolving import Rolled, Verdict
from core.domain.retrying import RetryScope, Standing, choose, choose_named
from core.domain.run import TERMINAL_RUN_STATES, BatchState, RunAction, TargetState
from core.domain.steps import StepBase
from core.domain.values import Secret
from core.errors import IllegalTransition, Invalid, NotFound, Problem
from core.flow import guards, inside, machine, undoing
from core.flow.commands import StartStep
from core.flow.dangers import StepHit
from core.flow.definition import FrozenHost, RunDefinition
from core.flow.events import (
    AnyEvent,
    CancelRequested,
    ContinueRequested,
    FailRequested,
    ForceStopRequested,
    LookRequested,
    PauseBeforeRequested,
    PauseRequested,
    RerunRequested,
    ResumeRequested,
    RetryRequested,
    RollbackRequested,
    StepIgnored,
    StepSkipped,
    TargetsResolved,
    WayChosen,
)
from core.flow.machine import FlowState
from core.flow.state import is_over
from core.runtime import secrets
from core.storage import dangers, operations, run_writes, runs
from core.storage.reading import Connection
from core.storage.runs import TargetFilter
from core.storage.writer import Transaction
from core.vault.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A run, as an action finds it."""

    id: str
    definition: RunDefinition
    state: FlowState


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An action that was understood: what it means for the machine, and what is kept of it."""

    run: Known
    action: RunAction
    event: AnyEvent
    reason: str
    change: str = ""
    """The change number under which it is asked; "" where none was given."""
    step: str = ""
    attempt: int = 0
    batch: int | None = None
    """The batch that is to start."""
    ordinals: Sequence[int] = ()
    """Targets that it is about."""
    anew: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Steps that run anew, or that undo others, and their targets."""
    verdict: Verdict | None = None
    """What was said of them, where their outcome was unknown."""
    judged: str = ""
    """Why the step ends as it does, now that this was said."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Name -> text of what was erased when the run ended."""

    @property
    def ordinals_ahead(self) -> dict[str, Sequence[int]]:
        """Step -> targets that work is let onto: those that run again, and those of steps to come."""
        run = self.run
        if self.anew:
            return dict(self.anew)
        ahead: dict[str, Sequence[int]] = {
            step: own
            for step, own in run.definition.step_hosts.items()
            if step not in run.state.steps and step not in run.state.graph.undoes
        }
        if self.verdict is None and self.ordinals:
            ahead[self.step] = self.ordinals
        return ahead

    @property
    def begins(self) -> dict[str, tuple[str, ...]]:
        """Nodes that begin because of it, and those that may follow them -> names of their hosts."""
        run, graph = self.run, self.run.state.graph
        match self.event:
            case RollbackRequested():
                return self._named(self.anew)
            case RerunRequested(step=first) | WayChosen(target=first):
                nodes = {first, *graph.after(first)}
            case RetryRequested(step=first):
                nodes = set(graph.after(first))
            case _:
                return {}
        hosts = dict(run.definition.step_hosts)
        again = {self.step: self.ordinals} if isinstance(self.event, RetryRequested) else {}
        rest = {node.name: hosts.get(node.name, ()) for node in graph.nodes if node.name in nodes}
        return self._named({**again, **rest})

    @property
    def ends(self) -> dict[str, tuple[str, ...]]:
        """Nodes under way that it ends -> names of their hosts."""
        state, hosts = self.run.state, self.run.definition.step_hosts
        match self.event:
            case CancelRequested() | ForceStopRequested():
                ended = [n for n, status in state.steps.items() if not is_over(status)]
            case FailRequested(step=step) | StepSkipped(step=step):
                ended = [step]
            case _:
                return {}
        return self._named({name: hosts.get(name, ()) for name in ended})

    def _named(self, ordinals: Mapping[str, Sequence[int]]) -> dict[str, tuple[str, ...]]:
        """With the hosts of what nodes run as runs of their own."""
        definition = self.run.definition
        works = {name: work.hosts for name, work in definition.works.items()}
        return {
            name: works.get(name) or tuple(definition.hosts[ordinal].name for ordinal in own)
            for name, own in ordinals.items()
        }

    @property
    def about(self) -> tuple[str, ...]:
        """Names of the hosts that it names or means in its own step; of a batch, its members."""
        definition, own = self.run.definition, self.ordinals
        if self.batch is not None:
            own = definition.batches[self.step][self.batch]
        return tuple(definition.hosts[ordinal].name for ordinal in own)

    @property
    def ahead(self) -> list[FrozenHost]:
        """The hosts of `ordinals_ahead`, each once."""
        ordinals = {ordinal for own in self.ordinals_ahead.values() for ordinal in own}
        return [self.run.definition.hosts[ordinal] for ordinal in sorted(ordinals)]

    @property
    def nodes_ahead(self) -> frozenset[str]:
        """Nodes that are no steps, and that begin because of it or are to come."""
        run, graph = self.run, self.run.state.graph
        names = {node.name for node in graph.nodes}
        match self.event:
            case RollbackRequested():
                return frozenset()
            case RerunRequested(step=first):
                return frozenset({first, *graph.after(first)})
            case RetryRequested(step=first):
                return frozenset((names - run.state.steps.keys()) | {first})
            case _:
                return frozenset(names - run.state.steps.keys())

    @property
    def touched(self) -> list[guards.Place]:
        """The hosts of `ahead`, and those that runs of nodes touch besides, each once."""
        own = self.ahead
        names = {host.name for host in own}
        more = inside.only(self.run.definition, self.nodes_ahead)
        return [*own, *(each for each in more if each.name not in names)]

    def keep(
        self, tx: Transaction, vault: Vault, actor: str, found: Sequence[StepHit] = ()
    ) -> None:
        """Record who asked and what dangers were known, and seal the secrets: part of the
        transaction of the event.
        """
        dangers.add(tx, self.run.id, actor, found)
        operations.add(
            tx,
            self.run.id,
            actor,
            self.action.value,
            step=self.step,
            attempt=self.attempt,
            batch=self.batch,
            targets=[self.run.definition.hosts[ordinal].name for ordinal in self.ordinals],
            reason=self.reason,
            change=self.change,
        )
        if self.verdict is not None:
            state = resolving.STATE_OF[self.verdict]
            said = f"{self.verdict}, says {actor}" + (f": {self.reason}" if self.reason else "")
            place = run_writes.StepPlace(self.run.id, self.step, self.attempt)
            run_writes.resolve_targets(tx, place, self.ordinals, state, actor, said)
            run_writes.judge_again(tx, place, self.judged)
        secrets.put_back(tx, vault, self.run.id, self.run.definition.secrets, self.secrets)


def understand(connection: Connection, run: Known, action: Action) -> Asked:
    """What `action` means for `run`, with the secrets that it needs; nothing is changed.

    Raises what `foresee` raises; Invalid where a secret is missing.
    """
    asked = foresee(connection, run, action)
    if not isinstance(action, Afterwards):
        return asked
    return replace(asked, change=action.change or "", secrets=_secrets(asked, action.secrets))


def foresee(connection: Connection, run: Known, action: Action) -> Asked:
    """What `action` would mean for `run`, whether or not its secrets are given.

    IllegalTransition where the run's state forbids it; NotFound, Invalid, Forbidden and the
    errors of `core.domain.retrying` where what it names does not fit.
    """
    if action.action not in machine.actions(run.state):
        raise _not_possible(run, action.action)
    if action.action in _OF_RUNS:
        event = _OF_RUNS[action.action]
        return Asked(run=run, action=action.action, event=event, reason=action.reason)
    if isinstance(action, RollBack):
        return _roll_back(run, action)
    assert isinstance(action, OfStep), "every other action is about a step"
    step = _step(run, action)
    status = run.state.steps.get(step)
    asked = Asked(
        run=run,
        action=action.action,
        event=StepSkipped(step=step),
        reason=action.reason,
        step=step,
        attempt=0 if status is None else status.attempt,
    )
    if isinstance(action, Afterwards):
        return _afterwards(connection, asked, action)
    match action:
        case Fail():
            return replace(asked, event=FailRequested(step=step))
        case PauseBefore(wanted=wanted):
            return replace(asked, event=PauseBeforeRequested(step=step, wanted=wanted))
        case Continue():
            batch = run.state.steps[step].batches.index(BatchState.WAITING)
            return replace(asked, event=ContinueRequested(step=step), batch=batch)
        case _:
            return asked


def _afterwards(connection: Connection, asked: Asked, action: Afterwards) -> Asked:
    match action:
        case Ignore():
            return replace(asked, event=StepIgnored(step=asked.step))
        case ChooseWay(to=to):
            return replace(asked, event=_way(asked.run, asked.step, to))
        case Rerun():
            return _rerun(asked)
        case Resolve():
            return _resolve(connection, asked, action)
        case _:
            assert isinstance(action, Retry)
            return _retry(connection, asked, action)


_OF_RUNS: Mapping[RunAction, AnyEvent] = {
    RunAction.STOP: CancelRequested(),
    RunAction.FORCE_STOP: ForceStopRequested(),
    RunAction.PAUSE: PauseRequested(),
    RunAction.RESUME: ResumeRequested(),
}
"""Actions that ask for nothing but that they are done."""


def _way(run: Known, step: str, to: str) -> WayChosen:
    graph = run.state.graph
    ways = [graph.edges[index].target for index in graph.out[step]]
    if to not in ways:
        raise NotFound(f"way out of {step} to", to, ways)
    return WayChosen(step=step, target=to)


def _rerun(asked: Asked) -> Asked:
    """The step and all that follows it, on all of their targets."""
    run, graph = asked.run, asked.run.state.graph
    anew = {asked.step, *graph.after(asked.step)}
    ordinals = {step: own for step, own in run.definition.step_hosts.items() if step in anew}
    return replace(asked, event=RerunRequested(step=asked.step), anew=ordinals)


def _roll_back(run: Known, action: RollBack) -> Asked:
    if action.step is not None and action.step not in run.state.steps:
        raise NotFound("step that has run", action.step, list(run.state.steps))
    undone = undoing.undoable(run.state, action.step or "")
    undoes = {run.state.graph.step(name).undo: name for name in undone}
    own = run.definition.step_hosts
    return Asked(
        run=run,
        action=action.action,
        event=RollbackRequested(to=action.step or ""),
        reason=action.reason,
        step=action.step or "",
        anew={undo: own[undo] for undo in undoes if undo is not None},
    )


def _retry(connection: Connection, asked: Asked, action: Retry) -> Asked:
    """The next attempt of a node, with the targets that the action means."""
    run, step = asked.run, asked.step
    node = run.state.graph.node(step)
    if not isinstance(node, StepBase):
        if action.hosts is not None or action.scope is not None or action.env:
            what = f"{step} is no step: it has no targets and no variables"
            problem = Problem(where="step", what=what)
            raise Invalid("the action does not fit", [problem])
        event = RetryRequested(step=step, attempt=asked.attempt + 1, targets=())
        return replace(asked, event=event, attempt=event.attempt)
    standings = _standings(connection, run, step, asked.attempt)
    scope = action.scope or RetryScope.FAILED
    if action.hosts is not None:
        chosen = choose_named(standings, action.hosts)
    else:
        chosen = choose(standings, scope, idempotent=node.may_repeat)
    event = RetryRequested(
        step=step,
        attempt=asked.attempt + 1,
        targets=chosen,
        winners=action.hosts is None and scope is RetryScope.ALL,
        env=dict(action.env),
    )
    return replace(asked, event=event, attempt=event.attempt, ordinals=chosen)


def _resolve(connection: Connection, asked: Asked, action: Resolve) -> Asked:
    """The step judged again by what a person says, or its hosts asked again."""
    run, step, verdict = asked.run, asked.step, action.verdict
    standings = _standings(connection, run, step, asked.attempt)
    chosen = resolving.choose(standings, action.hosts, verdict)
    event: AnyEvent
    reason = ""
    if verdict is Verdict.LOOK:
        members = enumerate(run.definition.batches.get(step, ()))
        batches = tuple(number for number, batch in members if not set(batch).isdisjoint(chosen))
        event = LookRequested(step=step, attempt=asked.attempt, batches=batches)
    else:
        rolled = _rolled(run, step, {standing.ordinal for standing in standings})
        judged = resolving.judge(standings, chosen, verdict, step, rolled)
        reason = judged.reason
        event = TargetsResolved(
            step=step, attempt=asked.attempt, state=judged.state, good=judged.good
        )
    return replace(asked, event=event, ordinals=chosen, verdict=verdict, judged=reason)


def _rolled(run: Known, step: str, own: Set[int]) -> Rolled | None:
    """The batches of a step's newest attempt, of targets `own`; None where it does not roll."""
    rolling, status = run.definition.graph.node(step).rolling, run.state.steps[step]
    if rolling is None or not status.batches:
        return None
    taking_part = own if status.targets is None else own & set(status.targets)
    members = run.definition.batches[step]
    return Rolled(
        rolling=rolling,
        members=[[ordinal for ordinal in batch if ordinal in taking_part] for batch in members],
        failed=[n for n, state in enumerate(status.batches) if state is BatchState.FAILED],
    )


def _standings(connection: Connection, run: Known, step: str, attempt: int) -> list[Standing]:
    """How every target of a step stands; one that has no row was never begun.

    Of a step whose targets earlier ones say, those without a row take no part in it.
    """
    where = TargetFilter(step=step, attempt=attempt)
    rows = {row.ordinal: row for row in runs.targets_of(connection, run.id, where)}
    own = run.definition.step_hosts[step]
    if rows and step in run.definition.narrowed:
        own = tuple(rows)
    return [
        Standing(ordinal, row.host, row.state, row.code, bool(row.claimed))
        if (row := rows.get(ordinal)) is not None
        else Standing(ordinal, run.definition.hosts[ordinal].name, TargetState.NOT_STARTED)
        for ordinal in own
    ]


def _secrets(asked: Asked, given: Mapping[str, Secret]) -> dict[str, str]:
    """The texts to seal again: all secrets of the run where a step starts, none otherwise."""
    wanted = asked.run.definition.secrets
    if asked.run.state.run not in TERMINAL_RUN_STATES:
        if given:
            where, what = "secrets", "the run still has those that it was started with"
            raise Invalid("secrets are not given again", [Problem(where=where, what=what)])
        return {}
    _, commands = machine.advance(asked.run.state, asked.event)
    starts = any(isinstance(command, StartStep) for command in commands)
    problems = [
        Problem(where=f"secrets.{name}", what="the run was started without such a secret")
        for name in given
        if name not in wanted
    ]
    problems += [
        Problem(where=f"secrets.{name}", what="was erased when the run ended", hint=_GIVE_AGAIN)
        for name in wanted
        if starts and name not in given
    ]
    if problems:
        raise Invalid("the run needs the secrets that it was started with", problems)
    return {name: secrets.text_of(secret) for name, secret in given.items()} if starts else {}


_GIVE_AGAIN = "give it again, or start a new run with `jobdeck runs again`"


def _not_possible(run: Known, action: RunAction, of: str = "") -> IllegalTransition:
    legal = ", ".join(each.word for each in machine.actions(run.state))
    return IllegalTransition(
        of or f"run {run.id} is {run.state.run}; {action.word} is not possible",
        hint=f"possible: {legal}"
        if legal
        else "nothing can be asked of it any more; `jobdeck runs again` starts another like it",
    )


def _step(run: Known, action: OfStep) -> str:
    """The step that the action is about."""
    able = machine.steps_for(run.state, action.action)
    if action.step is None:
        if len(able) > 1:
            problem = Problem(
                where="step", what="more than one step can be meant", hint=", ".join(able)
            )
            raise Invalid("the action does not name a step", [problem])
        return able[0]
    if action.step not in able:
        names = [node.name for node in run.definition.graph.nodes]
        if action.step not in names:
            raise NotFound("step", action.step, names)
        status = run.state.steps.get(action.step)
        stands = "has not started" if status is None else f"is {status.state}"
        raise _not_possible(
            run, action.action, f"step {action.step} {stands}; {action.action.word} is not possible"
        )
    return action.step
