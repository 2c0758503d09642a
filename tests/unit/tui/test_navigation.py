"""Places and the history of them."""

from __future__ import annotations

from console.tui.navigation import History, Memory, Place

RUNS, QUEUE, RUN = Place("runs"), Place("queue"), Place("run", "01")


def went(*places: Place) -> History:
    history = History()
    for place in places:
        history.go(place)
    return history


def test_back_and_forward_go_along_the_history() -> None:
    history = went(RUNS, RUN, QUEUE)

    assert history.step(-1) == RUN
    assert history.step(-1) == RUNS
    assert history.step(-1) is None
    assert history.step(1) == RUN
    assert history.here == RUN


def test_going_somewhere_forgets_what_was_ahead() -> None:
    history = went(RUNS, RUN)
    history.step(-1)
    history.go(QUEUE)

    assert history.step(1) is None
    assert history.step(-1) == RUNS


def test_last_changes_between_two_places() -> None:
    history = went(RUNS, QUEUE)

    last = history.last()
    assert last == RUNS
    history.go(RUNS)
    assert history.last() == QUEUE


def test_going_where_one_is_adds_nothing() -> None:
    history = went(RUNS, QUEUE, QUEUE)

    assert history.step(-1) == RUNS


def test_a_place_finds_what_it_remembered() -> None:
    history = went(RUNS)
    history.remember(RUNS, Memory(cursor="01", filter="web"))

    assert history.memory(Place("runs", "")).cursor == "01"
    assert history.memory(QUEUE) == Memory()


def test_the_trail_leads_from_the_outermost_place() -> None:
    output = Place("output", "01").inside(RUN.inside(RUNS))

    assert [str(place) for place in output.trail()] == ["runs", "run 01", "output 01"]


def test_the_history_is_bounded() -> None:
    history = went(*(Place("run", str(number)) for number in range(1000)))

    steps = 0
    while history.step(-1):
        steps += 1
    assert steps == 199
