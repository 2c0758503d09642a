"""Laws of batches, whatever the expression, the order and the targets."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.domain.rolling import (
    MAX_BATCHES,
    Candidate,
    Order,
    Rolling,
    Stagger,
    fractions,
    planned_offsets,
    resolve,
)
from core.domain.rolling_expression import Part, parse, wanted_sizes
from core.errors import Invalid

PLAIN = st.integers(1, 60).map(str) | st.integers(1, 99).map(lambda number: f"{number}%")
LAST = st.sampled_from(["", "+", "*"]).flatmap(
    lambda sign: st.integers(1, 9).map(lambda number: f"{sign}{number}")
) | st.just("100%")
EXPRESSIONS = st.tuples(st.lists(PLAIN, max_size=5), LAST).map(
    lambda parts: " ".join([*parts[0], parts[1]])
)
RANKS = st.none() | st.sampled_from(["1", "2", "10", "canary"])
TARGETS = st.lists(RANKS, max_size=300).map(
    lambda ranks: [Candidate(number, f"h{number}", rank) for number, rank in enumerate(ranks)]
)
ORDERS = st.sampled_from(Order)


@given(TARGETS, EXPRESSIONS, ORDERS, st.booleans(), st.text(max_size=5))
def test_every_target_is_in_exactly_one_batch_and_no_batch_is_empty(
    targets: list[Candidate], expression: str, order: Order, ranked: bool, seed: str
) -> None:
    rolling = Rolling(batch=expression, order=order, rank="tier" if ranked else None)
    batches = resolve(targets, rolling, seed)
    assert sorted(ordinal for batch in batches for ordinal in batch) == list(range(len(targets)))
    assert all(batches)
    assert len(batches) <= MAX_BATCHES


@given(TARGETS, EXPRESSIONS, ORDERS)
def test_every_batch_but_the_last_is_as_large_as_the_expression_says(
    targets: list[Candidate], expression: str, order: Order
) -> None:
    batches = resolve(targets, Rolling(batch=expression, order=order), "s")
    wanted = wanted_sizes(parse(expression), len(targets))
    for batch, size in zip(batches[:-1], wanted, strict=False):
        assert len(batch) == size
    if batches:
        assert len(batches[-1]) <= next(wanted)


@given(TARGETS, EXPRESSIONS, ORDERS)
def test_ranks_are_done_one_after_the_other(
    targets: list[Candidate], expression: str, order: Order
) -> None:
    batches = resolve(targets, Rolling(batch=expression, order=order, rank="tier"), "s")
    ranks = []
    for batch in batches:
        (rank,) = {targets[ordinal].rank for ordinal in batch}
        ranks.append(rank)
    assert [rank for rank, after in pairwise([*ranks, "end"]) if rank != after] == [
        rank for rank in ("1", "2", "10", "canary", None) if rank in ranks
    ]


@given(TARGETS, EXPRESSIONS)
def test_reverse_is_the_inventory_backwards(targets: list[Candidate], expression: str) -> None:
    def flat(order: Order) -> list[int]:
        batches = resolve(targets, Rolling(batch=expression, order=order))
        return [ordinal for batch in batches for ordinal in batch]

    assert flat(Order.REVERSE) == flat(Order.INVENTORY)[::-1]


@given(st.integers(0, 300), st.text(max_size=8), st.floats(0, 100), st.floats(0.1, 50))
def test_planned_times_rise_and_follow_from_the_seed(
    count: int, seed: str, fixed: float, least: float
) -> None:
    stagger = Stagger(fixed_s=fixed, min_s=least, max_s=2 * least)
    offsets = planned_offsets(stagger, fractions(seed, count))
    assert offsets == planned_offsets(stagger, fractions(seed, count))
    assert len(offsets) == count
    assert list(offsets[:1]) == [0.0] * bool(count)
    for before, after in pairwise(offsets):
        assert fixed + least - 0.001 <= after - before <= fixed + 2 * least + 0.001
        assert after > before


@given(st.text(max_size=40) | EXPRESSIONS)
def test_any_text_is_read_or_refused_at_a_place_inside_it(text: str) -> None:
    try:
        parts = parse(text)
    except Invalid as error:
        (problem,) = error.problems
        column = int(problem.where.removeprefix("column "))
        assert 1 <= column <= max(1, len(text))
        return
    assert all(isinstance(part, Part) and part.number >= 1 for part in parts)
    assert not any(part.is_last for part in parts[:-1])


def test_fractions_spread_over_their_range() -> None:
    found = fractions("seed", 1000)
    assert all(0 <= number < 1 for number in found)
    assert 400 < sum(number < 0.5 for number in found) < 600
