"""Flows that are refused, one by one: what people are told, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.domain import yamlsafe
from core.domain.documents import parse
from core.errors import Invalid
from tests.scenarios.transcript import with_whole_nodes

_WORDS, *_CASES = (
    (Path(__file__).parent / "flows" / "bad.txt").read_text(encoding="utf-8").split("\n=== ")
)


def _problems(text: str) -> list[str]:
    """What is wrong with a flow, as `jobdeck apply` says it."""
    spec = with_whole_nodes(yamlsafe.load(text).value)
    with pytest.raises(Invalid) as caught:
        parse({"kind": "flow", "name": "f", "spec": spec})
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("case", _CASES, ids=[case.partition("\n")[0] for case in _CASES])
def test_a_bad_flow_is_refused_with_exactly_these_problems(case: str) -> None:
    flow, _, told = case.partition("\n")[2].partition("---\n")
    assert _problems(flow) == told.strip().splitlines()


def test_there_are_many_and_each_says_a_place() -> None:
    assert len(_CASES) >= 60
    for case in _CASES:
        assert all(line.startswith("spec") for line in case.split("---\n")[1].split("\n") if line)
