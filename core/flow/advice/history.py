"""Rules about what always or never happened, in all runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

from core.domain.hostrange import fold
from core.flow.advice.suggestion import Rule, Suggestion, evidence
from core.flow.advice.timings import FinishedRun, NodeTiming

LEAST_RUNS = 3
"""Runs that it takes to say `always`."""
LEAST_SAMPLES = 20
"""Durations that it takes to speak of what is usual."""
LONG_TIMEOUT = 20.0
"""Times the 99th percentile of what was seen."""
CHANCE = 0.05
"""Likelihood below which what was seen is not put down to chance."""


def always_retried(runs: Sequence[FinishedRun]) -> Iterator[Suggestion]:
    for name, timings in _by_node(runs).items():
        attempts = [timing.attempts for timing in timings]
        if len(attempts) >= LEAST_RUNS and min(attempts) > 1:
            found = evidence(node=name, runs=len(attempts), attempts=sum(attempts) / len(attempts))
            yield Suggestion(Rule.ALWAYS_RETRIED, (name,), found)


def long_timeout(runs: Sequence[FinishedRun]) -> Iterator[Suggestion]:
    """Against what was seen on hosts that did not fail: a failure may be the time-out itself."""
    for name, timings in _by_node(runs).items():
        timeout_s = timings[-1].timeout_s
        seen = sorted(
            duration_s
            for timing in timings
            for host, duration_s in (timing.hosts_s or {"": timing.duration_s}).items()
            if host not in timing.failed_hosts
        )
        if timeout_s is None or len(seen) < LEAST_SAMPLES:
            continue
        p99_s = percentile(seen, 99)
        if timeout_s > LONG_TIMEOUT * max(p99_s, 1.0):
            found = evidence(
                node=name,
                timeout_s=timeout_s,
                p99_s=p99_s,
                samples=len(seen),
                proposed_s=math.ceil(max(5 * p99_s, 10.0)),
            )
            yield Suggestion(Rule.LONG_TIMEOUT, (name,), found)


def never_together(runs: Sequence[FinishedRun]) -> Iterator[Suggestion]:
    """Hosts that failed in the same runs belong together; two such sets that never met differ.

    Only runs that had all these hosts count, and only where chance alone would hardly keep them
    apart: of all ways to spread the failures over the runs, at most `CHANCE` have none in common.
    """
    present = [_hosts_of(run) for run in runs]
    failed = [frozenset(h for timing in run.nodes for h in timing.failed_hosts) for run in runs]
    alike: dict[frozenset[int], list[str]] = {}
    for host in sorted(frozenset().union(*failed)):
        failures = frozenset(n for n, hosts in enumerate(failed) if host in hosts)
        alike.setdefault(failures, []).append(host)
    for (one_failures, one), (other_failures, other) in combinations(alike.items(), 2):
        common = {n for n, hosts in enumerate(present) if hosts.issuperset([*one, *other])}
        one_runs, other_runs = len(one_failures & common), len(other_failures & common)
        if one_failures & other_failures or not one_runs or not other_runs:
            continue
        free, ways = len(common) - one_runs, math.comb(len(common), other_runs)
        chance = math.comb(free, other_runs) / ways
        if chance <= CHANCE:
            found = evidence(
                one=fold(one),
                other=fold(other),
                one_runs=one_runs,
                other_runs=other_runs,
                runs=len(common),
                chance=chance,
            )
            yield Suggestion(Rule.NEVER_TOGETHER, (), found)


def _hosts_of(run: FinishedRun) -> frozenset[str]:
    return frozenset(host for timing in run.nodes for host in timing.hosts_s)


def _by_node(runs: Sequence[FinishedRun]) -> dict[str, list[NodeTiming]]:
    """Nodes of the newest run, each with how it went in every run that had it."""
    found: dict[str, list[NodeTiming]] = {timing.name: [] for timing in runs[-1].nodes}
    for run in runs:
        for timing in run.nodes:
            if timing.name in found:
                found[timing.name].append(timing)
    return found


def percentile(ordered: Sequence[float], of: float) -> float:
    """The smallest of the values, which are in order, that `of` per cent do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * of / 100) - 1)]
