"""Rules about how the newest run went: what it waited for, and what it need not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.flow.advice.suggestion import Rule, Suggestion, evidence
from core.flow.advice.timings import FinishedRun, NodeTiming

LEAST_GAIN_S = 5.0
"""What saves less is not worth a sentence."""
LEAST_SHARE = 0.05
"""Of the run's time; the same."""
LEAST_HOSTS = 4
"""Hosts of a node among which one is slow."""
SLOW = 2.0
"""Times the second slowest: what one host or branch is waited for."""


def critical_path(runs: Sequence[FinishedRun]) -> Iterator[Suggestion]:
    """Back from the node that ended last, always to the one that was waited for last."""
    run = runs[-1]
    timings = {timing.name: timing for timing in run.nodes}
    if len(timings) < 2 or not _is_worth_it(run.duration_s, run):
        return
    before = run.sources
    at: NodeTiming | None = max(run.nodes, key=lambda timing: timing.ended_s)
    path: list[NodeTiming] = []
    while at is not None and at not in path:  # a loop of the flow leads back to where we were
        path.append(at)
        waited_for = [timings[name] for name in before.get(at.name, ()) if name in timings]
        at = max(waited_for, key=lambda timing: timing.ended_s, default=None)
    path.reverse()
    if len(path) < 2:
        return
    longest = max(path, key=lambda timing: timing.duration_s)
    names = tuple(timing.name for timing in path)
    yield Suggestion(
        Rule.CRITICAL_PATH,
        names,
        evidence(
            path=" > ".join(names),
            path_s=sum(timing.duration_s for timing in path),
            run_s=run.duration_s,
            longest=longest.name,
            longest_s=longest.duration_s,
        ),
    )


def side_by_side(runs: Sequence[FinishedRun]) -> Iterator[Suggestion]:
    """Stretches of the flow without fork or join, whose nodes do not need each other.

    Nodes that act on one host are left as they are: what one does there may be why the other comes
    after it, and no data tells.
    """
    run = runs[-1]
    for stretch in _stretches(run):
        group: list[NodeTiming] = []
        for timing in [*stretch, None]:
            if timing is not None and all(_independent(one, timing) for one in group):
                group.append(timing)
                continue
            durations = [one.duration_s for one in group]
            saves_s = sum(durations) - max(durations, default=0.0)
            if len(group) > 1 and _is_worth_it(saves_s, run):
                names = tuple(one.name for one in group)
                yield Suggestion(Rule.SIDE_BY_SIDE, names, evidence(nodes=names, saves_s=saves_s))
            group = [timing] if timing is not None else []


def _independent(earlier: NodeTiming, later: NodeTiming) -> bool:
    return earlier.name not in later.uses and not earlier.hosts_s.keys() & later.hosts_s.keys()


def _stretches(run: FinishedRun) -> Iterator[list[NodeTiming]]:
    """Nodes of which each has only the next behind it, and that one only it before it."""
    timings = {timing.name: timing for timing in run.nodes}
    before, after = run.sources, run.targets

    def follows(name: str) -> str | None:
        behind = after.get(name, ())
        if len(behind) == 1 and len(before[behind[0]]) == 1 and behind[0] in timings:
            return behind[0]
        return None

    followers = {follows(name) for name in timings}
    for name, first in timings.items():
        if name in followers:
            continue
        stretch = [first]
        while (following := follows(stretch[-1].name)) is not None:
            stretch.append(timings[following])
        yield stretch


def slow_branch(runs: Sequence[FinishedRun]) -> Iterator[Suggestion]:
    """Where branches come together, and one of them ended long after all others."""
    run = runs[-1]
    timings = {timing.name: timing for timing in run.nodes}
    for node, sources in run.sources.items():
        ends = sorted((timings[name] for name in sources if name in timings), key=_end)
        if node not in timings or len(ends) < 2:
            continue
        saves_s = ends[-1].ended_s - ends[-2].ended_s
        if _is_worth_it(saves_s, run):
            names = (ends[-1].name, node)
            found = evidence(node=node, branch=ends[-1].name, saves_s=saves_s)
            yield Suggestion(Rule.SLOW_BRANCH, names, found)


def _end(timing: NodeTiming) -> float:
    return timing.ended_s


def slow_host(runs: Sequence[FinishedRun]) -> Iterator[Suggestion]:
    """A node of which one host took much longer than all others."""
    run = runs[-1]
    for timing in run.nodes:
        if len(timing.hosts_s) < LEAST_HOSTS:
            continue
        ordered = sorted(timing.hosts_s.items(), key=lambda item: (item[1], item[0]))
        (_, next_s), (host, slowest_s) = ordered[-2:]
        saves_s = slowest_s - next_s
        if slowest_s >= SLOW * next_s and _is_worth_it(saves_s, run):
            found = evidence(
                node=timing.name,
                host=host,
                hosts=len(ordered),
                slowest_s=slowest_s,
                next_s=next_s,
                saves_s=saves_s,
            )
            yield Suggestion(Rule.SLOW_HOST, (timing.name,), found)


def unused_variables(runs: Sequence[FinishedRun]) -> Iterator[Suggestion]:
    unused = tuple(sorted(runs[-1].declared - runs[-1].used))
    if unused:
        yield Suggestion(Rule.UNUSED_VARIABLES, (), evidence(variables=unused))


def _is_worth_it(saves_s: float, run: FinishedRun) -> bool:
    return saves_s >= max(LEAST_GAIN_S, LEAST_SHARE * run.duration_s)
