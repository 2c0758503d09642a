"""Who gives way: as few as meet all needs, the least urgent and youngest of them."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from core.dispatch.victims import Need, choose

RUNS = "abcdef"
NEEDS = st.lists(
    st.frozensets(st.sampled_from(RUNS), max_size=6).flatmap(
        lambda runs: st.builds(Need, st.just(runs), st.integers(0, min(3, len(runs))))
    ),
    min_size=1,
    max_size=3,
)


def meets(chosen: frozenset[str], needs: list[Need]) -> bool:
    return all(len(chosen.intersection(need.runs)) >= need.count for need in needs)


def every_choice() -> list[frozenset[str]]:
    return [frozenset(c) for size in range(len(RUNS) + 1) for c in combinations(RUNS, size)]


def test_of_one_need_the_first_by_preference_are_chosen() -> None:
    assert choose([Need("dabc", 2)], RUNS.index) == {"a", "b"}


def test_a_run_that_meets_two_needs_goes_before_two_that_meet_one_each() -> None:
    assert choose([Need("ac", 1), Need("bc", 1)], RUNS.index) == {"c"}


def test_who_was_chosen_and_is_not_needed_in_the_end_stays() -> None:
    needs = [Need("ab", 1), Need("ac", 1), Need("bd", 1), Need("ce", 1)]
    chosen = choose(needs, RUNS.index)
    assert all(not meets(chosen - {run}, needs) for run in chosen)


@given(NEEDS)
def test_a_choice_meets_all_needs_and_has_nobody_too_many(needs: list[Need]) -> None:
    chosen = choose(needs, RUNS.index)
    assert meets(chosen, needs)
    assert all(not meets(chosen - {run}, needs) for run in chosen)
    if len(needs) == 1:
        assert len(chosen) == min(len(each) for each in every_choice() if meets(each, needs))
