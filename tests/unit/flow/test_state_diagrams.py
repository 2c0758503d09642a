"""The pictures in core/flow/README.md are those of the tables, and the map names every module."""

from __future__ import annotations

import re

import pytest

from core.domain.run import RUN_TRANSITIONS, TERMINAL_RUN_STATES, RunState
from tests.support.statediagrams import PARTS, README, renewed

TEXT = README.read_text(encoding="utf-8")


def test_the_state_diagrams_are_current() -> None:
    assert renewed(TEXT) == TEXT, "renew them: python -m tests.support.statediagrams"


def test_a_text_without_a_place_for_a_diagram_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for 'runs and nodes'"):
        renewed("Words.")


def test_every_way_between_states_of_runs_is_shown() -> None:
    arrows = set(re.findall(r"(\w+) --> (\w+)", PARTS["runs and nodes"]()))
    live = set(RunState) - TERMINAL_RUN_STATES
    assert {(old, new) for old in live for new in RUN_TRANSITIONS[old] & live} == arrows
    ends = PARTS["ends"]()
    assert all(f"| `{state}` |" in ends for state in TERMINAL_RUN_STATES)


def test_the_map_names_every_module() -> None:
    modules = {file.name for file in README.parent.glob("*.py")} - {"__init__.py"}
    assert set(re.findall(r"^ +(\w+\.py) ", TEXT, re.MULTILINE)) == modules
