"""Transcripts: flows, what happens to them, and what the machine makes of it, in plain text.

    Words for people, up to the first scenario.

    === both branches end before the join begins
    nodes: [parallel split, a, b, converge join]
    edges: [split -> a, b -> join]
    ---
    start
        start split
        = running: split running
    split succeeded
        start a
        start b
        = running: split succeeded, a running, b running

A line at the margin is an event, or `restart`: a new engine folds the stored events and asks what
is owed. Indented lines are recorded: commands, the state behind `=`, or a refusal behind `!`. A
scenario without `---` has the flow of the one before. A node is a mapping as in a document, or
`KIND NAME`, or the NAME of a step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from core.domain import yamlsafe
from core.domain.flow import FlowSpec, check_flow
from core.errors import IllegalTransition
from core.flow import machine
from core.flow.commands import AnyCommand
from core.flow.events import AnyEvent
from core.flow.graph import Graph
from core.flow.machine import FlowState
from tests.scenarios.words import command_line, read_event, state_line

FOLDER = Path(__file__).parent
_TITLE, _END_OF_FLOW, _INDENT = "=== ", "---", "    "
RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Flow:
    """A graph, and the number of batches of its steps that roll."""

    graph: Graph
    batches: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run: its flow, and what happens to it, line by line."""

    title: str
    flow: Flow
    flow_lines: tuple[str, ...]
    """As they are written; none where the flow is that of the scenario before."""
    lines: tuple[str, ...]

    @property
    def happenings(self) -> tuple[str, ...]:
        return tuple(line for line in self.lines if not line.startswith(" "))

    def recorded(self) -> Scenario:
        """The same, with what the machine makes of it now."""
        return replace(self, lines=tuple(_played(self)))


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file of scenarios about one subject."""

    file: Path
    words: str
    scenarios: tuple[Scenario, ...]

    @property
    def text(self) -> str:
        parts = [self.words]
        for each in self.scenarios:
            flow = [*each.flow_lines, _END_OF_FLOW] if each.flow_lines else []
            parts.append("\n".join([_TITLE + each.title, *flow, *each.lines]))
        return "\n\n".join(parts) + "\n"

    def recorded(self) -> Transcript:
        return replace(self, scenarios=tuple(each.recorded() for each in self.scenarios))


def transcripts() -> tuple[Transcript, ...]:
    """Every transcript of this folder. ValueError says which cannot be read, and why."""
    return tuple(read(file) for file in sorted(FOLDER.glob("*.txt")))


def read(file: Path) -> Transcript:
    words, *parts = file.read_text(encoding="utf-8").split(f"\n{_TITLE}")
    scenarios: list[Scenario] = []
    for part in parts:
        title, *lines = part.rstrip("\n").split("\n")
        try:
            scenarios.append(_scenario(title, lines, scenarios[-1].flow if scenarios else None))
        except ValueError as error:
            raise ValueError(f"{file.name}, {title!r}: {error}") from error
    return Transcript(file, words.strip("\n"), tuple(scenarios))


def _scenario(title: str, lines: Sequence[str], before: Flow | None) -> Scenario:
    if _END_OF_FLOW in lines:
        end = lines.index(_END_OF_FLOW)
        return Scenario(title, _flow(lines[:end]), tuple(lines[:end]), tuple(lines[end + 1 :]))
    if before is None:
        raise ValueError("the first scenario of a file needs a flow")
    return Scenario(title, before, (), tuple(lines))


def _flow(lines: Sequence[str]) -> Flow:
    said = dict(yamlsafe.load("\n".join(lines)).value)
    batches = said.pop("batches", {})
    spec = FlowSpec.model_validate(with_whole_nodes(said))
    if problems := check_flow(spec):
        raise ValueError("; ".join(map(str, problems)))
    return Flow(Graph(nodes=spec.nodes, edges=spec.wires, on_failure=spec.on_failure), batches)


_NEEDED: Mapping[str, Mapping[str, Any]] = {
    "command": {"command": "true"},
    "set": {"variables": {"X": "1"}},
    "approval": {"message": "May it go on?"},
    "wait": {"for_s": 60},
    "run": {"flow": "other"},
    "for-each": {"items": "[1, 2]", "flow": "other"},
    "loop": {"repeat_until": "last.state = 'succeeded'", "most": 3, "flow": "other"},
}
"""Kind -> fields without which a node that is written short cannot be."""


def with_whole_nodes(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The spec of a flow, whose nodes may be written short."""
    return {**spec, "nodes": [_node(node) for node in spec["nodes"]]}


def _node(said: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(said, str):
        kind, name = ("command", said) if " " not in said else said.split()
        return {"kind": kind, "name": name, **_NEEDED.get(kind, {})}
    return said if "kind" in said else {"kind": "command", "command": "true", **said}


def _played(scenario: Scenario) -> Iterator[str]:
    flow = scenario.flow
    state = FlowState(flow.graph, batch_counts=flow.batches)
    stored: list[bytes] = []
    for line in scenario.happenings:
        yield line
        if line == RESTART:
            yield from _said(_restarted(flow, state, stored), machine.owed(state))
            continue
        event = read_event(line, state)
        try:
            state, commands = machine.advance(state, event)
        except IllegalTransition as refusal:
            yield f"{_INDENT}! {refusal}"
            continue
        stored.append(msgspec.json.encode(event))
        yield from _said(state, commands)


def _said(state: FlowState, commands: Sequence[AnyCommand]) -> Iterator[str]:
    for command in commands:
        yield f"{_INDENT}{command_line(command)}"
    yield f"{_INDENT}= {state_line(state)}"


def _restarted(flow: Flow, state: FlowState, stored: Sequence[bytes]) -> FlowState:
    """The state that the stored events lead to; the same as the one they led to one by one."""
    events = [msgspec.json.decode(each, type=AnyEvent) for each in stored]
    folded = machine.fold(flow.graph, events, flow.batches)
    if folded != state:
        raise ValueError(f"folded, the run is {state_line(folded)}; it was {state_line(state)}")
    return folded
