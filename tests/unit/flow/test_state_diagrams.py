"""What the READMEs of the pure packages show is what the tables say, and maps name every module."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.domain.run import RUN_TRANSITIONS, TERMINAL_RUN_STATES, RunState
from tests.support.statediagrams import CORE, READMES, renewed

FLOW = CORE / "flow" / "README.md"


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: readme.parent.name)
def test_what_is_made_from_tables_is_current(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    assert renewed(text, READMES[readme]) == text, "python -m tests.support.statediagrams"


def test_a_text_without_a_place_for_a_diagram_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no place for 'core/domain/run.py: runs and nodes'"):
        renewed("Words.", READMES[FLOW])


def test_every_way_between_states_of_runs_is_shown() -> None:
    parts = READMES[FLOW]
    arrows = set(re.findall(r"(\w+) --> (\w+)", parts["core/domain/run.py: runs and nodes"]()))
    live = set(RunState) - TERMINAL_RUN_STATES
    assert {(old, new) for old in live for new in RUN_TRANSITIONS[old] & live} == arrows
    ends = parts["core/domain/run.py: ends"]()
    assert all(f"| `{state}` |" in ends for state in TERMINAL_RUN_STATES)


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: readme.parent.name)
def test_the_map_names_every_module(readme: Path) -> None:
    modules = {file.name for file in readme.parent.glob("*.py")} - {"__init__.py"}
    named = re.findall(
        r"(?:^ *|  )(\w+\.py)(?= )", readme.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert modules <= set(named)
