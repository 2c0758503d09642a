"""Stored histories: what earlier engines wrote leads every later engine to the same place.

Each file of `tests/histories` has the events of a run as they lie in the database, the commands
that each of them gave, and what they must lead to. A file is never edited to fit new code; a new
shape is a new file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.domain.flow import FlowSpec
from core.domain.steps import CommandStep
from core.flow import machine
from core.flow.commands import AnyCommand
from core.flow.events import AnyEvent
from core.flow.graph import Graph, chain
from core.flow.state import FlowState

HISTORIES = sorted((Path(__file__).parents[2] / "histories").glob("*.json"))


def command(value: AnyCommand) -> dict[str, Any]:
    """A command by its name, with the fields that say something."""
    fields = {key: item for key, item in json.loads(msgspec.json.encode(value)).items() if item}
    return {"command": type(value).__name__, **fields}


def graph(history: dict[str, Any]) -> Graph:
    """A chain of steps, or nodes with their edges."""
    nodes = [
        {"kind": "command", "command": "true", **node} if "kind" not in node else node
        for node in history.get("steps") or history["nodes"]
    ]
    if "nodes" not in history:
        return chain([CommandStep.model_validate(node) for node in nodes])
    spec = FlowSpec.model_validate({"nodes": nodes, "edges": history["edges"]})
    return Graph(nodes=spec.nodes, edges=spec.wires)


def events(history: dict[str, Any]) -> list[AnyEvent]:
    """As an engine reads them."""
    return [msgspec.json.decode(json.dumps(event), type=AnyEvent) for event in history["events"]]


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
def test_a_stored_history_gives_the_same_commands_event_by_event(file: Path) -> None:
    history = json.loads(file.read_text())
    state, given = FlowState(graph(history), batch_counts=history.get("batches", {})), []
    for event in events(history):
        state, commands = machine.advance(state, event)
        given.append([command(each) for each in commands])

    assert given == history["commands"]


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
def test_a_stored_history_leads_to_the_same_state_and_owes_the_same(file: Path) -> None:
    history = json.loads(file.read_text())
    state = machine.fold(graph(history), events(history), history.get("batches"))
    assert {
        "run": state.run,
        "steps": {name: [status.state, status.attempt] for name, status in state.steps.items()},
        "owed": [command(owed) for owed in machine.owed(state)],
    } == {name: value for name, value in history["leads_to"].items() if name != "actions"}
    missing = set(history["leads_to"]["actions"]) - set(machine.actions(state))
    assert not missing, "what could be asked of a run can be asked of it for ever"


def test_there_are_histories_of_every_event() -> None:
    found = {
        event["event"] for file in HISTORIES for event in json.loads(file.read_text())["events"]
    }
    known = {type_.__struct_config__.tag for type_ in AnyEvent.__args__}
    assert found == known
