"""Two runs, or a plan and a run, host by host."""

from __future__ import annotations

from console.answers.base import Answer
from console.answers.documents import FieldChange
from console.answers.plans import Plan
from console.answers.runs import Run


class HostAnswer(Answer, frozen=True, kw_only=True):
    """How hosts answered in one of two runs that are compared; `state` None: not yet."""

    state: str | None = None
    exit_code: int | None = None


class PairGroup(Answer, frozen=True, kw_only=True):
    """Hosts of one step whose two answers stand to each other in the same way."""

    step: str
    difference: str
    """only_a, only_b, state, exit_code, output or same."""
    a: HostAnswer | None = None
    """None: not a target on this side."""
    b: HostAnswer | None = None
    count: int = 0
    folded: str = ""
    hosts: list[str] = []


class Compared(Answer, frozen=True, kw_only=True):
    """What differs between two runs, or between a plan and a run."""

    definition: list[FieldChange] = []
    counts: dict[str, int] = {}
    """Difference -> number of hosts, all steps together."""
    groups: list[PairGroup] = []


class RunComparison(Compared, frozen=True, kw_only=True):
    """What differs between two runs."""

    a: Run
    b: Run


class PlanComparison(Compared, frozen=True, kw_only=True):
    """A plan and the run that followed, or what would run now (`run_id` None)."""

    plan: Plan
    run_id: str | None = None
