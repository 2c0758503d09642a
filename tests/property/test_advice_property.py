"""Whatever runs look like, advice on them is given, bounded by them, and the same each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.flow.advice import FinishedRun, NodeTiming, advise

NAMES = ("a", "b", "c", "d", "e")
HOSTS = ("web1", "web2", "web3", "web4", "db1")
seconds = st.floats(0, 1e6)


@st.composite
def timings(draw: st.DrawFn, name: str) -> NodeTiming:
    started_s = draw(seconds)
    hosts_s = draw(st.dictionaries(st.sampled_from(HOSTS), seconds))
    return NodeTiming(
        name=name,
        started_s=started_s,
        ended_s=started_s + draw(st.floats(-10, 1e5)),  # clocks may have been set back
        attempts=draw(st.integers(1, 4)),
        hosts_s=hosts_s,
        failed_hosts=frozenset(host for host in hosts_s if draw(st.booleans())),
        timeout_s=draw(st.none() | st.floats(1, 1e6)),
        uses=draw(st.frozensets(st.sampled_from(NAMES))),
    )


@st.composite
def runs(draw: st.DrawFn) -> FinishedRun:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    pairs = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))
    return FinishedRun(
        nodes=tuple(draw(timings(name)) for name in names),
        edges=tuple(draw(st.lists(pairs, max_size=6))),
        declared=draw(st.frozensets(st.sampled_from(NAMES))),
        used=draw(st.frozensets(st.sampled_from(NAMES))),
    )


@given(st.lists(runs(), max_size=3))
def test_advice_names_nodes_of_the_newest_run_and_saves_no_more_than_it_took(
    seen: list[FinishedRun],
) -> None:
    found = advise(seen)
    assert found == advise(seen)
    for suggestion in found:
        newest = {timing.name: timing for timing in seen[-1].nodes}
        assert set(suggestion.nodes) <= newest.keys()
        assert suggestion.sentence
        assert suggestion.saves_s >= 0
        longest = sum(timing.duration_s for timing in newest.values())
        hosts = max((s for timing in newest.values() for s in timing.hosts_s.values()), default=0)
        ends = max((timing.ended_s for timing in newest.values()), default=0)
        assert suggestion.saves_s <= max(longest, hosts, ends + 10) + 1e-6
