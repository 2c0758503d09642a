from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from console.presenters.tally import Tally


def begin(tally: Tally, count: int, step: str = "a", attempt: int = 1) -> None:
    tally.note("run.step", {"step": step, "attempt": attempt, "state": "running", "targets": count})


def change(tally: Tally, *changes: Any, step: str = "a", attempt: int = 1) -> None:
    data = {"step": step, "attempt": attempt, "targets": [list(item) for item in changes]}
    tally.note("run.targets", data)


def end(tally: Tally, state: str, step: str = "a", attempt: int = 1) -> None:
    tally.note("run.step", {"step": step, "attempt": attempt, "state": state})


def test_targets_that_nothing_was_said_of_still_wait() -> None:
    tally = Tally()
    begin(tally, 5)
    change(tally, (0, "running"), (1, "running"))
    change(tally, (0, "success", None, 0))

    assert tally.counts == {"success": 1, "running": 1, "waiting": 3}


def test_before_the_first_step_there_is_nothing() -> None:
    tally = Tally()
    tally.note("run.created", {"title": "x", "targets": 5})
    tally.note("run.state", {"state": "running"})

    assert (tally.counts, tally.steps_begun) == ({}, 0)


def test_each_step_begins_anew() -> None:
    tally = Tally()
    begin(tally, 2)
    change(tally, (0, "success"), (1, "success"))
    end(tally, "succeeded")
    begin(tally, 3, step="b")

    assert (tally.counts, tally.steps_begun, tally.step) == ({"waiting": 3}, 2, "b")


def test_who_succeeded_before_is_carried_over_into_the_next_attempt() -> None:
    tally = Tally()
    begin(tally, 3)
    change(tally, (0, "success"), (1, "failed"), (2, "unreachable"))
    end(tally, "partially_succeeded")
    begin(tally, 3, attempt=2)
    change(tally, (1, "running"), attempt=2)

    assert tally.counts == {"last_success": 1, "running": 1, "waiting": 1}
    assert tally.steps_begun == 1


def test_a_late_word_about_an_earlier_attempt_changes_nothing() -> None:
    tally = Tally()
    begin(tally, 1)
    begin(tally, 1, attempt=2)
    change(tally, (0, "failed"), attempt=1)

    assert tally.counts == {"waiting": 1}


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["running", "success", "failed"]))))
def test_the_counts_always_add_up_to_all_targets(changes: list[tuple[int, str]]) -> None:
    tally = Tally()
    begin(tally, 10)
    for item in changes:
        change(tally, item)

    assert sum(tally.counts.values()) == 10


def test_a_rolling_step_says_how_many_of_its_batches_have_started() -> None:
    tally = Tally()
    begin(tally, 8)
    assert tally.batch == (0, 0)
    for batch, state in ((0, "running"), (0, "succeeded"), (1, "running"), (2, "stopped")):
        place = {"step": "a", "attempt": 1, "batch": batch, "of": 4}
        tally.note("run.batch", {**place, "state": state})
    assert tally.batch == (2, 4)
    end(tally, "succeeded")
    begin(tally, 2, step="b")
    assert tally.batch == (0, 0)


def test_steps_that_run_side_by_side_are_counted_together() -> None:
    tally = Tally()
    begin(tally, 2)
    begin(tally, 3, step="b")
    begin(tally, 0, step="ask")
    change(tally, (0, "success"))
    change(tally, (0, "running"), step="b")
    assert tally.step == "a, b, ask"
    assert (tally.total, tally.counts) == (5, {"success": 1, "running": 1, "waiting": 3})
    end(tally, "failed")
    assert (tally.step, tally.counts) == ("b, ask", {"running": 1, "waiting": 2})
    end(tally, "succeeded", step="b")
    end(tally, "succeeded", step="ask")
    assert tally.step == "ask"
