"""Where a host's sessions go."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from core.executors.workers.placing import HERE, Placing


def host(number: int) -> tuple[str, int]:
    return f"10.0.0.{number}", 22


def test_few_hosts_stay_in_the_engine() -> None:
    placing = Placing(workers=4, threshold=3, remembered_s=60)

    assert [placing.enter(host(n), 0) for n in range(5)] == [HERE, HERE, HERE, 1, 2]


def test_more_hosts_are_spread_evenly() -> None:
    placing = Placing(workers=3, threshold=10, remembered_s=60)

    places = Counter(placing.enter(host(n), 0) for n in range(100))

    assert places == {HERE: 10, 1: 30, 2: 30, 3: 30}


def test_a_host_goes_where_it_went_while_its_connection_may_be_kept() -> None:
    placing = Placing(workers=2, threshold=2, remembered_s=60)
    first = {n: placing.enter(host(n), 0) for n in range(10)}
    for n in range(10):
        placing.leave(host(n), 5)

    again = {n: placing.enter(host(n), 64) for n in reversed(range(10))}

    assert again == first


def test_a_host_that_was_away_for_long_is_new() -> None:
    placing = Placing(workers=2, threshold=1, remembered_s=60)
    placing.enter(host(0), 0)
    assert placing.enter(host(1), 0) == 1
    placing.leave(host(1), 5)
    placing.leave(host(0), 5)

    assert placing.enter(host(1), 66) == HERE


def test_a_host_that_is_present_is_never_forgotten() -> None:
    placing = Placing(workers=2, threshold=0, remembered_s=60)
    place = placing.enter(host(0), 0)
    for n in range(1, 4):
        placing.enter(host(n), 0)

    assert placing.enter(host(0), 100_000) == place


def test_without_workers_everything_stays_in_the_engine() -> None:
    placing = Placing(workers=0, threshold=0, remembered_s=60)

    assert {placing.enter(host(n), 0) for n in range(50)} == {HERE}


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=200))
def test_the_sessions_of_a_process_are_those_that_entered_and_did_not_leave(
    moves: list[tuple[int, bool]],
) -> None:
    placing = Placing(workers=3, threshold=4, remembered_s=5)
    inside: Counter[int] = Counter()
    at: dict[int, int] = {}

    for now, (number, enters) in enumerate(moves):
        if enters:
            place = placing.enter(host(number), now)
            assert at.setdefault(number, place) == place or not inside[number]
            at[number] = place
            inside[number] += 1
        elif inside[number]:
            placing.leave(host(number), now)
            inside[number] -= 1

    for place in range(4):
        expected = sum(count for number, count in inside.items() if at.get(number) == place)
        assert placing.sessions(place) == expected
