"""Events and commands of the run's machine in words: one line each, as transcripts have them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from core.domain.priorities import Priority
from core.domain.run import RunState
from core.flow import commands, events
from core.flow.machine import FlowState

Reader = Callable[[FlowState, Mapping[str, str]], events.AnyEvent]


def _attempt(state: FlowState, found: Mapping[str, str]) -> int:
    """The attempt that the line names, or the newest one."""
    status = state.steps.get(found["step"])
    return int(found.get("attempt") or (status.attempt if status is not None else 1))


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",")) if text else ()


def _numbers(text: str | None) -> tuple[int, ...]:
    return tuple(map(int, _names(text)))


def _holds(state: FlowState, found: Mapping[str, str]) -> tuple[int, ...]:
    """Indices of the edges out of the node that lead to the nodes named."""
    graph, wanted = state.graph, _names(found.get("holds"))
    return tuple(i for i in graph.out[found["step"]] if graph.edges[i].target in wanted)


def _finished(state: FlowState, found: Mapping[str, str]) -> events.StepFinished:
    return events.StepFinished(
        step=found["step"],
        attempt=_attempt(state, found),
        state=RunState(found["end"]),
        holds=_holds(state, found),
        marked=found.get("tag") or "",
        is_error=found.get("error") is not None,
    )


def _retry(state: FlowState, found: Mapping[str, str]) -> events.RetryRequested:
    env = dict(each.split("=", 1) for each in _names(found.get("env")))
    return events.RetryRequested(
        step=found["step"],
        attempt=_attempt(state, found) + 1,
        targets=_numbers(found.get("targets")) or (0,),
        winners=found.get("winners") is not None,
        env=env,
    )


def _batch(state: FlowState, found: Mapping[str, str]) -> events.AnyEvent:
    about: dict[str, Any] = {
        "step": found["step"],
        "attempt": _attempt(state, found),
        "batch": int(found["batch"]) - 1,
    }
    match found["what"].split():
        case ["due"]:
            return events.BatchDue(**about)
        case ["healthy"]:
            return events.BatchChecked(**about, good=True)
        case ["unhealthy"]:
            return events.BatchChecked(**about, good=False)
        case [end, *more]:
            over, ran = "over" in more, "idle" not in more
            return events.BatchFinished(**about, good=end == "good", ran=ran, over=over)
    raise AssertionError("the pattern names no other end")


def _resolved(state: FlowState, found: Mapping[str, str]) -> events.TargetsResolved:
    return events.TargetsResolved(
        step=found["step"],
        attempt=_attempt(state, found),
        state=RunState(found["end"]),
        good=tuple(number - 1 for number in _numbers(found.get("good"))),
        holds=_holds(state, found),
    )


def _look(state: FlowState, found: Mapping[str, str]) -> events.LookRequested:
    numbers = tuple(number - 1 for number in _numbers(found.get("batches")))
    return events.LookRequested(step=found["step"], attempt=_attempt(state, found), batches=numbers)


_STEP = r"(?P<step>[\w-]+)(?:#(?P<attempt>\d+))?"
_HOLDS = r"(?: holds (?P<holds>.+))?"
_END = r"(?P<end>succeeded|partially_succeeded|failed|timed_out|rejected|abnormal)"

_EVENTS: Mapping[str, Reader] = {
    r"start(?: at (?P<at>[\w-]+))?(?: without (?P<without>.+))?": lambda _, found: events.Started(
        at=found.get("at") or "", left_out=_names(found.get("without"))
    ),
    r"yield to (?P<to>[\w-]+)(?: as (?P<priority>\w+))?": lambda _, found: events.YieldRequested(
        to=found["to"], priority=Priority(found.get("priority") or "urgent")
    ),
    "yield no more": lambda _, __: events.YieldWithdrawn(),
    "turn": lambda _, __: events.TurnCame(),
    "queue": lambda _, __: events.Queued(),
    "review": lambda _, __: events.ReviewRequested(),
    "refuse (?P<end>rejected|timed_out)": lambda _, found: events.ReviewRefused(
        state=RunState(found["end"])
    ),
    "pause": lambda _, __: events.PauseRequested(),
    "resume": lambda _, __: events.ResumeRequested(),
    "stop": lambda _, __: events.CancelRequested(),
    "force-stop": lambda _, __: events.ForceStopRequested(),
    "abandon": lambda _, __: events.Abandoned(),
    r"roll-back(?: to (?P<to>[\w-]+))?": lambda _, found: events.RollbackRequested(
        to=found.get("to") or ""
    ),
    rf"{_STEP} {_END}(?P<error> as error)?(?: tag (?P<tag>\S+))?{_HOLDS}": _finished,
    rf"retry-due {_STEP}": lambda state, found: events.RetryDue(
        step=found["step"],
        attempt=int(found.get("attempt") or _attempt(state, found) + 1),
    ),
    rf"retry {_STEP}(?: on (?P<targets>[\d, ]+\b))?(?P<winners> winners)?(?: env (?P<env>.+))?": (
        _retry
    ),
    rf"ignore {_STEP}{_HOLDS}": lambda state, found: events.StepIgnored(
        step=found["step"], holds=_holds(state, found)
    ),
    rf"skip {_STEP}{_HOLDS}": lambda state, found: events.StepSkipped(
        step=found["step"], holds=_holds(state, found)
    ),
    rf"resolve {_STEP} {_END}(?: good (?P<good>[\d, ]+\b))?{_HOLDS}": _resolved,
    rf"look {_STEP}(?: batches (?P<batches>[\d, ]+))?": _look,
    rf"batch (?P<batch>\d+) of {_STEP} (?P<what>due|healthy|unhealthy|(?:good|bad)(?: idle)?(?: over)?)": (
        _batch
    ),
    rf"continue {_STEP}": lambda _, found: events.ContinueRequested(step=found["step"]),
    rf"pause-before {_STEP}": lambda _, found: events.PauseBeforeRequested(step=found["step"]),
    rf"pass {_STEP}": lambda _, found: events.PauseBeforeRequested(
        step=found["step"], wanted=False
    ),
    rf"fail {_STEP}": lambda _, found: events.FailRequested(step=found["step"]),
    rf"choose {_STEP} -> (?P<target>[\w-]+)": lambda _, found: events.WayChosen(
        step=found["step"], target=found["target"]
    ),
    rf"rerun {_STEP}": lambda _, found: events.RerunRequested(step=found["step"]),
}
"""Pattern of a line -> the event that it says. The newest attempt is meant where none is named."""


def read_event(line: str, state: FlowState) -> events.AnyEvent:
    """The event that a line says, in a run that is there; ValueError where it says none."""
    for pattern, reader in _EVENTS.items():
        if (found := re.fullmatch(pattern, line)) is not None:
            return reader(state, found.groupdict())
    raise ValueError(f"no event is called {line!r}")


def command_line(command: commands.AnyCommand) -> str:
    """What the machine wants done."""
    match command:
        case commands.StartStep():
            said = [f"start {_about(command.step, command.attempt)}"]
            if command.targets is not None:
                said.append(f"on {', '.join(map(str, command.targets))}")
            said += ["winners"] if command.winners else []
            if command.env:
                said.append("env " + ", ".join(f"{k}={v}" for k, v in command.env.items()))
            return " ".join(said)
        case commands.WaitForRetry():
            about = _about(command.step, command.attempt)
            return f"wait {command.delay_s:g} s to retry {about}"
        case commands.StopStep():
            return f"stop {command.step}" + (" by force" if command.force else "")
        case commands.FinishRun():
            return f"finish {command.state}"
        case commands.GiveWay():
            return "give way"
        case commands.EndStep():
            return f"end {_about(command.step, command.attempt)}"
        case commands.StartBatch() | commands.WaitForBatch() | commands.CheckBatch():
            verb = {
                commands.StartBatch: "start",
                commands.WaitForBatch: "wait for",
                commands.CheckBatch: "check",
            }[type(command)]
            return f"{verb} batch {command.batch + 1} of {_about(command.step, command.attempt)}"


def _about(step: str, attempt: int) -> str:
    return step if attempt == 1 else f"{step}#{attempt}"


def state_line(state: FlowState) -> str:
    """Where the run is: its state, its nodes with theirs, and what is withheld."""
    nodes = []
    for name, status in state.steps.items():
        marks = [mark for mark in ("forced", "skipped", "failing", "undone") if _is(status, mark)]
        batches = f" [{' '.join(status.batches)}]" if status.batches else ""
        more = f" ({', '.join(marks)})" if marks else ""
        nodes.append(f"{_about(name, status.attempt)} {status.state}{batches}{more}")
    said = [f"{state.run}{': ' if nodes else ''}{', '.join(nodes)}"]
    if state.yields_to:
        said.append(f"{'gave' if state.gave_way else 'gives'} way to {state.yields_to}")
    said += ["paused"] if state.is_paused else []
    said += [f"held {', '.join(state.held)}"] if state.held else []
    said += [f"to undo {', '.join(state.undoing)}"] if state.undoing else []
    return "; ".join(said)


def _is(status: object, mark: str) -> bool:
    return bool(getattr(status, mark))
