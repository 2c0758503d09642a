"""Everything in one look."""

from __future__ import annotations

from console.answers.approvals import Approval
from console.answers.base import Answer
from console.answers.engine import Engine
from console.answers.hostkeys import HostKey
from console.answers.runs import Run


class SomeRuns(Answer, frozen=True, kw_only=True):
    """The newest of some runs, and how many there are."""

    count: int = 0
    newest: list[Run] = []


class HourResults(Answer, frozen=True, kw_only=True):
    """How hosts answered in the runs that ended in one hour."""

    hour: str
    """Its beginning."""
    counts: dict[str, int] = {}
    """Target state -> number."""


class Coming(Answer, frozen=True, kw_only=True):
    """A schedule and when its next run is to start."""

    schedule: str
    at: str


class Pulse(Answer, frozen=True, kw_only=True):
    """What goes on, what failed lately, what waits for whoever asks, what comes next."""

    engine: Engine
    running: SomeRuns = SomeRuns()
    failed: SomeRuns = SomeRuns()
    unknown: SomeRuns = SomeRuns()
    approvals: list[Approval] = []
    host_keys: list[HostKey] = []
    coming: list[Coming] = []
    results: list[HourResults] = []
    """Hour by hour; hours without runs are left out."""
    results_since: str = ""
    """24 hours ago, or later where more was run than is summed."""
    has_hosts: bool = True
    has_runs: bool = True
